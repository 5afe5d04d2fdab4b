"""The kind of background task that this room enqueues."""

from freehold.tasks.rules import Kind

#: Rows that wait for one data set become one commit. What comes within ``GATHER_S`` goes in one, which keeps its history short.
WRITE = Kind("playground.write", timeout_s=300, max_attempts=8)
GATHER_S = 20.0
