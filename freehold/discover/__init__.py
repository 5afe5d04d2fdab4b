"""Discover: what there is: lists with filters, repository info, home, list and repository pages.

*Info*: the JSON a client gets about one repository at one revision. *Facts*: the part of it that follows from the
commit alone: kept by commit id, never invalidated. Neighbours: ``cards`` below indexes, ``content`` below holds
files.
"""
