"""The command line: one file a noun, shared options, one sentence on error.

Every command takes ``--data DIR``, works while a server runs (both talk to the same database), and exits non-zero with
one clear sentence when it cannot do what was asked.
"""

from freehold.cli.program import main

__all__ = ["main"]
