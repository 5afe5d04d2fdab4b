"""Endpoints: deployed, changed and removed through the JSON API, by whom and with what refusals."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.access.rules import Action
from freehold.core import instance
from freehold.core.database import Database
from freehold.governance.tables import AuditEntry
from freehold.inference import node, plans
from freehold.inference.service import names
from freehold.inference.tables import Endpoint, EndpointAdapter, ServedName
from freehold.repos import service as repos
from tests.discover.conftest import Publish
from tests.discover.conftest import publish as publish  # the fixture
from tests.fixtures.hub import BASE_URL
from tests.fixtures.models import tiny_adapter as tiny_adapter  # the fixtures
from tests.fixtures.models import tiny_gguf as tiny_gguf
from tests.fixtures.people import Cast, Person

ENDPOINTS = "/api/endpoints"
BASE = "---\nbase_model: alice/tiny\n---\n"


@pytest.fixture
def tiny(publish: Publish, cast: Cast, tiny_gguf: Path) -> str:
    """``alice/tiny``: a model that llama.cpp serves; its commit."""
    return publish(cast.alice.actor, "alice/tiny", {"tiny.gguf": tiny_gguf.read_bytes()})


def post(client: TestClient, who: Person, status: int = 201, at: str = ENDPOINTS, **body: Any) -> Any:
    answer = client.post(at, json={"context": 256, **body}, headers=who.headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def patch(client: TestClient, who: Person, at: str, status: int = 200, **body: Any) -> Any:
    answer = client.patch(f"{ENDPOINTS}/{at}", json=body, headers=who.headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_model_is_deployed_pinned_and_named_as_it_is(
    client: TestClient, cast: Cast, tiny: str, database: Database
) -> None:
    made = post(client, cast.alice, model="alice/tiny", defaults={"temperature": 0.5}, keepWarm=False)
    assert {
        "name": "alice/tiny", "model": "alice/tiny", "revision": tiny, "file": "tiny.gguf", "engine": "llama.cpp",
        "abilities": ["chat", "completions"], "context": 256, "parallel": 2, "on": True, "state": "sleeping",
        "defaults": {"temperature": 0.5},
    }.items() <= made.items()  # fmt: skip
    assert 0 < made["needBytes"] < 10**9
    assert client.get(f"{ENDPOINTS}/{made['id']}", headers=cast.charlie.headers).json()["name"] == "alice/tiny"
    with database.read() as db:
        target = names.resolve(db, cast.charlie.actor, "alice/tiny")
        assert (target.revision, target.defaults, target.parallel) == (tiny, {"temperature": 0.5}, 2)
        entry = db.scalars(select(AuditEntry).where(AuditEntry.verb == "endpoint.deployed")).one()
        assert (entry.actor_name, entry.thing_name) == ("alice", "alice/tiny")


def test_it_answers_through_v1_and_its_state_is_told(client: TestClient, app: Starlette, cast: Cast, tiny: str) -> None:
    made = post(client, cast.alice, model="alice/tiny", options={"precision": "stored"})
    body = {"model": "alice/tiny", "messages": [{"role": "user", "content": "the"}], "max_tokens": 4}
    answer = client.post("/v1/chat/completions", json=body, headers=cast.bob.headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["usage"]["completion_tokens"] == 4
    assert client.portal is not None
    client.portal.call(app.state.following.turn)
    told = client.get(f"{ENDPOINTS}/{made['id']}", headers=cast.bob.headers).json()
    assert told["state"] == "ready"
    assert told["nodes"][0]["memoryBytes"] > 0
    assert told["nodes"][0]["calls"] == 1
    log = client.get(f"{ENDPOINTS}/{made['id']}/log", headers=cast.alice.headers)
    assert log.status_code == 200
    assert client.get(f"{ENDPOINTS}/{made['id']}/log", headers=cast.bob.headers).status_code == 403
    patch(client, cast.alice, made["id"], on=False)
    client.portal.call(app.state.following.turn)
    refused = client.post("/v1/chat/completions", json=body, headers=cast.bob.headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_off")


# ---- who ---------------------------------------------------------------------------------------------------

#: What deploying a public model of alice's into a namespace comes to: the served name, or the status.
WHERE = [
    ("alice", {}, "alice/tiny"),
    ("charlie", {}, "charlie/tiny"),
    ("charlie", {"name": "mine"}, "charlie/mine"),
    ("bob", {"namespace": "lab"}, "lab/tiny"),
    ("charlie", {"namespace": "lab"}, 403),
    ("charlie", {"namespace": "alice"}, 403),
    ("root", {}, "alice/tiny"),
    ("anonymous", {}, 401),
]


@pytest.mark.parametrize(("who", "given", "comes_to"), WHERE)
def test_one_deploys_into_namespaces_where_one_may_create(
    client: TestClient, cast: Cast, tiny: str, who: str, given: dict[str, str], comes_to: str | int
) -> None:
    status = comes_to if isinstance(comes_to, int) else 201
    made = post(client, getattr(cast, who), status, model="alice/tiny", **given)
    if status == 201:
        assert made["name"] == comes_to


def test_a_private_model_shows_in_nothing_to_who_may_not_read_it(
    client: TestClient, cast: Cast, publish: Publish, tiny_gguf: Path
) -> None:
    publish(cast.alice.actor, "alice/hidden", {"hidden.gguf": tiny_gguf.read_bytes()}, private=True)
    made = post(client, cast.alice, model="alice/hidden")
    post(client, cast.charlie, 404, model="alice/hidden")
    for person in (cast.charlie, cast.anonymous, cast.bob):
        for address in (ENDPOINTS, f"{ENDPOINTS}?namespace=alice"):
            assert client.get(address, headers=person.headers).json() == []
        for address in (f"{ENDPOINTS}/{made['id']}", f"{ENDPOINTS}/{made['id']}/log"):
            assert client.get(address, headers=person.headers).status_code == 404
        assert client.patch(f"{ENDPOINTS}/{made['id']}", json={"on": False}, headers=person.headers).status_code == 404
        assert client.delete(f"{ENDPOINTS}/{made['id']}", headers=person.headers).status_code == 404
        engines = client.get("/api/models/alice/hidden/engines", headers=person.headers)
        assert engines.status_code in (401, 404)
    assert [one["name"] for one in client.get(ENDPOINTS, headers=cast.root.headers).json()] == ["alice/hidden"]


def test_others_call_it_and_only_its_namespace_changes_it(client: TestClient, cast: Cast, tiny: str) -> None:
    made = post(client, cast.bob, model="alice/tiny", namespace="lab")
    assert patch(client, cast.charlie, made["id"], 403, on=False)["error"].startswith("lab/tiny is served by lab")
    assert (
        client.patch(f"{ENDPOINTS}/{made['id']}", json={"on": False}, headers=cast.bob.read_headers).status_code == 403
    )
    assert patch(client, cast.alice, made["id"], on=False)["state"] == "off"
    assert client.delete(f"{ENDPOINTS}/{made['id']}", headers=cast.charlie.headers).status_code == 403
    assert client.delete(f"{ENDPOINTS}/{made['id']}").status_code == 401, "who is not signed in may be somebody who may"
    assert client.delete(f"{ENDPOINTS}/{made['id']}", headers=cast.bob.headers).status_code == 204
    assert client.get(f"{ENDPOINTS}/{made['id']}", headers=cast.bob.headers).status_code == 404


def test_where_administrators_deploy_others_do_not(
    client: TestClient, cast: Cast, tiny: str, database: Database
) -> None:
    with database.write() as db:
        instance.choose(db, "deployers", "administrators")
    assert "administrators deploy" in post(client, cast.alice, 403, model="alice/tiny")["error"]
    post(client, cast.root, model="alice/tiny")


# ---- refusals ----------------------------------------------------------------------------------------------


def test_a_name_is_taken_once_and_a_models_name_is_that_models(client: TestClient, cast: Cast, tiny: str) -> None:
    post(client, cast.alice, model="alice/tiny")
    post(client, cast.alice, 409, model="alice/tiny")
    post(client, cast.alice, 400, model="alice/tiny", namespace="lab", name="a b")
    assert post(client, cast.alice, model="alice/tiny", name="second")["name"] == "alice/second"
    client.post("/api/repos/create", json={"name": "other", "organization": "lab"}, headers=cast.alice.headers)
    refused = post(client, cast.bob, 400, model="alice/tiny", namespace="lab", name="other")
    assert "is the name of a repository" in refused["error"]


@pytest.mark.parametrize(
    "given",
    [
        {"context": 1},
        {"parallel": 0},
        {"parallel": 65},
        {"replicas": 17},
        {"idleSeconds": -1},
        {"options": {"precision": "half"}},
        {"options": {"unheard": 1}},
        {"defaults": {"messages": []}},
        {"defaults": {"stop": "x" * 5000}},
        {"file": "none.gguf"},
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(
    client: TestClient, cast: Cast, tiny: str, given: dict[str, Any]
) -> None:
    assert post(client, cast.alice, 400, model="alice/tiny", **given)["error"]
    assert client.get(ENDPOINTS, headers=cast.alice.headers).json() == []


def test_what_nothing_serves_says_why_of_each_engine(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/words", {"README.md": "# Only words"})
    assert "llama.cpp: It has no GGUF file" in post(client, cast.alice, 400, model="alice/words")["error"]
    told = client.get("/api/models/alice/words/engines", headers=cast.bob.headers).json()
    assert told["best"] is None
    assert "llama.cpp" in {one["engine"] for one in told["refusals"]}


def test_what_does_not_fit_says_what_would(
    new_app: Callable[..., Starlette], cast: Cast, tiny: str, database: Database, tiny_gguf: Path
) -> None:
    with TestClient(new_app(run_memory=45_000_000), base_url=BASE_URL) as client:
        refused = post(client, cast.alice, 400, model="alice/tiny", context=2048, parallel=64)
        assert "What fits" in refused["error"]
        assert any("at a time" in one for one in refused["fits"])
        engines = client.get("/api/models/alice/tiny/engines?context=2048&parallel=64", headers=cast.bob.headers).json()
        assert engines["best"] is None
        assert engines["fits"] == refused["fits"]
        assert engines["budgetBytes"] == 45_000_000
        post(client, cast.alice, model="alice/tiny", context=512, parallel=1)


# ---- changes -----------------------------------------------------------------------------------------------


def test_another_revision_or_size_makes_what_runs_out_of_date(
    client: TestClient, cast: Cast, tiny: str, publish: Publish, database: Database
) -> None:
    made = post(client, cast.alice, model="alice/tiny")
    newer = publish(cast.alice.actor, "alice/tiny", {"README.md": "# Newer"})

    def fingerprint() -> str:
        with database.read() as db:
            found = plans.wish(db, made["id"])
            assert found is not None
            return found.fingerprint

    first = fingerprint()
    assert patch(client, cast.alice, made["id"], keepWarm=True, defaults={"top_p": 1})["revision"] == tiny
    assert fingerprint() == first, "what it is started with is the same"
    told = patch(client, cast.alice, made["id"], revision="main", context=128)
    assert (told["revision"], told["context"], told["file"]) == (newer, 128, "tiny.gguf")
    assert fingerprint() != first
    patch(client, cast.alice, made["id"], 404, revision="no-such")
    patch(client, cast.alice, made["id"], 422, context=None)
    with database.read() as db:
        entries = db.scalars(
            select(AuditEntry).where(AuditEntry.verb == "endpoint.changed").order_by(AuditEntry.id)
        ).all()
        assert [sorted(one.details) for one in entries] == [["defaults", "keepWarm"], ["context", "revision"]]


def test_whoever_may_no_longer_read_the_model_cannot_pin_it_anew(
    client: TestClient, cast: Cast, tiny: str, database: Database
) -> None:
    made = post(client, cast.charlie, model="alice/tiny")
    with database.write() as db:
        repos.load(db, cast.alice.actor, "alice/tiny", Action.ADMIN).visibility = "private"
    patch(client, cast.charlie, made["id"], 404, revision="main")
    assert client.get(ENDPOINTS, headers=cast.charlie.headers).json() == []
    with database.read() as db:
        assert names.listed(db, cast.charlie.actor) == []
        assert [one.name for one in names.listed(db, cast.alice.actor)] == ["charlie/tiny"]


def test_a_deleted_model_takes_its_endpoints_with_it(
    client: TestClient, cast: Cast, tiny: str, database: Database
) -> None:
    post(client, cast.alice, model="alice/tiny")
    post(client, cast.charlie, model="alice/tiny")
    with database.write() as db:
        repos.delete_repo(db, cast.alice.actor, "alice/tiny", kind="model")
    with database.read() as db:
        assert not db.scalars(select(Endpoint)).all()
        assert not db.scalars(select(ServedName)).all()
        entries = db.scalars(select(AuditEntry).where(AuditEntry.verb == "endpoint.removed")).all()
        assert {one.details["why"] for one in entries} == {"its model was deleted"}


def test_a_model_that_moves_takes_its_own_name_along_and_leaves_others(
    client: TestClient, cast: Cast, tiny: str, database: Database
) -> None:
    mine = post(client, cast.alice, model="alice/tiny")
    theirs = post(client, cast.charlie, model="alice/tiny")
    with database.write() as db:
        repos.move(db, cast.alice.actor, "alice/tiny", "lab/small", kind="model")
    moved = client.get(f"{ENDPOINTS}/{mine['id']}", headers=cast.bob.headers).json()
    assert (moved["name"], moved["namespace"], moved["model"]) == ("lab/small", "lab", "lab/small")
    kept = client.get(f"{ENDPOINTS}/{theirs['id']}", headers=cast.bob.headers).json()
    assert (kept["name"], kept["model"]) == ("charlie/tiny", "lab/small")
    with database.read() as db:
        assert names.resolve(db, cast.bob.actor, "lab/small").endpoint_id == mine["id"]


# ---- adapters and models elsewhere -------------------------------------------------------------------------


def test_an_adapter_answers_beside_its_base(
    client: TestClient, cast: Cast, tiny: str, publish: Publish, tiny_adapter: Path, database: Database
) -> None:
    made = post(client, cast.alice, model="alice/tiny", options={"precision": "stored"})
    files = {"README.md": BASE, "lora.gguf": tiny_adapter.read_bytes()}
    publish(cast.charlie.actor, "charlie/lora", files)
    at = f"{ENDPOINTS}/{made['id']}/adapters"
    post(client, cast.charlie, 403, at, model="charlie/lora")
    added = post(client, cast.alice, 201, at, model="charlie/lora")
    assert (added["name"], added["file"]) == ("alice/lora", "lora.gguf")
    post(client, cast.alice, 409, at, model="charlie/lora")
    body = {"messages": [{"role": "user", "content": "the"}], "max_tokens": 6}
    said = [
        client.post("/v1/chat/completions", json={"model": name, **body}, headers=cast.bob.headers).json()
        for name in ("alice/tiny", "alice/lora")
    ]
    texts = [one["choices"][0]["message"]["content"] for one in said]
    assert texts[0] != texts[1], "the adapter says something else"
    told = client.get(f"{ENDPOINTS}/{made['id']}", headers=cast.bob.headers).json()
    assert [one["name"] for one in told["adapters"]] == ["alice/lora"]
    assert client.delete(f"{at}/{added['id']}", headers=cast.alice.headers).status_code == 204
    assert client.delete(f"{at}/{added['id']}", headers=cast.alice.headers).status_code == 404
    with database.write() as db:
        assert not db.scalars(select(EndpointAdapter)).all()


@pytest.mark.parametrize(
    ("card", "says"),
    [("# Whose?\n", "does not say which model"), ("---\nbase_model: alice/other\n---\n", "adapter of alice/other")],
)
def test_an_adapter_of_another_model_is_refused(
    client: TestClient, cast: Cast, tiny: str, publish: Publish, tiny_adapter: Path, card: str, says: str
) -> None:
    made = post(client, cast.alice, model="alice/tiny")
    publish(cast.alice.actor, "alice/lora", {"README.md": card, "lora.gguf": tiny_adapter.read_bytes()})
    refused = post(client, cast.alice, 400, f"{ENDPOINTS}/{made['id']}/adapters", model="alice/lora")
    assert says in refused["error"]


def test_room_is_the_setting_or_half_of_the_machine(app: Starlette) -> None:
    settings = app.state.kit.settings
    usual = node.room(settings)
    assert usual.budget_bytes == usual.memory_bytes // 2
    assert usual.machine.usable_bytes == usual.budget_bytes
