"""What answers is hidden like what it answers with: the same bytes for a name that is hidden and for one nobody has."""

import re
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from starlette.testclient import TestClient

from freehold.access.rules import Action
from freehold.accounts import service as accounts
from freehold.accounts.tables import Account
from freehold.core import instance
from freehold.gateway import service
from freehold.inference.rules import Replica, Target
from freehold.repos import service as repos
from tests.discover.conftest import Publish
from tests.discover.conftest import publish as publish  # the fixture
from tests.fixtures.people import Person
from tests.gateway.conftest import REVISION, Hub
from tests.gateway.test_policies import route

HIDDEN, ABSENT = "lab/hushhush", "lab/nothing8"
#: Shown by every answer, and of each call its own.
OWN = re.compile(r'"(?:created|created_at)":\s*\d+|[0-9a-f]{16,}|chatcmpl-\w+|nonce-[\w-]+')


def calls(name: str) -> list[tuple[str, str, Any]]:
    """Every way to ask for ``name``."""
    chat = {"model": name, "messages": [{"role": "user", "content": "hello"}]}
    return [
        ("GET", "/v1/models", None),
        ("GET", f"/v1/models/{name}", None),
        ("POST", "/v1/chat/completions", chat),
        ("POST", "/v1/chat/completions", chat | {"stream": True}),
        ("POST", "/v1/chat/completions", chat | {"model": f"{name}@0123456"}),
        ("POST", "/v1/chat/completions", chat | {"model": f"{name}:it.gguf"}),
        ("POST", "/v1/chat/completions", chat | {"model": name.upper()}),
        ("POST", "/v1/chat/completions", chat | {"model": name[:-1]}),
        ("POST", "/v1/completions", {"model": name, "prompt": "hello"}),
        ("POST", "/v1/embeddings", {"model": name, "input": "hello"}),
        ("POST", "/v1/rerank", {"model": name, "query": "hello", "documents": ["a"]}),
        ("POST", "/v1/responses", {"model": name, "input": "hello"}),
        ("POST", f"/models/{name}", {"inputs": "hello"}),
        ("POST", f"/models/{name}/pipeline/text-generation", {"inputs": "hello"}),
        ("POST", f"/models/{name}/v1/chat/completions", chat),
        ("POST", f"/hf-inference/models/{name}", {"inputs": "hello"}),
        ("POST", f"/hf-inference/models/{name}/pipeline/fill-mask", {"inputs": "hello"}),
        ("GET", "/api/endpoints", None),
        ("GET", "/api/routes", None),
        ("GET", "/api/pipelines", None),
        ("GET", f"/api/routes/{name}", None),
        ("GET", f"/api/routes/{name}/recent", None),
        ("GET", f"/api/pipelines/{name}", None),
        ("GET", f"/api/models/{name}/engines", None),
        ("GET", f"/routes/{name}", None),
        ("GET", f"/pipelines/{name}", None),
        ("GET", "/endpoints", None),
        ("GET", f"/playground?model={name}", None),
        ("GET", f"/playground?model=lab/it&other={name}", None),
        ("GET", "/api/usage", None),
        ("GET", "/api/usage.csv", None),
        ("POST", "/api/routes", {"name": "charlie/try", "policy": {"kind": "pinned", "targets": [name]}}),
        ("POST", "/api/feedback", {"model": name, "answer": "a", "rating": "up", "messages": []}),
    ]


def asked(hub: Hub, name: str, headers: dict[str, str]) -> list[tuple[str, int, dict[str, str], str]]:
    """What each way answers, without what is the call's own."""
    said = []
    for method, path, body in calls(name):
        answer = hub.client.request(method, path, json=body, headers=headers | {"Accept-Encoding": "identity"})
        head = {key: value for key, value in answer.headers.items() if key not in ("x-request-id", "date")}
        said.append((f"{method} {path}", answer.status_code, head, OWN.sub("", answer.text)))
    return said


