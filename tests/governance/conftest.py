"""Browsers of the cast, and what the trail holds."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts import service
from freehold.accounts.rules import SESSION_COOKIE
from freehold.governance.tables import AuditEntry
from tests.fixtures.hub import BASE_URL
from tests.fixtures.people import Person

ORIGIN = {"origin": BASE_URL}


class Browser:
    """Somebody's browser: keeps its cookie and sends forms with the token that the page before held."""

    def __init__(self, app: Starlette, person: Person | None = None) -> None:
        self.client = TestClient(app, base_url=BASE_URL, follow_redirects=False, headers={"accept": "text/html"})
        if person is not None:
            with app.state.database.write() as db:
                secret = service.open_session(db, person.id, life_s=3600)
            self.client.cookies.set(SESSION_COOKIE, secret, domain="hub.test", path="/")

    def see(self, address: str, status: int = 200) -> str:
        answer = self.client.get(address)
        assert answer.status_code == status, answer.text
        return answer.text

    def send(self, address: str, *, page: str = "/settings/profile", **form: str) -> Any:
        found = re.search(r'name="csrf" value="([^"]+)"', self.see(page))
        data = form | ({"csrf": found[1]} if found else {})
        return self.client.post(address, data=data, headers=ORIGIN)


@pytest.fixture
def browser(app: Starlette) -> Callable[..., Browser]:
    return lambda person=None: Browser(app, person)


@pytest.fixture
def entries(app: Starlette) -> Callable[..., list[AuditEntry]]:
    """``entries("repo.made")``: what the trail holds of a verb (or of all), the oldest first."""

    def found(verb: str = "") -> list[AuditEntry]:
        query = select(AuditEntry).order_by(AuditEntry.id)
        with app.state.database.read() as db:
            return list(db.scalars(query.where(AuditEntry.verb == verb) if verb else query))

    return found
