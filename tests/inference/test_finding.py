"""Which models answer here, in lists: found by whoever may call them, and by nobody else."""

import re

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.access.rules import Action
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.ids import ordered_id
from freehold.inference.events import EndpointChanged, EndpointDeployed, EndpointRemoved
from freehold.inference.queries import answering_besides
from freehold.inference.service import listening
from freehold.inference.tables import Endpoint, EndpointAdapter
from freehold.repos import service as repos
from freehold.repos.tables import Admission, Repo
from tests.fixtures.people import Cast, Person
from tests.inference.conftest import REVISION, ServeRow, visibility

#: Who finds what: everybody what is open, its people what is hidden or gated, and whoever the gate lets through.
FOUND = {
    "alice": {"alice/open", "alice/hidden", "lab/hidden", "lab/gated"},
    "bob": {"alice/open", "lab/hidden", "lab/gated"},
    "charlie": {"alice/open"},
    "root": {"alice/open", "alice/hidden", "lab/hidden", "lab/gated"},
    "anonymous": {"alice/open"},
}


@pytest.fixture
def served(app: Starlette, serve_row: ServeRow, database: Database, cast: Cast) -> dict[str, str]:
    """The endpoints of models of each kind, and a model that nothing serves."""
    kinds = {"alice/open": {}, "alice/hidden": {"private": True}, "lab/hidden": {"private": True}}
    kinds |= {"lab/gated": {"gated": "auto"}, "lab/remote": {"remote": True}}
    rows = {name: serve_row(cast.alice.actor, name, **how) for name, how in kinds.items()}
    with database.write() as db:
        repos.create(db, cast.alice.actor, "idle", namespace="alice", visibility="public")
        for endpoint in db.scalars(select(Endpoint)):
            listening.on_endpoint(db, EndpointDeployed(endpoint, cast.alice.actor))
    return rows


def listed(client: TestClient, person: Person, query: str = "inference=warm") -> set[str]:
    return {one["id"] for one in client.get(f"/api/models?{query}", headers=person.headers).json()}


def on_page(client: TestClient, person: Person) -> tuple[set[str], int]:
    """What the page of all models marks, and how many it says there are."""
    page = client.get("/models", headers={**person.headers, "accept": "text/html"}).text
    rows = re.findall(r'<th scope="row"><a class="name" href="/([^"]+)">.*?</th>', page, re.S)
    parts = re.split(r'<th scope="row">', page)[1:]
    marked = {name for name, part in zip(rows, parts, strict=True) if "answers here" in part.partition("</th>")[0]}
    number = re.search(r'<span>Answers here</span><span class="n">(\d+)<', page)
    return marked, int(number[1]) if number else 0


def test_whoever_may_call_a_model_finds_it(client: TestClient, cast: Cast, served: dict[str, str]) -> None:
    for person in cast.people:
        found = FOUND[person.actor.name or "anonymous"]
        assert listed(client, person) == found, person.actor.name
        assert listed(client, person, "inference_provider=hf-inference") == found
        assert on_page(client, person) == (found, len(found)), person.actor.name
        told = client.get("/api/models?expand=inference&limit=50", headers=person.headers).json()
        assert {one["id"] for one in told if one.get("inference") == "warm"} == found
    assert listed(client, cast.alice, "inference_provider=together") == set()
    assert client.get("/api/models?inference=cold").status_code == 400


def test_a_gate_that_lets_somebody_through_shows_that_it_answers(
    client: TestClient, database: Database, cast: Cast, served: dict[str, str]
) -> None:
    assert on_page(client, cast.charlie) == ({"alice/open"}, 1)  # numbers are kept, and not for longer than this
    with database.write() as db:
        repo = repos.load(db, cast.alice.actor, "lab/gated", Action.READ)
        let = {"status": "accepted", "asked_at": clock.now(), "repo_id": repo.id, "account_id": cast.charlie.actor.id}
        db.add(Admission(id=ordered_id(), **let))
    assert listed(client, cast.charlie) == {"alice/open", "lab/gated"}
    assert on_page(client, cast.charlie) == ({"alice/open", "lab/gated"}, 2)
    total = re.compile(r"<h1>Models <small><b>(\d+)</b> of")
    narrowed = client.get("/models?inference=warm", headers={**cast.charlie.headers, "accept": "text/html"}).text
    assert total.findall(narrowed) == ["2"]
    with database.write() as db:
        db.delete(db.scalars(select(Admission)).one())
    assert on_page(client, cast.charlie) == ({"alice/open"}, 1)
    narrowed = client.get("/models?inference=warm", headers={**cast.charlie.headers, "accept": "text/html"}).text
    assert total.findall(narrowed) == ["1"]
    with database.write() as db:
        db.add(Admission(id=ordered_id(), **let))
    told = [client.get("/api/models/lab/gated?expand=inference", headers=one.headers).json() for one in cast.people]
    assert [one.get("inference") for one in told] == ["warm", "warm", "warm", "warm", None]


def test_an_adapter_answers_who_may_read_its_base_too(
    client: TestClient, database: Database, cast: Cast, served: dict[str, str]
) -> None:
    with database.write() as db:
        for name, base in (("on-open", "alice/open"), ("on-hidden", "alice/hidden")):
            repo = repos.create(db, cast.alice.actor, name, namespace="alice", visibility="public")
            given = {"name": repo.path, "revision": REVISION, "file": "a.gguf", "created_at": clock.now()}
            db.add(EndpointAdapter(id=ordered_id(), endpoint_id=served[base], repo_id=repo.id, **given))
    assert listed(client, cast.alice) == FOUND["alice"] | {"alice/on-open", "alice/on-hidden"}
    assert listed(client, cast.charlie) == {"alice/open", "alice/on-open"} == listed(client, cast.anonymous)
    reads = {**cast.charlie.headers, "accept": "text/html"}
    shown = [client.get(f"/alice/{name}", headers=reads).text for name in ("on-open", "on-hidden")]
    assert ["Answers here" in page for page in shown] == [True, False], "as the lists say"
    visibility(database, cast.alice.actor, "alice/open", "private")
    assert listed(client, cast.charlie) == set()
    with database.read() as db:
        assert answering_besides(db, cast.charlie.actor) == frozenset()


def test_what_is_off_or_removed_answers_no_more(
    client: TestClient, database: Database, cast: Cast, served: dict[str, str]
) -> None:
    with database.write() as db:
        endpoint = db.get_one(Endpoint, served["alice/open"])
        endpoint.is_on = False
        db.flush()
        listening.on_endpoint(db, EndpointChanged(endpoint, cast.alice.actor, {"on": False}))
        listening.on_endpoint(db, EndpointRemoved(db.get_one(Endpoint, served["lab/hidden"]), cast.alice.actor))
        remote = db.get_one(Endpoint, served["lab/remote"])
        listening.on_endpoint(db, EndpointRemoved(remote, cast.alice.actor))
        kept = set(db.scalars(select(Repo.path_key).where(Repo.is_served)))
    assert kept == {"alice/hidden", "lab/gated"}
    assert listed(client, cast.charlie) == set()
    assert "answers here" not in client.get("/models", headers={"accept": "text/html"}).text
