"""Routes: served names that stand for a policy over other served names.

*Route*: pinned, canary by weight, fallback chain, by rule, or small first. *Choice*: what a call came to, and why.
Neighbours: ``guards`` and ``inference`` below; ``pipelines`` and ``gateway`` above call routes like endpoints.
"""
