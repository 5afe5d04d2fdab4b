"""Pipelines over their doors: served from a file at a pinned revision, and for whom."""

from typing import Any

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.access.rules import Action
from freehold.core.database import Database
from freehold.governance.tables import AuditEntry
from freehold.inference.errors import ModelUnknown
from freehold.inference.rules import Target
from freehold.pipelines import service
from freehold.pipelines.rules import PipelinePlan
from freehold.pipelines.tables import Pipeline
from freehold.repos import service as repos
from freehold.routing.rules import Ledger, RoutePlan
from tests.discover.conftest import Publish
from tests.discover.conftest import publish as publish  # the fixture
from tests.fixtures.people import Cast
from tests.inference.conftest import ServeRow, visibility
from tests.inference.conftest import serve_row as serve_row  # the fixture
from tests.people.test_pages import Browser

PIPELINES = "/api/pipelines"
FILE = """\
title: Draft and polish
steps:
  - {name: draft, kind: generate, model: lab/large}
  - {name: polish, kind: rewrite, model: alice/small, of: draft}
"""
PATH = "pipelines/review.yaml"
BODY = {"repo": "lab/steps", "path": PATH, "name": "lab/review"}


@pytest.fixture
def file(cast: Cast, serve_row: ServeRow, publish: Publish) -> str:
    """A public model of Alice's, one of the lab's, and a repository with a pipeline over both; its commit."""
    serve_row(cast.alice.actor, "alice/small")
    serve_row(cast.alice.actor, "lab/large")
    return publish(cast.alice.actor, "lab/steps", {PATH: FILE})


def test_what_only_an_earlier_release_took_answers_nobody_and_breaks_off_no_list(
    client: TestClient, cast: Cast, file: str, database: Database
) -> None:
    bob = cast.bob.headers
    assert client.post(PIPELINES, json=BODY, headers=bob).status_code == 201
    with database.write() as db:
        row = db.scalars(select(Pipeline)).one()
        row.document = row.document | {"steps": [*row.document["steps"], {"name": "x", "kind": "check", "check": {}}]}
    (told,) = client.get(PIPELINES, headers=bob).json()
    assert (told["name"], told["callable"], told["models"]) == ("lab/review", False, [])
    assert "lab/review" not in client.get("/v1/models", headers=bob).text
    assert client.get("/pipelines/lab/review", headers={"accept": "text/html"} | bob).status_code == 200
    assert client.get(f"{PIPELINES}/lab/review/traces", headers=bob).status_code == 200
    again = client.put(f"{PIPELINES}/lab/review/revision", json={"revision": file}, headers=bob)
    assert again.status_code == 200 and again.json()["callable"] is True


def test_a_file_is_served_pinned_anew_switched_and_stopped(
    client: TestClient, cast: Cast, publish: Publish, file: str, database: Database
) -> None:
    bob = cast.bob.headers
    made = client.post(PIPELINES, json=BODY, headers=bob)
    assert made.status_code == 201, made.text
    assert made.json()["revision"] == file and made.json()["models"] == ["alice/small", "lab/large"]
    assert client.post(PIPELINES, json=BODY, headers=bob).status_code == 409
    later = publish(cast.alice.actor, "lab/steps", {PATH: FILE.replace("polish", "shine")})
    assert client.get(f"{PIPELINES}/lab/review", headers=bob).json()["revision"] == file
    pinned = client.put(f"{PIPELINES}/lab/review/revision", json={"revision": "main"}, headers=bob).json()
    assert pinned["revision"] == later and pinned["document"]["steps"][1]["name"] == "shine"
    publish(cast.alice.actor, "lab/steps", {PATH: FILE.replace("kind: rewrite", "kind: rewritten")})
    broken = client.put(f"{PIPELINES}/lab/review/revision", json={"revision": "main"}, headers=bob)
    assert broken.status_code == 400 and "line 4, steps[1].kind" in broken.json()["error"]
    off = client.put(f"{PIPELINES}/lab/review/settings", json={"on": False}, headers=bob)
    assert off.json()["callable"] is False
    with database.read() as db, pytest.raises(ModelUnknown):
        service.plan(db, cast.bob.actor, "lab/review")
    assert client.delete(f"{PIPELINES}/lab/review", headers=bob).status_code == 204
    assert client.post(PIPELINES, json=BODY | {"revision": file}, headers=bob).status_code == 201
    with database.read() as db:
        found = db.scalars(select(AuditEntry).where(AuditEntry.thing_kind == "pipeline").order_by(AuditEntry.id)).all()
    served = {"file": f"lab/steps@{file[:7]}:{PATH}", "keepsContent": False}
    assert [(one.actor_name, one.verb, one.details) for one in found] == [
        ("bob", "pipeline.served", served),
        ("bob", "pipeline.changed", {"revision": later}),
        ("bob", "pipeline.changed", {"on": False}),
        ("bob", "pipeline.stopped", {}),
        ("bob", "pipeline.served", served),
    ]


@pytest.mark.usefixtures("file")
def test_what_cannot_be_served_says_why(client: TestClient, cast: Cast, publish: Publish, serve_row: ServeRow) -> None:
    serve_row(cast.charlie.actor, "charlie/own", private=True)

    def refused(given: dict[str, Any], status: int, said: str) -> None:
        told = client.post(PIPELINES, json=BODY | given, headers=cast.bob.headers)
        assert told.status_code == status and said in told.json()["error"], told.text

    refused({"path": "no.yaml"}, 400, "has no file no.yaml")
    refused({"path": "README.md"}, 400, "YAML file")
    refused({"repo": "lab/nothing"}, 404, "")
    refused({"revision": "no-such"}, 404, "")
    refused({"name": "charlie/review"}, 403, "")
    refused({"name": "lab/large"}, 409, "served name")
    publish(cast.alice.actor, "lab/steps", {PATH: FILE.replace("alice/small", "charlie/own")})
    refused({}, 400, "No model that you may call is served as 'charlie/own'")


