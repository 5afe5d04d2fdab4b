"""Repositories with real commits in them, without the doors that clients use for that."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from freehold.access.rules import Actor
from freehold.content import queries
from freehold.content.rules import MAIN
from freehold.content.service import publishing
from freehold.core.database import Database
from freehold.discover import indexed
from freehold.discover.index.client import Index
from freehold.gitkit.commits import Put, PutPointer, write_commit
from freehold.repos import service as repos
from freehold.repos.tables import Repo

Publish = Callable[..., str]
CARD = """---
license: mit
language: [en]
tags: [small]
pipeline_tag: text-generation
---
# A title

A **small** model for tests.

![plan](plan.png) [more](docs/more.md)
"""


@pytest.fixture
def publish(app: Starlette, tmp_path_factory: pytest.TempPathFactory) -> Publish:
    """``publish(actor, "ns/name", {path: text}, kind="model", private=False)``: one commit on ``main``; its id."""
    kit = app.state.kit

    def commit(
        actor: Actor,
        path: str,
        files: dict[str, str | bytes | tuple[str, int]] | None = None,
        *,
        kind: str = "model",
        private: bool = False,
        gated: str = "",
        sdk: str | None = None,
        message: str = "Add files",
    ) -> str:
        namespace, _, name = path.partition("/")
        tmp_path = tmp_path_factory.mktemp("commit")
        with app.state.database.write() as db:
            repo = db.scalar(select(Repo).where(Repo.kind == kind, Repo.path_key == path.lower()))
            if repo is None:
                visibility = "private" if private else "public"
                repo = repos.create(db, actor, name, namespace=namespace, kind=kind, visibility=visibility, sdk=sdk)
                repo.gated = gated
            parent = queries.head(db, repo)
            objects = queries.objects(db, repo, kit) if parent else None
            changes = [
                PutPointer(at, *data)
                if isinstance(data, tuple)
                else Put(at, data.encode() if isinstance(data, str) else data)
                for at, data in (files if files is not None else {"README.md": CARD}).items()
            ]
            author = publishing.signature(actor)
            made = write_commit(objects, parent, changes, author, message, tmp_path)
            assert made is not None, "nothing changed"
            publishing.keep_pack(kit, repo.id, made.pack)
            publishing.record_pack(db, repo, made.pack)
            publishing.move_ref(db, actor, repo, MAIN, parent, made.commit)
            return made.commit

    return commit


@contextmanager
def by_index(database: Database) -> Iterator[None]:
    """Lists of ``database`` are answered by an index meanwhile, as those of a large hub are."""
    index = Index(database, "on")
    before, database.info[indexed.INFO] = database.info[indexed.INFO], index
    index.start()
    try:
        deadline = time.monotonic() + 60
        while not index.is_ready:
            assert time.monotonic() < deadline, "the index is not ready"
            time.sleep(0.05)
        yield
        assert index.state().starts == 1
    finally:
        database.info[indexed.INFO] = before
        index.stop()


CONFIG = json.dumps({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "max_position_embeddings": 2048})
