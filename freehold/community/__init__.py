"""Community: what people make of what is here: likes, follows and collections, and who somebody is.

*Like*: somebody's mark on a repository. *Follow*: somebody wants to hear of an account. *Collection*: an ordered list
of repositories, papers and other collections, with notes, that belongs to an account. *Upvote*: somebody's mark on a
collection. *Overview*: an account in numbers. Neighbours: ``repos`` below keeps the number of likes, ``discover`` above
lists by it.
"""
