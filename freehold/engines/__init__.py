"""Engines: programs that run models, described by data; one file and its test each.

*Engine*: formats, tasks, memory and command. *Program*: what runs in the engine's process (``engines.programs``), which
the hub starts and never imports.
Neighbours: ``cards`` below knows what a model is and needs; ``inference`` above starts engines and calls them.
"""