@pytest.mark.parametrize(
    ("who", "sees", "changes"),
    [
        ("alice", True, True),
        ("bob", True, True),
        ("root", True, True),
        ("charlie", False, False),
        ("anonymous", False, False),
    ],
)
@pytest.mark.usefixtures("file")
def test_a_private_model_behind_it_hides_it(
    client: TestClient, cast: Cast, app: Starlette, database: Database, who: str, sees: bool, changes: bool
) -> None:
    client.post(PIPELINES, json=BODY, headers=cast.bob.headers)
    person = getattr(cast, who)
    if who == "charlie":
        assert client.get(f"{PIPELINES}/lab/review", headers=person.headers).status_code == 200
    visibility(database, cast.alice.actor, "lab/large", "private")
    listed = client.get(PIPELINES, headers=person.headers)
    assert [one["name"] for one in listed.json()] == (["lab/review"] if sees else [])
    assert client.get(f"{PIPELINES}/lab/review", headers=person.headers).status_code == (200 if sees else 404)
    pin = client.put(f"{PIPELINES}/lab/review/revision", json={}, headers=person.headers)
    assert (pin.status_code == 200) is changes
    assert (client.get(f"{PIPELINES}/lab/review/traces", headers=person.headers).status_code == 200) is changes
    page = Browser(app, None if who == "anonymous" else person)
    assert ("lab/large" in page.see("/pipelines/lab/review", 200 if sees else 404)) is sees
    assert ("lab/review" in page.see("/pipelines")) is sees
    if not person.actor.is_anonymous:
        with database.read() as db:
            if sees:
                assert isinstance(service.plan(db, person.actor, "lab/review"), PipelinePlan)
            else:
                with pytest.raises(ModelUnknown) as refused:
                    service.plan(db, person.actor, "lab/revie")
                assert "lab/review" not in refused.value.message


@pytest.mark.usefixtures("file")
def test_who_may_not_read_its_file_does_not_call_it(client: TestClient, cast: Cast, database: Database) -> None:
    client.post(PIPELINES, json=BODY, headers=cast.bob.headers)
    visibility(database, cast.alice.actor, "lab/steps", "private")
    assert client.get(f"{PIPELINES}/lab/review", headers=cast.charlie.headers).status_code == 404
    with database.read() as db, pytest.raises(ModelUnknown):
        service.plan(db, cast.charlie.actor, "lab/review")


@pytest.mark.usefixtures("file")
def test_its_name_is_free_once_its_repository_is_gone(client: TestClient, cast: Cast, database: Database) -> None:
    client.post(PIPELINES, json=BODY, headers=cast.bob.headers)
    with database.write() as db:
        repos.delete_repo(db, cast.alice.actor, "lab/steps", kind="model")
    route = {"name": "lab/review", "policy": {"kind": "pinned", "targets": ["alice/small"]}}
    assert client.post("/api/routes", json=route, headers=cast.bob.headers).status_code == 201


@pytest.mark.usefixtures("file")
def test_every_kind_of_name_comes_to_its_plan(client: TestClient, cast: Cast, database: Database) -> None:
    client.post(PIPELINES, json=BODY, headers=cast.bob.headers)
    route = {"name": "lab/one", "policy": {"kind": "pinned", "targets": ["alice/small"]}}
    client.post("/api/routes", json=route, headers=cast.bob.headers)
    with database.write() as db:
        kinds = [type(service.plan(db, cast.bob.actor, name)) for name in ("LAB/review", "lab/one", "lab/large")]
        assert kinds == [PipelinePlan, RoutePlan, Target]
        made = service.plan(db, cast.bob.actor, "lab/review")
        trace = [{"step": "draft", "kind": "generate", "outcome": "ok", "seconds": 0.1, "model": "lab/large"}]
        service.record(db, made, Ledger(trace=trace), outcome="ok", seconds=0.2, request_id="abc")
    told = client.get(f"{PIPELINES}/lab/review/traces", headers=cast.bob.headers).json()
    assert told[0]["steps"] == trace and told[0]["requestId"] == "abc"
    with database.write() as db:
        repos.load(db, cast.alice.actor, "lab/large", Action.ADMIN).visibility = "private"
    assert client.get("/api/routes/lab/review", headers=cast.bob.headers).status_code == 404


@pytest.mark.usefixtures("file")
def test_the_pages_forms_serve_pin_and_stop(app: Starlette, cast: Cast) -> None:
    bob = Browser(app, cast.bob)
    new = "/pipelines/new"
    form = {"repo": "lab/steps", "path": PATH, "revision": "main", "name": "lab/review"}
    wrong = bob.send(new, page=new, **(form | {"path": "no.yaml"}))
    assert wrong.status_code == 422 and "has no file no.yaml" in wrong.text and "lab/steps" in wrong.text
    assert bob.send(new, page=new, **(form | {"repo": "lab/nothing"})).status_code == 422
    assert bob.send(new, page=new, **form).headers["location"] == "/pipelines/lab/review"
    page = "/pipelines/lab/review"
    html = bob.see(page)
    assert "Draft and polish" in html and "polish" in html and "lab/large" in html
    assert bob.send(f"{page}/pin", page=page, revision="no-such").status_code == 422
    assert bob.send(f"{page}/pin", page=page, revision="main").status_code == 303
    assert bob.send(f"{page}/settings", page=page).status_code == 303
    assert "switched off" in bob.see(page)
    assert bob.send(f"{page}/stop", page=page).headers["location"] == "/pipelines"
