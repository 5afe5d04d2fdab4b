"""A browser without JavaScript: it follows links, reads forms and sends them as they stand."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any

from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.accounts.rules import SESSION_COOKIE
from tests.fixtures.people import Person

PAGE = {"Accept": "text/html"}


@dataclass(frozen=True)
class Browser:
    """Somebody at a browser; ``secret`` is empty for a visitor who is not signed in."""

    client: TestClient
    secret: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return PAGE | ({"Cookie": f"{SESSION_COOKIE}={self.secret}"} if self.secret else {})

    def get(self, address: str, status: int = 200) -> str:
        answer = self.client.get(unescape(address), headers=self.headers)
        assert answer.status_code == status, (address, answer.status_code)
        return answer.text

    def send(self, page: str, action: str, expect: int = 303, **fields: str) -> Any:
        """The form of ``page`` (an address) whose action ends in ``action``, with its hidden fields and ``fields``."""
        found = form(self.get(page), action)
        target = found["action"] or page
        values = found["fields"] | fields
        answer = self.client.post(target, data=values, headers=self.headers | {"Origin": "http://hub.test"})
        said = re.findall(r'class="error".*?<span>(.*?)</span>', answer.text)
        assert answer.status_code == expect, (target, answer.status_code, said)
        return answer


def form(text: str, action: str) -> dict[str, Any]:
    """The address and the hidden fields of a form."""
    for match in re.finditer(r"<form\b([^>]*)>(.*?)</form>", text, re.S):
        if 'method="post"' not in match[1]:
            continue
        address = re.search(r'action="([^"]*)"', match[1])
        where = unescape(address[1]) if address else ""
        if where.endswith(action) if action else not where:
            hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', match[2])
            return {"action": where, "fields": {name: unescape(value) for name, value in hidden}}
    raise AssertionError(f"no form for {action!r}: {re.findall(r'<form[^>]*>', text)}")


def has_form(text: str, action: str) -> bool:
    try:
        form(text, action)
    except AssertionError:
        return False
    return True


def browser(app: Starlette, client: TestClient, who: Person) -> Browser:
    if not who.id:
        return Browser(client)
    with app.state.database.write() as db:
        return Browser(client, accounts.open_session(db, who.id, life_s=3600))


def browsers(app: Starlette, client: TestClient, *people: Person) -> Mapping[str, Browser]:
    return {who.name: browser(app, client, who) for who in people}
