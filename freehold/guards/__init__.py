"""Checks of what goes into a model and of what comes out: block, mask or mark, and a record of what was found.

*Guard*: one check with what it does on a finding. *Finding*: what was found, where, never the text itself.
Neighbours: ``inference`` below, since a guard may be a model; ``routing`` above applies guards to its routes.
"""
