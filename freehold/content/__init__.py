"""Content: commits, refs, trees, LFS, Xet and download: everything inside a repository.

*Revision*: a 40-hex commit id. *Ref*: branch, tag, ``refs/pr/N``. *Content*: a large file named by its SHA-256.
*Recipe*: the xorb ranges that rebuild a content. Immutable bytes lie in the store; every row here is mutable state, so
one transaction publishes a commit. Neighbours: ``repos`` below, ``cards`` listens to ``RepoPushed``.
"""
