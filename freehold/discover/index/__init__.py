"""The index of lists: every repository in memory, in a process of its own, so that lists of millions answer at once.

The database is the truth. The *engine* knows only slots, words and numbers; the *feed* fills it from the database and
follows the log of changes; the *process* answers the hub over a socket; the *client* is the hub's end of it. Only the
engine's own modules import pyroaring, and the hub's process imports none of them.
"""
