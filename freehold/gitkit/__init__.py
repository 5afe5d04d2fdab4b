"""Git objects as plain functions: packs written and read, commits, trees, attributes. Knows no refs and no database.

*Objects*: what the packs of one repository hold, open for reading (``objects``), handed out by the *depot* (``depot``).
A commit is written (``commits``) as one *pack* (``packs``) of only the new objects; whoever publishes it moves a ref,
which is a database row elsewhere. *Pointer*: the small text that stands for a large file (``pointers``).
"""
