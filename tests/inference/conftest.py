"""Models that are served, without an engine, and engines of which nothing is left."""

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from freehold.access.rules import Action, Actor
from freehold.accounts import service as accounts
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.ids import ordered_id
from freehold.inference import waiting
from freehold.inference.service import names
from freehold.inference.tables import Endpoint
from freehold.repos import service as repos
from scripts.troubles import held

REVISION = "0123456789abcdef0123456789abcdef01234567"
#: Makes the row of an endpoint, and its name: ``serve_row(actor, "ns/name", private=True)``; its id.
ServeRow = Callable[..., str]


@pytest.fixture
def serve_row(database: Database) -> ServeRow:
    """``serve_row(actor, "ns/name", private=False, gated="", remote=False, **columns)``: served under its own name."""

    def serve(
        actor: Actor, path: str, *, private: bool = False, gated: str = "", remote: bool = False, **columns: Any
    ) -> str:
        namespace, _, name = path.partition("/")
        with database.write() as db:
            owner, repo = accounts.account(db, namespace), None
            if not remote:
                visibility = "private" if private else "public"
                repo = repos.create(db, actor, name, namespace=namespace, visibility=visibility, gated=gated)
            given: dict[str, Any] = {
                "revision": "" if remote else REVISION,
                "engine": "remote" if remote else "stand-in",
                "abilities": ["chat"],
                "paths": [],
                "context_tokens": 4096,
                "options": {},
                "defaults": {},
                "idle_s": 600,
                "remote_url": "https://elsewhere.example/v1" if remote else None,
                "remote_model": "theirs" if remote else None,
                "visibility": "private" if private else "public",
            }
            endpoint = Endpoint(
                id=ordered_id(),
                namespace_id=owner.id,
                name=path,
                repo_id=repo.id if repo else None,
                created_at=clock.now(),
                updated_at=clock.now(),
                **(given | columns),
            )
            db.add(endpoint)
            names.claim(db, path, owner, "endpoint", endpoint.id)
            db.flush()
            return endpoint.id

    return serve


def visibility(database: Database, actor: Actor, path: str, to: str) -> None:
    """The model is ``to`` from now on."""
    with database.write() as db:
        repos.load(db, actor, path, Action.ADMIN).visibility = to


@pytest.fixture
def nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Of the test: no descriptor, no thread, no process."""
    monkeypatch.setattr(waiting, "LOOK_S", 0.05)
    gc.collect()  # what tests before this one left to it goes now, and not while this one counts
    before = held()
    yield
    assert held() == before
