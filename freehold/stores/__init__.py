"""Stores: bytes by key, written once and never changed.

One interface (``store.Store``), three places to keep the bytes: a local directory, memory (tests) and an S3 service.
Keys are ``git/<repo id>/...``, ``lfs/ab/cd/<sha256>``, ``xorbs/ab/<xorb hash>[.idx]``; what a key means is the business
of the rooms above. Imports only ``core``.
"""
