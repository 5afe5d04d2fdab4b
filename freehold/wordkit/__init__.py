"""Words of texts, and how they are looked for: what a text is cut into, what somebody asks for, lines of context.

Knows no feature. A room that wants its texts found keeps a table with :class:`tables.TextColumns` and asks by
``queries.held``; SQLite looks into a full-text index beside the table (FTS5, kept by triggers), PostgreSQL into a
column of lexemes. *Near word*: one that a slip of the keyboard or two turns into another (``near``).
"""
