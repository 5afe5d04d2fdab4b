"""Saved searches: what a person looks for again and again, and what has come to match since.

A *saved search* is the address of a list under a name. A *match* is a repository that it found: known from the start,
or new since a moment. Neighbours: ``discover`` reads the address and lists; ``inbox`` tells people.
"""
