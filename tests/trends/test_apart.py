"""The first round of a large hub is counted by a process of its own, and comes to the same."""

import shutil
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import delete

from freehold.core.database import Database
from freehold.trends import apart, queries, tasks
from freehold.trends.tables import Contribution, Tally, TallyRound
from freehold.trends.tasks import Rounds
from tests.trends.conftest import Make, count
from tests.trends.test_counting import _everything


@pytest.fixture
def rounds(database: Database, make: Make, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rounds]:
    monkeypatch.setattr(apart, "WORTH_IT", 1)
    monkeypatch.setattr(tasks, "EVERY_S", 3_600)
    make("one", days={1: 3})
    make("two", days={2: 5}, likes=3)
    made = Rounds(database)
    made.start()
    yield made
    made.stop()


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not until():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


def test_a_process_of_its_own_counts_what_this_one_would(database: Database, rounds: Rounds) -> None:
    rounds.turn()
    process = rounds._apart._process
    assert process is not None
    assert process.wait(60) == 0
    counted = _everything(database)
    with database.read() as db:
        found = queries.round_(db)
        assert found is not None and found.finished_at is not None
    rounds.turn()
    assert rounds._apart._process is None, "later rounds are counted here"
    with database.write() as db:
        for table in (Tally, Contribution, TallyRound):
            db.execute(delete(table))
    count(database)
    assert counted == _everything(database) != []


def test_it_ends_with_its_hub(rounds: Rounds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart.subprocess, "Popen", _sleeper(apart.subprocess.Popen))
    rounds.turn()
    process = rounds._apart._process
    assert process is not None and process.poll() is None
    rounds.stop()
    assert process.poll() is not None


def _sleeper(popen: Callable[..., object]) -> Callable[..., object]:
    code = "import sys; sys.stdin.read()"
    return lambda command, **how: popen([sys.executable, "-c", code], **how)


def test_where_it_ends_badly_it_is_counted_here(
    database: Database, rounds: Rounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    rounds.turn()
    process = rounds._apart._process
    assert process is not None
    assert process.wait(60) != 0
    rounds.turn()
    assert rounds._apart._process is None
    assert _everything(database) != []
