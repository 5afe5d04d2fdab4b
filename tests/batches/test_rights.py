"""Each line of a batch is let in as a call of its own would be at that moment: not by what was true when it began."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.accounts.tables import Token
from freehold.batches import running
from freehold.batches.tables import Batch
from freehold.core import clock
from freehold.core.database import Database
from freehold.gateway import asking
from freehold.repos.tables import Repo
from freehold.usage.rules import month_of, price_keys, subject_key
from freehold.usage.tables import Budget, Price
from tests.batches.test_batches import WISH, begun, requests, rows, sent
from tests.gateway.conftest import Hub
from tests.gateway.test_remembering import disabled, gated, made_private, reads, revoked  # noqa: F401  # a fixture

#: Lines that are let in before the change, and those that may be on their way by then.
BEFORE, ON_THEIR_WAY = 4, 1 + running.WAITING


def expired(db: Session, hub: Hub) -> None:
    for token in db.scalars(select(Token).where(Token.user_id == hub.cast.charlie.id)):
        token.expires_at = clock.now() - timedelta(seconds=1)


def spent(db: Session, hub: Hub) -> None:
    key, who, now = price_keys("", "lab/it")[1], hub.cast.charlie.id, clock.now()
    db.add(Price(key=key, input_price=0, cached_price=0, output_price=10**6, second_price=0, changed_at=now))
    budget = Budget(id="b", key=subject_key(who), account_id=who, amount_micros=1, is_hard=True, changed_at=now)
    budget.month, budget.spent_micros = month_of(now), 1
    db.add(budget)


def rows_made_private(db: Session, hub: Hub) -> None:
    db.scalars(select(Repo).where(Repo.path_key == "alice/rows")).one().visibility = "private"


def rows_gated(db: Session, hub: Hub) -> None:
    db.scalars(select(Repo).where(Repo.path_key == "alice/rows")).one().gated = "manual"


@pytest.fixture
def changes(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Session, Hub], None]], None]:
    """Something is changed, as another process would, once some lines of a batch were let in."""

    def at(change: Callable[[Session, Hub], None]) -> None:
        asked, real = 0, asking.ask

        def work() -> None:
            elsewhere = Database(hub.database.url)
            try:
                with elsewhere.write() as db:
                    change(db, hub)
            finally:
                elsewhere.close()

        async def ask(*given: Any) -> bytes:
            nonlocal asked
            asked += 1
            if asked == BEFORE:
                work()  # in the loop: nothing is let in meanwhile
            return await real(*given)

        monkeypatch.setattr("freehold.batches.running.ask", ask)

    return at


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (made_private, "were refused: No model that you may call"),
        (gated, "were refused"),
        (revoked, "not good any more"),
        (expired, "not good any more"),
        (disabled, "not good any more"),
        (spent, "budget"),
    ],
)
def test_a_right_that_is_gone_stops_the_next_line(
    hub: Hub, work: Callable[[], None], changes: Callable[..., None], change: Callable[[Session, Hub], None], why: str
) -> None:
    charlie = hub.cast.charlie
    batch_id = begun(hub, sent(hub, requests(*["x"] * 60), charlie), charlie)
    changes(change)
    work()
    stopped(hub, batch_id, why)


@pytest.mark.parametrize("change", [rows_made_private, rows_gated])
def test_rows_that_may_not_be_read_any_more_are_asked_no_more(
    hub: Hub, work: Callable[[], None], changes: Callable[..., None], change: Callable[[Session, Hub], None]
) -> None:
    rows(hub, '{"text": "x"}\n' * 60)
    wish = WISH | {"into": "charlie/sums"}
    answer = hub.client.post("/api/batches", json=wish, headers=hub.cast.charlie.headers)
    assert answer.status_code == 201, answer.text
    changes(change)
    work()
    stopped(hub, answer.json()["id"], "")


def stopped(hub: Hub, batch_id: str, why: str) -> None:
    with hub.database.read() as db:
        batch = db.get_one(Batch, batch_id)
    assert (batch.state, why in batch.why) == ("paused", True), batch.why
    assert BEFORE <= len(hub.engine.seen) <= BEFORE + ON_THEIR_WAY
    assert batch.done <= len(hub.engine.seen)


def test_lines_like_the_last_one_read_nothing(hub: Hub, work: Callable[[], None], reads: list[str]) -> None:  # noqa: F811
    begun(hub, sent(hub, requests(*["x"] * 60)))
    work()
    assert len(hub.engine.seen) == 60
    assert len(reads) < 60 or not hub.database.is_sqlite
