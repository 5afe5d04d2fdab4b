"""Calls that were made, and browsers to look at them with."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from freehold.accounts.tables import Account, Token
from freehold.core import clock
from freehold.core.database import Database
from freehold.usage import service
from freehold.usage.rules import Allowance, Meter, Payer
from tests.fixtures.people import Cast, Person
from tests.governance.conftest import Browser as Browser
from tests.governance.conftest import browser as browser

#: Four weekdays before the end of a month.
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def account_id(database: Database, name: str) -> str:
    from sqlalchemy import select

    with database.read() as db:
        return db.scalars(select(Account.id).where(Account.key == name)).one()


def token_id(database: Database, person: Person, name: str = "write") -> str:
    from sqlalchemy import select

    with database.read() as db:
        return db.scalars(select(Token.id).where(Token.user_id == person.id, Token.name == name)).one()


@pytest.fixture
def called(database: Database, cast: Cast) -> Callable[..., None]:
    """``called(cast.bob, payer="lab", tokens=100, ...)``: a call was made and written down."""

    def call(person: Person, *, payer: str = "", token: str | None = None, tokens: int = 100, **more: Any) -> None:
        given = {
            "at": clock.now(), "request_id": "r", "served_name": "demo/tiny", "via": "", "model": "demo/tiny",
            "revision": "0" * 40, "repo_id": None, "kind": "chat", "outcome": "ok", "prompt_tokens": 10,
            "processor_seconds": 2.0, "seconds": 1.0,
        } | more  # fmt: skip
        cost = given.pop("price", 0)
        who = Payer(account_id(database, payer or person.name), person.id, token)
        meter = Meter(payer=who, completion_tokens=tokens, **given)
        with database.write() as db:
            entry = service.recording.Entry(service.recording.ordered_id(), meter, Allowance(None, 0, cost, 0))
            service.recording.write(db, [entry], 10)

    return call
