"""The kind of background task that this room enqueues."""

from freehold.tasks.rules import Kind

#: Rows that wait for one data set become one commit: what comes within ``GATHER_S``, so that its history stays short.
WRITE = Kind("playground.write", timeout_s=300, max_attempts=8)
GATHER_S = 20.0
