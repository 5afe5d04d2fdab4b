"""A worker that begins its task, says so, and never ends it: to be killed. Its argument is the database's address."""

import sys
import time

from freehold.core.database import Database
from freehold.tasks.rules import Kind
from freehold.tasks.worker import Turn, Worker


def hang(turn: Turn, value: str) -> None:
    print("begun", flush=True)
    time.sleep(3600)


if __name__ == "__main__":
    worker = Worker(Database(sys.argv[1]), {Kind("test.note"): hang}, threads=1)
    worker.start()
    time.sleep(3600)
