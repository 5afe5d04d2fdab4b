"""Core: what every room stands on and nothing a room knows.

Holds settings, the database session, errors, events, ids, the clock, pagination and the HTTP edge. Imports only the
standard library and third-party packages.
"""
