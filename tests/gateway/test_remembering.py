"""What is remembered of who may call what ends with the next commit, whoever makes it."""

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from freehold.accounts import service as accounts
from freehold.accounts.tables import Account, Token
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.ids import new_id
from freehold.gateway import rules, service
from freehold.gateway.remembering import Memory
from freehold.repos.tables import Repo
from freehold.usage.rules import subject_key
from freehold.usage.tables import BudgetHold, Limit
from tests.fixtures.people import Person
from tests.gateway.conftest import Hub
from tests.gateway.test_bounds import bound


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that were read from the database for a call."""
    seen: list[str] = []
    real = service.known

    def known(db: Session, asker: service.Asker, model: str) -> service.Known:
        seen.append(model)
        return real(db, asker, model)

    monkeypatch.setattr(service, "known", known)
    return seen


def is_remembered(hub: Hub, reads: list[str], who: Person | None = None) -> bool:
    """Whether one of some calls needed no reading: between two of them a meter may have been written down, and on a
    busy machine nearly always is."""
    hub.meters()
    for _ in range(100 if hub.database.is_sqlite else 3):
        before = len(reads)
        assert hub.ask(who=who, max_tokens=3).status_code == 200
        if len(reads) == before:
            return True
    return False


def test_a_call_like_the_last_one_reads_nothing_and_is_metered_all_the_same(hub: Hub, reads: list[str]) -> None:
    assert is_remembered(hub, reads) is hub.database.is_sqlite
    assert is_remembered(hub, reads, hub.cast.charlie) is hub.database.is_sqlite
    meters = hub.meters()
    assert len(meters) > len(reads) or not hub.database.is_sqlite
    assert {one.outcome for one in meters} == {"ok"}
    assert {one.user_id for one in meters} == {hub.cast.alice.id, hub.cast.charlie.id}


def made_private(db: Session, hub: Hub) -> None:
    db.scalars(select(Repo).where(Repo.path_key == "lab/it")).one().visibility = "private"


def gated(db: Session, hub: Hub) -> None:
    db.scalars(select(Repo).where(Repo.path_key == "lab/it")).one().gated = "manual"


def revoked(db: Session, hub: Hub) -> None:
    for token in db.scalars(select(Token).where(Token.user_id == hub.cast.charlie.id)):
        db.delete(token)


def disabled(db: Session, hub: Hub) -> None:
    db.get_one(Account, hub.cast.charlie.id).is_disabled = True


def limited(db: Session, hub: Hub) -> None:
    who = hub.cast.charlie.id
    db.add(Limit(id=new_id(), key=subject_key(who), account_id=who, calls=1, tokens=None, changed_at=clock.now()))


@pytest.mark.parametrize(
    ("change", "status"),
    [(made_private, 404), (gated, 403), (revoked, 401), (disabled, 401), (limited, 429)],
)
def test_nothing_is_remembered_past_a_change(
    hub: Hub, reads: list[str], change: Callable[[Session, Hub], None], status: int
) -> None:
    charlie = hub.cast.charlie
    assert is_remembered(hub, reads, charlie) is hub.database.is_sqlite
    elsewhere = Database(hub.database.url)  # as another process has it
    try:
        with elsewhere.write() as db:
            change(db, hub)
    finally:
        elsewhere.close()
    answers = [hub.ask(who=charlie).status_code for _ in range(2)]
    assert answers[-1] == status
    assert answers[0] == (200 if change is limited else status)


def test_what_ends_by_the_clock_or_by_a_budget_is_read_for_each_call(hub: Hub, reads: list[str]) -> None:
    with hub.database.write() as db:
        for token in db.scalars(select(Token).where(Token.user_id == hub.cast.charlie.id)):
            token.expires_at = clock.now() + timedelta(days=1)
    assert not is_remembered(hub, reads, hub.cast.charlie)
    bound(hub, 10**9)
    assert not is_remembered(hub, reads)


def test_narrow_tokens_and_gated_models_are_read_for_each_call(hub: Hub, reads: list[str]) -> None:
    with hub.database.write() as db:
        db.scalars(select(Repo).where(Repo.path_key == "lab/it")).one().gated = "auto"
        alice = db.get_one(Account, hub.cast.alice.id)
        _, secret = accounts.create_token(db, alice, "narrow", "read", owner_ids=[alice.id])
    assert not is_remembered(hub, reads)
    with hub.database.write() as db:
        db.scalars(select(Repo).where(Repo.path_key == "lab/it")).one().gated = ""
    assert not is_remembered(hub, reads, Person("alice", token=secret))


def test_of_whoever_leaves_while_they_are_let_in_nothing_is_held(hub: Hub) -> None:
    bound(hub, 100)
    reached, go = threading.Event(), threading.Event()
    asker = service.Asker(hub.cast.alice.actor)
    wish = rules.wish("chat/completions", {"model": "lab/it", "messages": [{"role": "user", "content": "hello"}]})

    def read() -> tuple[service.Known, service.Admitted]:
        with hub.database.read() as db:
            known = service.known(db, asker, "lab/it")
            reached.set()
            go.wait(10)
            return known, service.enter(db, known, asker, lambda _: wish)

    async def left() -> None:
        memory = Memory(hub.database)
        letting = asyncio.ensure_future(
            memory.admitted("alice", "lab/it", lambda known: pytest.fail("known"), lambda: run_in_threadpool(read))
        )
        await asyncio.to_thread(reached.wait, 10)
        letting.cancel()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await letting

    asyncio.run(left())
    hub.meters()
    with hub.database.read() as db:
        assert db.query(BudgetHold).count() == 0