def hides(hub: Hub, headers: dict[str, str]) -> None:
    """Nothing tells the hidden name from one that nobody has."""
    hidden, absent = asked(hub, HIDDEN, headers), asked(hub, ABSENT, headers)
    for one, other in zip(hidden, absent, strict=True):
        as_absent = str(one).replace(HIDDEN, ABSENT).replace(HIDDEN.upper(), ABSENT.upper())
        as_absent = as_absent.replace(HIDDEN[:-1], ABSENT[:-1]).replace("%2F".join(HIDDEN.split("/")), "")
        assert as_absent == str(other).replace("%2F".join(ABSENT.split("/")), ""), one[0]
    assert not hub.engine.seen


def served(hub: Hub, kind: str, publish: Publish) -> None:
    """Something private of Alice's answers under the hidden name."""
    if kind == "endpoint":
        hub.serve(HIDDEN, visibility="private")
    elif kind == "route":
        route(hub, "pinned", "lab/ours", name=HIDDEN)
    elif kind == "pipeline":
        steps = "steps:\n  - {name: draft, kind: generate, model: lab/it}\n"
        publish(hub.cast.alice.actor, "lab/steps", {"freehold-pipeline.yaml": steps})
        with hub.database.write() as db:
            repos.load(db, hub.cast.alice.actor, "lab/steps", Action.ADMIN).visibility = "private"
        body = {"repo": "lab/steps", "name": HIDDEN}
        assert hub.client.post("/api/pipelines", json=body, headers=hub.cast.alice.headers).status_code == 201


@pytest.mark.parametrize("kind", ["endpoint", "route", "pipeline"])
def test_a_hidden_name_is_as_one_that_nobody_has(hub: Hub, kind: str, publish: Publish) -> None:
    served(hub, kind, publish)
    assert hub.ask(model=HIDDEN).status_code == 200
    hub.engine.seen.clear()
    hides(hub, hub.cast.charlie.headers)
    hides(hub, hub.cast.charlie.read_headers)
    hides(hub, {})
    with hub.database.write() as db:
        instance.choose(db, "anonymous_calls", "yes")
    hides(hub, {})


@pytest.mark.parametrize("kind", ["endpoint", "route", "pipeline"])
def test_one_name_is_looked_up_as_lists_have_it(hub: Hub, kind: str, publish: Publish) -> None:
    """To everybody, and to whoever is not signed in, where the instance lets them call and where it does not."""
    served(hub, kind, publish)
    hub.serve("lab/off", is_on=False)
    names = (HIDDEN, HIDDEN.upper(), f"{HIDDEN}@{REVISION}", "lab/it", "lab/ours", "lab/off", "lab/none", "a\0/b", "")
    with hub.database.write() as db:
        for choice in ("no", "yes"):
            instance.choose(db, "anonymous_calls", choice)
            for who in (hub.cast.alice, hub.cast.bob, hub.cast.charlie, hub.cast.root, Person("")):
                listed = {one.name.lower(): one for one in service.models(db, who.actor)}
                assert {name: service.model(db, who.actor, name) for name in names} == {
                    name: listed.get(name.lower()) for name in names
                }


