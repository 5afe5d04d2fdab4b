"""Spaces: what a demo needs around its files: secrets, variables, volumes, and the hardware that it asks for.

*Secret*: a value that only the running app will see; kept sealed, and told through no door. *Variable*: a value that
whoever reads the Space may read. *Runtime*: how the app is; none runs here yet, and the answers say so.
Neighbours: ``content`` below keeps the files; ``discover`` above tells the runtime with the rest.
"""
