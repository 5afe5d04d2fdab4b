"""A hub whose models answer by a stand-in for an engine: endpoints are rows, and ``app.state.runtime`` calls it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts.tables import Account
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.ids import new_id
from freehold.inference.runtime import NodeRuntime
from freehold.inference.service import names
from freehold.inference.tables import Endpoint
from freehold.repos import service as repos
from freehold.repos.tables import Repo
from freehold.usage import service as usage
from freehold.usage.tables import MeterRow
from tests.fixtures.engines import Engine, OneReplica
from tests.fixtures.people import Cast, Person

REVISION = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """``client`` calls the hub; ``engine`` is what answers behind every model of it."""

    client: TestClient
    engine: Engine
    store: OneReplica
    database: Database
    cast: Cast
    serve: Callable[..., str]

    def ask(self, word: str = "hello", who: Person | None = None, path: str = "chat/completions", **given: Any) -> Any:
        """The answer to one call of ``lab/it`` unless ``model`` is given; by Alice unless somebody else."""
        words: dict[str, Any] = {"messages": [{"role": "user", "content": word}]} if "chat" in path else {}
        headers = (who or self.cast.alice).headers
        return self.client.post(f"/v1/{path}", json={"model": "lab/it", **words, **given}, headers=headers)

    def meters(self) -> list[MeterRow]:
        """Everything that was recorded, in order."""
        self.database.info[usage.LEDGER].flush()
        with self.database.read() as db:
            return list(db.query(MeterRow).order_by(MeterRow.id))


@pytest.fixture
def hub(app: Starlette, database: Database, cast: Cast, engine: Engine) -> Iterator[Hub]:
    """``lab/it`` is public, ``lab/ours`` is private; both answer."""
    store = OneReplica(engine)

    def serve(name: str, *, visibility: str = "public", **given: Any) -> str:
        with database.write() as db:
            namespace, _, short = name.partition("/")
            alice = cast.alice.actor
            repo: Repo = repos.create(db, alice, short, namespace=namespace, visibility=visibility)
            now = clock.now()
            endpoint = Endpoint(
                **{
                    "id": new_id(),
                    "namespace_id": repo.owner_id,
                    "name": name,
                    "repo_id": repo.id,
                    "revision": REVISION,
                    "engine": "llama.cpp",
                    "abilities": ["chat", "completions"],
                    "paths": [],
                    "options": {},
                    "defaults": {},
                    "context_tokens": 100,
                    "idle_s": 600,
                    "created_at": now,
                    "updated_at": now,
                    **given,
                }
            )
            db.add(endpoint)
            db.flush()
            names.claim(db, name, db.get_one(Account, repo.owner_id), "endpoint", endpoint.id)
            return endpoint.id

    serve("lab/it")
    serve("lab/ours", visibility="private")
    with TestClient(app, base_url="http://hub.test", follow_redirects=False) as client:
        app.state.runtime = NodeRuntime(store)
        yield Hub(client, engine, store, app.state.database, cast, serve)
