"""The first round of a large hub, by a process of its own: millions of repositories take an hour of one processor, and
in the hub's own process every page would share its interpreter with that.

Started as ``python -m freehold.trends.apart``. Its standard input tells the database, and closes when nobody waits.
"""

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress

from sqlalchemy import func, select

from freehold.core.database import Database
from freehold.repos.tables import Repo
from freehold.trends import queries
from freehold.trends.counting import Counting

#: From so many repositories on; fewer are counted within a minute or so.
WORTH_IT = 50_000
#: How nicely, so that whoever asks comes first; how long its end is waited for; until it looks whether it may go on.
NICE, END_S, AGAIN_S = 15, 5.0, 5.0


class Apart:
    """Keeps that process as long as there is something for it to do. One thread at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._process: subprocess.Popen[bytes] | None = None
        self._is_of_use = True  # until it ends badly

    def is_at_it(self) -> bool:
        """Whether the round is counted there, and not here."""
        if self._process is not None:
            status = self._process.poll()
            if status is None:
                return True
            self.end()
            self._is_of_use = status == 0
        if not self._is_of_use or not self._is_worth_it():
            return False
        process = subprocess.Popen(  # words of our own
            [sys.executable, "-s", "-m", "freehold.trends.apart"], stdin=subprocess.PIPE, cwd="/"
        )
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended, and another one is begun at the next turn
            process.stdin.write(self._database.url.encode() + b"\n")  # no argument: everybody can read those
            process.stdin.flush()
        self._process = process
        return True

    def end(self) -> None:
        """There is no such process."""
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            with suppress(BrokenPipeError):
                process.stdin.close()
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _is_worth_it(self) -> bool:
        if not is_first(self._database):
            return False
        with self._database.read() as db:
            some = select(Repo.id).limit(WORTH_IT + 1).subquery()
            return (db.scalar(select(func.count()).select_from(some)) or 0) > WORTH_IT


def is_first(database: Database) -> bool:
    """Whether no round has ended yet."""
    with database.read() as db:
        found = queries.round_(db)
        return found is None or found.finished_at is None


def _end_with_whoever_waits() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    url = sys.stdin.buffer.readline().strip().decode()
    threading.Thread(target=_end_with_whoever_waits, daemon=True).start()
    os.nice(NICE)
    database = Database(url, pool_size=2)
    counting = Counting(database)
    while is_first(database):
        if not counting.turn():  # another node is at it
            time.sleep(AGAIN_S)
    os._exit(0)


if __name__ == "__main__":
    main()
