"""Gating: who may read a gated repository: questions, requests, answers to them, terms and who agreed to which.

*Terms* are the text that one agrees to, named by its SHA-256; an *admission* (``repos``) is where an account stands at
a gate; a *record* is one thing that happened there, never changed. Neighbours: ``cards`` reads the metadata that the
questions stand in; ``repos`` opens the gate for every door.
"""
