"""Counting: what public repositories add, however often it is done, and nothing of what is not public."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, update
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.cards.tables import RepoCard
from freehold.community.tables import Like
from freehold.content.tables import DownloadDay
from freehold.core import clock
from freehold.core.database import Database
from freehold.repos.tables import Repo
from freehold.trends import adding, queries, service
from freehold.trends.adding import Inputs
from freehold.trends.counting import Counting
from freehold.trends.tables import Contribution, Tally, TallyRound
from tests.fixtures.people import Cast
from tests.trends.conftest import Make, count

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
TODAY = NOW.date()


# ---- one repository ------------------------------------------------------------------------------------------------


def _inputs(**other: Any) -> Inputs:
    usual: dict[str, Any] = {
        "kind": "model",
        "words": {"licence": ["license:mit"]},
        "created": date(2026, 10, 1),
        "days": {},
        "months": {},
        "likes": {},
    }
    return Inputs(**(usual | other))


def _added(inputs: Inputs, before: adding.Added | None = None, today: date = TODAY) -> adding.Added:
    return adding.added(inputs, before, today=today, recent_days=30, first_month=date(2025, 11, 1))


@pytest.mark.rules
def test_days_that_went_into_their_month_are_still_told_as_days_and_weeks() -> None:
    first = _added(_inputs(days={TODAY - timedelta(days=29): 5, TODAY: 2}))
    later = TODAY + timedelta(days=20)
    folded = _inputs(days={TODAY: 2}, months={date(2026, 10, 1): 5})
    second = adding.added(folded, first, today=later, recent_days=30, first_month=date(2025, 11, 1))
    told = {date.fromordinal(at): numbers[1] for at, numbers in second.series["day"].items() if numbers[1]}
    assert told == {TODAY - timedelta(days=29): 5, TODAY: 2}
    assert sum(numbers[1] for numbers in second.series["week"].values()) == 7
    assert second.series["month"][date(2026, 10, 1).toordinal()] == (1, 5, 0)
    assert second.series["all"][0] == (1, 7, 0)


@pytest.mark.rules
def test_weeks_and_months_outlive_their_days() -> None:
    known = _added(_inputs(days={TODAY: 4}))
    later = TODAY + timedelta(days=600)
    kept = adding.added(_inputs(), known, today=later, recent_days=30, first_month=date(2027, 7, 1))
    assert not [at for at in kept.series["day"] if at < later.toordinal() - adding.DAYS_KEPT]
    assert sum(numbers[1] for numbers in kept.series["week"].values()) == 4
    assert kept.series["all"][0][1] == 4


_DAYS = st.dictionaries(st.dates(date(2026, 1, 1), date(2027, 1, 1)), st.integers(1, 1 << 40), max_size=6)


@pytest.mark.rules
@given(first=_DAYS, second=_DAYS, likes=_DAYS, words=st.sets(st.text("abé=<", max_size=3), max_size=3))
def test_differences_add_up_and_leave_nothing(
    first: dict[date, int], second: dict[date, int], likes: dict[date, int], words: set[str]
) -> None:
    """What was added by steps is what is taken out again, through the packed form."""
    steps = [None, _inputs(days=first), _inputs(days=second, likes=likes, words={"task": sorted(words) or [""]}), None]
    sums: dict[adding.Key, list[int]] = {}
    before: adding.Added | None = None
    for inputs in steps:
        after = _added(inputs, before) if inputs else None
        for key, numbers in adding.difference(before, after):
            sums[key] = [a + b for a, b in zip(sums.get(key, [0, 0, 0]), numbers, strict=True)]
        before = adding.Added.unpacked(after.packed()) if after else None
    assert not [key for key, numbers in sums.items() if any(numbers)]


@pytest.mark.rules
@given(st.dates())
def test_every_day_lies_in_its_week_and_month(day: date) -> None:
    at = day.toordinal()
    monday, first = adding.begins("week", at), adding.begins("month", at)
    assert date.fromordinal(monday).weekday() == 0 and 0 <= at - monday < 7
    assert date.fromordinal(first) == day.replace(day=1)


# ---- many ------------------------------------------------------------------------------------------------------


def _tallies(database: Database, **where: Any) -> dict[str, tuple[int, int, int]]:
    """Of all time, by word."""
    query = select(Tally.word, Tally.new, Tally.downloads, Tally.likes)
    for name, value in ({"kind": "model", "dimension": "licence", "grain": "all"} | where).items():
        query = query.where(getattr(Tally, name) == value)
    with database.read() as db:
        return {word: (new, downloads, likes) for word, new, downloads, likes in db.execute(query)}


def test_the_past_is_told_at_once(database: Database, make: Make) -> None:
    month = (clock.now().date().replace(day=1) - timedelta(days=70)).replace(day=1)
    make("one", days={0: 3, 5: 4}, months={month: 100}, likes=2)
    make("two", tags=["license:mit", "gguf", "en"], days={5: 1})
    make("three", tags=[])
    count(database)
    assert _tallies(database) == {"license:mit": (2, 108, 2), "": (1, 0, 0)}
    assert _tallies(database, dimension="") == {"": (3, 108, 2)}
    assert _tallies(database, dimension="format")["gguf"] == (1, 1, 0)
    assert _tallies(database, dimension="language")["en"] == (1, 1, 0)
    day = clock.now().astimezone(UTC).date().toordinal() - 5
    assert _tallies(database, grain="day", begins=day)["license:mit"][1] == 5
    assert _tallies(database, grain="month", begins=month.toordinal())["license:mit"][1] == 100


def test_counting_twice_and_on_two_nodes_changes_nothing(
    new_app: Callable[..., Starlette], database: Database, app: Starlette, make: Make
) -> None:
    make("one", days={1: 3})
    count(database)
    before = _everything(database)
    count(database)
    count(new_app().state.database)
    assert _everything(database) == before
    Counting(database).turn()  # none is due
    with database.read() as db:
        found = queries.round_(db)
    assert found is not None and found.finished_at is not None


def _everything(database: Database) -> list[tuple[Any, ...]]:
    with database.read() as db:
        return [tuple(row) for row in db.execute(select(*Tally.__table__.columns).order_by(*Tally.__table__.columns))]


def test_one_node_counts_at_a_time(database: Database, make: Make) -> None:
    make("one", days={1: 3})
    with database.write() as db:
        assert service.take(db) is not None
    with database.write() as db:
        assert service.take(db) is None
    Counting(database).turn()
    assert _tallies(database) == {}
    with clock.frozen(clock.now() + timedelta(seconds=service.LEASE_S + 1)):  # that node is gone
        Counting(database).turn()
    assert _tallies(database)["license:mit"] == (1, 3, 0)


def test_what_changes_is_counted_anew_under_what_it_is_now(database: Database, make: Make) -> None:
    repo_id = make("one", days={1: 3}, likes=3)
    count(database)
    with database.write() as db:
        db.execute(update(RepoCard).values(tags=["license:apache-2.0"]))
        db.execute(update(DownloadDay).values(downloads=5))
        db.execute(delete(Like).where(Like.repo_id == repo_id).where(Like.user_id != ""))
    count(database)
    told = {word: numbers for word, numbers in _tallies(database).items() if any(numbers)}
    assert told == {"license:apache-2.0": (1, 5, 0)}


def test_what_becomes_private_is_told_no_more_at_once(
    client: TestClient, database: Database, app: Starlette, cast: Cast, make: Make
) -> None:
    make("mine", tags=["license:secret-words"], days={1: 7}, likes=1)
    make("other")
    count(database)
    assert _tallies(database)["license:secret-words"] == (1, 7, 1)
    answer = client.put("/api/models/alice/mine/settings", json={"private": True}, headers=cast.alice.headers)
    assert answer.status_code == 200
    assert not any(_tallies(database)["license:secret-words"])
    assert _tallies(database, dimension="") == {"": (1, 0, 0)}
    count(database)
    assert "secret" not in str(_everything(database))
    client.put("/api/models/alice/mine/settings", json={"private": False}, headers=cast.alice.headers)
    count(database)
    assert _tallies(database)["license:secret-words"] == (1, 7, 1)


def test_private_ones_were_never_counted_and_deleted_ones_are_taken_out(
    client: TestClient, database: Database, app: Starlette, cast: Cast, make: Make
) -> None:
    make("hush", private=True, days={1: 900})
    make("gone", days={1: 7})
    unseen = make("unseen", days={1: 2})
    count(database)
    assert _tallies(database) == {"license:mit": (2, 9, 0)}
    wish = {"name": "gone", "organization": "alice", "type": "model"}
    assert client.request("DELETE", "/api/repos/delete", json=wish, headers=cast.alice.headers).status_code == 200
    assert _tallies(database) == {"license:mit": (1, 2, 0)}
    with database.write() as db:  # by hand, so that no event told
        db.execute(update(Repo).where(Repo.id == unseen).values(visibility="private"))
    count(database)
    assert _everything(database) == []
    with database.read() as db:
        assert db.scalar(select(func.count()).select_from(Contribution)) == 0


def test_what_turns_private_while_it_is_counted_is_not_counted(database: Database, make: Make) -> None:
    repo_id = make("one", days={1: 3})
    with database.write() as db:
        service.take(db)
    with database.read() as db:
        steps = service.prepared(db, [repo_id])
    with database.write() as db:
        db.execute(update(Repo).values(visibility="private"))
    with database.write() as db:
        service.count(db, steps)
    assert _everything(database) == []


def test_a_transaction_stays_small(database: Database, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        make(f"m{number}", tags=[f"license:l{number}"], days=dict.fromkeys(range(20), 1))
    monkeypatch.setattr(service, "MAX_KEYS", 100)
    with database.write() as db:
        service.take(db)
    with database.read() as db:
        steps = service.prepared(db, queries.public(db, "", 10))
    assert len(steps) == 5 and len(list(service.batches(steps))) > 1
    with database.write() as db:
        service.count(db, steps[:2])
    with database.write() as db:  # another node was quicker with these
        service.count(db, steps)
    assert _tallies(database, dimension="")[""][0] == 5
    count(database)
    assert _tallies(database, dimension="") == {"": (5, 100, 0)}


def test_a_round_rests_as_long_as_it_is_heavy() -> None:
    heavy = TallyRound(
        id=1,
        after="",
        began_at=NOW - timedelta(hours=2),
        finished_at=NOW - timedelta(hours=1),
        leased_until=NOW,
        days_since=TODAY,
        stamp=0,
    )
    assert not service.is_due(heavy, NOW)
    assert service.is_due(heavy, NOW + timedelta(hours=service.RESTING))
    heavy.finished_at = heavy.began_at
    assert service.is_due(heavy, NOW)
    assert service.is_due(None, NOW)


def test_a_hub_of_which_nothing_was_ever_counted_is_looked_at_again_soon() -> None:
    over = {"id": 1, "after": "", "began_at": NOW, "finished_at": NOW, "leased_until": NOW, "days_since": TODAY}
    soon = NOW + timedelta(seconds=service.EMPTY_EVERY_S)
    assert service.is_due(TallyRound(**over, stamp=0), soon)
    assert not service.is_due(TallyRound(**over, stamp=1), soon)


def test_after_a_long_sleep_days_are_known_anew(database: Database, make: Make) -> None:
    count(database)
    later = clock.now() + timedelta(days=90)
    with clock.frozen(later):
        with database.write() as db:
            taken = service.take(db)
        assert taken is not None
        assert taken.days_since == later.date() - timedelta(days=29)
