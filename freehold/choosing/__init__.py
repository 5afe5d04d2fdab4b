"""Choosing: which of many. Repositories side by side, the family that a model belongs to, and others like it.

A *comparison* has a *column* for each repository and lines in groups; a *cell* says one thing of one of them, with
where it comes from. Everything told here is told on the repositories' own pages too, by ``discover`` below: this room
lays it side by side and judges nothing anew. What a reader may not see is not here, whichever way it is asked for.
"""
