"""Trends: which kinds of repository rise or fall over time.

A *dimension* divides repositories into kinds (task, licence, size), each named by a *word*; a *tally* says how many new
ones, downloads and likes the repositories of a word had in a stretch of time. Only repositories that are public now are
counted, under what they are now; each keeps its *contribution*, so that it can be taken out again.
"""