def test_whoever_is_not_signed_in_is_not_taken_for_the_owner(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they do to an engine must not be laid to who pays for them."""
    callers: list[str] = []
    real = hub.store.replica

    def replica(target: Target, caller_id: str = "") -> AbstractAsyncContextManager[Replica]:
        callers.append(caller_id)
        return real(target, caller_id)

    monkeypatch.setattr(hub.store, "replica", replica)
    hub.serve("alice/hers")
    with hub.database.write() as db:
        instance.choose(db, "anonymous_calls", "yes")
    assert hub.ask(model="alice/hers", who=Person("")).status_code == 200
    assert hub.ask(model="alice/hers").status_code == 200
    assert callers == [f"{service.ANONYMOUS}@testclient", hub.cast.alice.id]


def test_who_are_not_signed_in_share_one_turn_and_are_told_apart_by_where_they_call_from(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[tuple[str, str]] = []
    runtime = hub.client.app.state.runtime  # type: ignore[attr-defined]
    real = runtime.turns.turn

    def turn(endpoint_id: str, payer_id: str, caller_id: str, **given: Any) -> Any:
        turns.append((payer_id, caller_id))
        return real(endpoint_id, payer_id, caller_id, **given)

    monkeypatch.setattr(runtime.turns, "turn", turn)
    with hub.database.write() as db:
        instance.choose(db, "anonymous_calls", "yes")
    behind = TestClient(hub.client.app, base_url="http://hub.test", client=("127.0.0.1", 4))
    wish = {"model": "lab/it", "messages": [{"role": "user", "content": "hello"}]}
    for said in ("192.0.2.1", "192.0.2.9, 192.0.2.2", "2001:db8::1", "2001:db8::2"):
        assert behind.post("/v1/chat/completions", json=wish, headers={"X-Forwarded-For": said}).status_code == 200
    payers, callers = zip(*turns, strict=True)
    assert set(payers) == {service.ANONYMOUS}
    assert callers[:2] == ("anonymous@192.0.2.1", "anonymous@192.0.2.2")
    assert callers[2] == callers[3] != callers[1]


def may(hub: Hub, headers: dict[str, str], name: str = "lab/ours") -> bool:
    call = {"model": name, "messages": [{"role": "user", "content": "hello"}]}
    answer = hub.client.post("/v1/chat/completions", json=call, headers=headers)
    listed = name in [one["id"] for one in hub.client.get("/v1/models", headers=headers).json().get("data", [])]
    assert listed == (answer.status_code == 200), answer.text
    if answer.status_code != 200:
        assert answer.status_code in (401, 404), answer.text
    return listed


def test_who_may_no_longer_read_may_no_longer_call(hub: Hub) -> None:
    bob, charlie, alice = (one for one in (hub.cast.bob, hub.cast.charlie, hub.cast.alice))
    assert may(hub, bob.headers) and may(hub, bob.read_headers) and not may(hub, charlie.headers)
    with hub.database.write() as db:
        lab = accounts.account(db, "lab")
        accounts.remove_member(db, lab, db.get_one(Account, bob.id))
    assert not may(hub, bob.headers) and may(hub, alice.headers)
    assert may(hub, charlie.headers, "lab/it")
    with hub.database.write() as db:
        repos.load(db, alice.actor, "lab/it", Action.ADMIN).visibility = "private"
    assert not may(hub, charlie.headers, "lab/it") and may(hub, alice.headers, "lab/it")
    with hub.database.write() as db:
        repos.load(db, alice.actor, "lab/it", Action.ADMIN).is_disabled = True
    assert hub.ask(model="lab/it").status_code == 403  # its owner knows that it is there
    assert "lab/it" not in hub.client.get("/v1/models", headers=alice.headers).text


def moved(hub: Hub, who: Person, old: str, new: str) -> None:
    body = {"fromRepo": old, "toRepo": new, "type": "model"}
    assert hub.client.post("/api/repos/move", json=body, headers=who.headers).status_code == 200


def test_a_model_that_moved_answers_by_its_new_name_alone(hub: Hub) -> None:
    moved(hub, hub.cast.alice, "lab/ours", "alice/mine")
    assert not may(hub, hub.cast.bob.headers) and not may(hub, hub.cast.bob.headers, "alice/mine")
    assert may(hub, hub.cast.alice.headers, "alice/mine")
    hub.client.request(
        "DELETE", "/api/repos/delete", json={"name": "mine", "organization": "alice"}, headers=hub.cast.alice.headers
    )
    assert not may(hub, hub.cast.alice.headers, "alice/mine")
