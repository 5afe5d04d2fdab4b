"""Facts follow the head of main: kept by a task after each push, computed at once until then, made anew by version."""

from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.cards import inspecting, queries
from freehold.cards.tables import FileHeader, RepoFacts
from freehold.cards.tasks import facts_backfill
from freehold.content import queries as content
from freehold.repos.tables import Repo
from freehold.tasks.tables import Task
from tests.cards.test_headers import gguf_file, safetensors_file, tensor
from tests.discover.conftest import Publish
from tests.fixtures.people import Cast


def weights(values: int) -> bytes:
    return safetensors_file({"w": tensor("F16", [values], 0, 2 * values)}, 2 * values)


def row(db: Session, path: str) -> RepoFacts | None:
    return db.scalar(select(RepoFacts).join(Repo, Repo.id == RepoFacts.repo_id).where(Repo.path_key == path))


def headers(db: Session) -> int:
    return db.scalar(select(func.count()).select_from(FileHeader)) or 0


def test_a_push_is_followed_by_its_facts(app: Starlette, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/m", {"model.safetensors": weights(50), "config.json": '{"model_type": "bert"}'})
    with app.state.database.read() as db:
        assert row(db, "alice/m") is None
        repo = db.scalars(select(Repo).where(Repo.path_key == "alice/m")).one()
        at_once = inspecting.facts_at(db, app.state.kit, repo, _head(db, repo))
    app.state.worker.drain()
    with app.state.database.read() as db:
        kept = queries.facts_of(db, [repo.id])[repo.id]
        assert (kept.parameters, kept.architecture, kept.dtype) == (50, "bert", "F16")
        assert kept == at_once
        assert headers(db) == 1
    # another head: other facts, and the header of the file that is gone goes with it
    publish(cast.alice.actor, "alice/m", {"model.safetensors": weights(70)})
    app.state.worker.drain()
    with app.state.database.read() as db:
        found = row(db, "alice/m")
        assert found is not None
        assert (found.parameters, found.commit) == (70, _head(db, repo))
        assert headers(db) == 1


def _head(db: Session, repo: Repo) -> str:
    commit = content.head(db, repo)
    assert commit is not None
    return commit


def test_two_pushes_before_the_task_are_one(app: Starlette, cast: Cast, publish: Publish) -> None:
    for values in (50, 60):
        publish(cast.alice.actor, "alice/m", {"model.safetensors": weights(values)})
    app.state.worker.drain()
    with app.state.database.read() as db:
        found = row(db, "alice/m")
        assert found is not None
        assert found.parameters == 60


def test_facts_of_an_older_version_are_computed_anew(app: Starlette, cast: Cast, publish: Publish) -> None:
    for name in ("a", "b"):
        publish(cast.alice.actor, f"alice/{name}", {"model.safetensors": weights(50)})
    app.state.worker.drain()
    with app.state.database.write() as db:
        found = row(db, "alice/a")
        assert found is not None
        found.version, found.parameters = inspecting.VERSION - 1, 1
        gone = row(db, "alice/b")
        assert gone is not None
        db.delete(gone)
    backfill = facts_backfill(app.state.database)
    assert backfill.turn() == 2
    assert backfill.turn() == 0
    app.state.worker.drain()
    with app.state.database.read() as db:
        for path in ("alice/a", "alice/b"):
            found = row(db, path)
            assert found is not None
            assert (found.parameters, found.version) == (50, inspecting.VERSION)
    assert facts_backfill(app.state.database).turn() == 0


def test_nothing_is_known_of_what_is_gone(client: TestClient, app: Starlette, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/m", {"model.safetensors": weights(50)})
    app.state.worker.drain()
    gone = client.request("DELETE", "/api/repos/delete", json={"name": "m"}, headers=cast.alice.headers)
    assert gone.status_code == 200, gone.text
    with app.state.database.read() as db:
        assert (row(db, "alice/m"), headers(db)) == (None, 0)


def test_a_repository_that_goes_while_it_is_looked_into_is_no_failure(
    client: TestClient, app: Starlette, cast: Cast, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, inspect = [], inspecting.inspect

    def inspected(gathered: Any) -> Any:
        looked.append(gathered)
        gone = client.request("DELETE", "/api/repos/delete", json={"name": "m"}, headers=cast.alice.headers)
        assert gone.status_code == 200
        return inspect(gathered)

    publish(cast.alice.actor, "alice/m", {"model.safetensors": weights(50)})
    monkeypatch.setattr(inspecting, "inspect", inspected)
    app.state.worker.drain()
    with app.state.database.read() as db:
        assert (len(looked), headers(db)) == (1, 0)
        assert db.scalars(select(Task.error).where(Task.name == "cards.facts", Task.error != "")).all() == []


def test_other_revisions_are_told_by_their_own_files(
    client: TestClient, app: Starlette, cast: Cast, publish: Publish
) -> None:
    first = publish(cast.alice.actor, "alice/m", {"model.safetensors": weights(50)})
    publish(cast.alice.actor, "alice/m", {"model.safetensors": weights(60)})
    app.state.worker.drain()
    totals = [
        client.get(f"/api/models/alice/m/revision/{revision}").json()["safetensors"]["total"]
        for revision in (first, "main")
    ]
    assert totals == [50, 60]


@pytest.mark.parametrize("data", [b"", b"GGUF", gguf_file({"general.architecture": "x\x00y"}, [("w\x00", [4], 0)], 16)])
def test_what_cannot_be_read_is_kept_with_its_reason(app: Starlette, cast: Cast, publish: Publish, data: bytes) -> None:
    publish(cast.alice.actor, "alice/odd", {"m.gguf": data})
    app.state.worker.drain()
    with app.state.database.read() as db:
        found = row(db, "alice/odd")
        assert found is not None
        assert found.formats == ["gguf"]
        assert bool(found.details.get("problems")) is (len(data) < 10)
