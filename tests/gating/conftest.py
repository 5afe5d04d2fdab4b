"""A gated repository of Alice's, and what one does at its gate."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from freehold.access.service import of_user
from freehold.accounts import service as accounts
from freehold.core.database import Database
from tests.content.publishing import commit, file
from tests.fixtures.people import Cast, Person

CARD = """---
license: other
license_name: plain
extra_gated_heading: Ask for it
extra_gated_prompt: You agree **not** to harm.
extra_gated_fields:
  Company: text
  Country: country
  Born: date_picker
  For:
    type: select
    options: [Research, {label: Something else, value: other}]
  Where: ip_location
  I agree to all of it: checkbox
---
# Gated
"""
ANSWERS = {"Company": "Acme", "Country": "CH", "Born": "1990-02-28", "For": "other", "I agree to all of it": True}
Gated = Callable[..., str]


@pytest.fixture
def gated(client: TestClient, cast: Cast) -> Gated:
    """``gated("auto", card=..., licence=...)``: ``lab/model``, gated, its files by one commit of Alice's; its path."""

    def make(mode: str = "manual", *, card: str = CARD, licence: str = "Be good.\n", **settings: Any) -> str:
        body = {"name": "model", "organization": "lab"}
        assert client.post("/api/repos/create", json=body, headers=cast.alice.headers).status_code == 200
        publish(client, cast.alice, card=card, licence=licence)
        answer = client.put(SETTINGS, json={"gated": mode, **settings}, headers=cast.alice.headers)
        assert answer.status_code == 200, answer.text
        return "lab/model"

    return make


API = "/api/models/lab/model"
SETTINGS = f"{API}/settings"
MINE = f"{API}/access-request"
REQUESTS = f"{API}/user-access-request"
FILE = "/lab/model/resolve/main/README.md"


def publish(client: TestClient, who: Person, **texts: str | None) -> None:
    """One commit of the card and the licence."""
    lines = [file({"card": "README.md", "licence": "LICENSE"}[key], text) for key, text in texts.items() if text]
    answer = commit(client, who, "lab/model", *lines)
    assert answer.status_code == 200, answer.text


def ask(client: TestClient, who: Person, **body: Any) -> httpx.Response:
    """Agree, with good answers unless others are given."""
    # As ASCII: what is tried may hold half a character, which JSON can spell and UTF-8 cannot.
    content = json.dumps({"fields": ANSWERS, **body}).encode()
    return client.put(MINE, content=content, headers=who.headers | {"content-type": "application/json"})


def handle(client: TestClient, who: Person, user: str, status: str, **more: Any) -> httpx.Response:
    return client.post(f"{REQUESTS}/handle", json={"user": user, "status": status, **more}, headers=who.headers)


def listed(client: TestClient, who: Person, status: str) -> list[dict[str, Any]]:
    answer = client.get(f"{REQUESTS}/{status}", headers=who.headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def reads(client: TestClient, who: Person) -> int:
    """The status of a download, asked twice: the second time by what is kept."""
    first = client.head(FILE, headers=who.headers).status_code
    assert client.head(FILE, headers=who.headers).status_code == first
    return first


def mine(client: TestClient, who: Person) -> dict[str, Any]:
    found: dict[str, Any] = client.get(MINE, headers=who.headers).json()
    return found


@pytest.fixture
def acme(database: Database, cast: Cast) -> dict[str, Person]:
    """``acme``, where Charlie is administrator and Dana and Erin are members; they are not of the lab."""
    with database.write() as db:
        charlie = accounts.account(db, "charlie")
        org = accounts.create_org(db, "acme", full_name="Acme", owner=charlie)
        made = {}
        for name in ("dana", "erin"):
            user = accounts.create_user(db, name, email=f"{name}@acme.test")
            accounts.set_role(db, org, user, "read")
            made[name] = (user, accounts.create_token(db, user, "w", "write")[1])
        return {name: Person(name, user.id, secret, "", of_user(db, user)) for name, (user, secret) in made.items()}
