"""Routes over their doors: who makes, sees, calls and changes them, and that nothing private shows through."""

import asyncio
import json
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.access.rules import Actor
from freehold.accounts.tables import Account
from freehold.core.database import Database
from freehold.governance.tables import AuditEntry
from freehold.inference.errors import ModelUnknown, SignInToCall
from freehold.routing import service
from freehold.routing.answering import answer
from freehold.routing.rules import Asked, Ledger, Plan, RoutePlan, leaves
from tests.fixtures.people import Cast, Person
from tests.inference.conftest import ServeRow, visibility
from tests.inference.conftest import serve_row as serve_row  # the fixture
from tests.people.test_pages import Browser
from tests.routing.engines import Engines, chat

ROUTES = "/api/routes"


def body(kind: str, *targets: Any, name: str = "lab/assistant", **more: Any) -> dict[str, Any]:
    return {"name": name, "policy": {"kind": kind, "targets": list(targets), **more}}


@pytest.fixture
def models(cast: Cast, serve_row: ServeRow) -> None:
    """A public model of Alice's, a private one of the lab's, and a private one of Charlie's."""
    serve_row(cast.alice.actor, "alice/small")
    serve_row(cast.alice.actor, "lab/large", private=True)
    serve_row(cast.charlie.actor, "charlie/own", private=True)


def plan(database: Database, actor: Actor, name: str) -> Plan:
    with database.read() as db:
        return service.plan(db, actor, name)


@pytest.mark.usefixtures("models")
def test_a_route_is_made_changed_switched_and_taken_away(client: TestClient, cast: Cast, database: Database) -> None:
    bob = cast.bob.headers
    made = client.post(ROUTES, json=body("fallback", "lab/large", "alice/small"), headers=bob)
    assert made.status_code == 201, made.text
    assert made.json()["policy"]["targets"] == [{"name": "lab/large"}, {"name": "alice/small"}]
    assert made.json()["abilities"] == ["chat"] and made.json()["callable"]
    assert client.post(ROUTES, json=body("pinned", "alice/small"), headers=bob).status_code == 409
    canary = body("canary", {"name": "lab/large", "weight": 9}, "alice/small", sticky="user")
    changed = client.put(f"{ROUTES}/LAB/Assistant", json=canary, headers=bob)
    assert changed.json()["kind"] == "canary" and changed.json()["name"] == "lab/assistant"
    assert client.put(f"{ROUTES}/lab/assistant/on", json={"on": False}, headers=bob).json()["callable"] is False
    with pytest.raises(ModelUnknown):
        plan(database, cast.bob.actor, "lab/assistant")
    assert client.delete(f"{ROUTES}/lab/assistant", headers=bob).status_code == 204
    assert client.get(f"{ROUTES}/lab/assistant", headers=bob).status_code == 404
    assert client.post(ROUTES, json=body("pinned", "alice/small"), headers=bob).status_code == 201


@pytest.mark.usefixtures("models")
def test_a_route_does_what_any_of_its_models_does(client: TestClient, cast: Cast, serve_row: ServeRow) -> None:
    serve_row(cast.alice.actor, "lab/vectors", private=True, abilities=("embeddings",))
    both = body("fallback", "alice/small", "lab/vectors")
    client.post(ROUTES, json=both, headers=cast.bob.headers)

    def does(who: Person) -> list[str]:
        (route,) = client.get(ROUTES, headers=who.headers).json()
        return list(route["abilities"])

    assert does(cast.bob) == ["chat", "embeddings"] and does(cast.charlie) == ["chat"]
    client.put(f"{ROUTES}/lab/assistant/on", json={"on": False}, headers=cast.bob.headers)
    assert does(cast.bob) == ["chat", "embeddings"] and client.get(ROUTES, headers=cast.charlie.headers).json() == []


@pytest.mark.usefixtures("models")
def test_what_is_done_to_a_route_is_in_the_trail(client: TestClient, cast: Cast, database: Database) -> None:
    def put(path: str, given: dict[str, Any], status: int = 200, who: Person = cast.bob) -> None:
        answer = client.put(f"{ROUTES}/lab/assistant{path}", json=given, headers=who.headers)
        assert answer.status_code == status, answer.text

    first = body("fallback", "lab/large", "alice/small")
    assert client.post(ROUTES, json=first, headers=cast.bob.headers).status_code == 201
    guards = [{"kind": "secrets", "side": "input", "does": "mask"}]
    guarded = body("fallback", "lab/large", "alice/small", guards=guards)
    put("", guarded)
    put("", guarded)
    put("", guarded, 403, cast.charlie)
    put("/on", {"on": False})
    put("", guarded | {"description": "Of the lab", "policy": guarded["policy"] | {"targets": ["lab/large"]}})
    put("", body("round"), 400)
    assert client.delete(f"{ROUTES}/lab/assistant", headers=cast.bob.headers).status_code == 204
    with database.read() as db:
        found = db.scalars(select(AuditEntry).where(AuditEntry.thing_kind == "route").order_by(AuditEntry.id)).all()
        lab = db.scalars(select(Account.id).where(Account.key == "lab")).one()
    first_told = {"on": True, "keepsContent": False, "kind": "fallback", "targets": ["lab/large", "1 elsewhere"]}
    assert [(one.verb, one.details) for one in found] == [
        ("route.made", first_told),
        ("route.guards", {"guards": ["input secrets: mask"]}),
        ("route.disabled", {}),
        ("route.enabled", {}),
        ("route.changed", {"description": "Of the lab", "targets": ["lab/large"]}),
        ("route.deleted", {}),
    ]
    assert {(one.actor_name, one.thing_name, one.owner_id) for one in found} == {("bob", "lab/assistant", lab)}


@pytest.mark.usefixtures("models")
def test_what_cannot_be_says_where(client: TestClient, cast: Cast) -> None:
    def refused(given: dict[str, Any], said: str) -> None:
        answer = client.post(ROUTES, json=given, headers=cast.bob.headers)
        assert answer.status_code == 400 and said in answer.json()["error"], answer.text

    refused(body("round"), "one of these kinds")
    refused(body("pinned"), "at least one")
    refused(body("pinned", "alice/small", "lab/large"), "one target")
    refused(body("pinned", "small"), "namespace/name")
    refused(body("pinned", "alice/smal"), "Did you mean alice/small?")
    refused(body("pinned", "charlie/own"), "No model that you may call")
    refused(body("rules", {"name": "alice/small", "when": "tokens are many"}), "Target 1: 'tokens are many'")
    refused(body("rules", {"name": "alice/small", "when": "language is xx"}), "No language")
    refused(body("canary", {"name": "alice/small", "weight": -1}), "weight")
    refused(body("small_first", "alice/small", "lab/large"), "how an answer is checked")
    check = {"kind": "regex", "value": "(a)\\1"}
    refused(body("small_first", "alice/small", "lab/large", check=check), "no pattern")
    refused(body("pinned", "alice/small", guards=[{"kind": "personal"}]), "Guard 1")
    guard = {"kind": "model", "side": "input", "does": "block", "model": "charlie/own"}
    refused(body("pinned", "alice/small", guards=[guard]), "No model that you may call")
    refused(body("pinned", "alice/small", extra=1), "no 'extra'")


@pytest.mark.usefixtures("models")
def test_routes_behind_routes_make_no_circle(client: TestClient, cast: Cast) -> None:
    bob = cast.bob.headers
    names = [f"lab/r{at}" for at in range(6)]
    client.post(ROUTES, json=body("pinned", "alice/small", name=names[0]), headers=bob)
    for before, name in pairwise(names[:4]):
        assert client.post(ROUTES, json=body("pinned", before, name=name), headers=bob).status_code == 201
    circle = client.put(f"{ROUTES}/{names[0]}", json=body("pinned", names[2], name=names[0]), headers=bob)
    assert circle.status_code == 400 and "back to it" in circle.json()["error"]
    own = client.put(f"{ROUTES}/{names[0]}", json=body("pinned", names[0], name=names[0]), headers=bob)
    assert own.status_code == 400 and "behind itself" in own.json()["error"]
    deep = client.post(ROUTES, json=body("pinned", names[3], name=names[4]), headers=bob)
    assert deep.status_code == 400


@pytest.mark.usefixtures("models")
def test_a_route_answers_with_what_its_caller_may_call(client: TestClient, cast: Cast, database: Database) -> None:
    client.post(ROUTES, json=body("fallback", "lab/large", "alice/small", name="lab/both"), headers=cast.bob.headers)
    client.post(ROUTES, json=body("pinned", "lab/large", name="lab/private"), headers=cast.bob.headers)
    assert [leaf.served_name for leaf in leaves(plan(database, cast.bob.actor, "lab/both"))] == [
        "lab/large",
        "alice/small",
    ]
    stranger = plan(database, cast.charlie.actor, "lab/both")
    assert isinstance(stranger, RoutePlan) and stranger.left_out == 1
    assert [leaf.served_name for leaf in leaves(stranger)] == ["alice/small"]
    with pytest.raises(ModelUnknown) as refused:
        plan(database, cast.charlie.actor, "lab/privat")
    assert "lab/private" not in refused.value.message and "lab/large" not in refused.value.message
    with pytest.raises(ModelUnknown):
        plan(database, cast.charlie.actor, "lab/private")
    with pytest.raises(SignInToCall):
        plan(database, cast.anonymous.actor, "lab/both")

    async def asked() -> Ledger:
        ledger = Ledger()
        async with answer(Engines({"alice/small": "Hi."}), stranger, chat("?"), Asked(), ledger) as reply:
            await reply.body()
        return ledger

    ledger = asyncio.run(asked())
    assert "1 left out" in ledger.why[0] and "lab/large" not in json.dumps(ledger.why)


@pytest.mark.parametrize(
    ("who", "sees", "targets", "changes"),
    [
        ("alice", ["lab/both", "lab/private"], ["lab/large", "alice/small"], 200),
        ("bob", ["lab/both", "lab/private"], ["lab/large", "alice/small"], 200),
        ("root", ["lab/both", "lab/private"], ["lab/large", "alice/small"], 200),
        ("charlie", ["lab/both"], ["alice/small"], 403),
        ("anonymous", [], None, 401),
    ],
)
@pytest.mark.usefixtures("models")
def test_who_sees_what_of_a_route(
    client: TestClient, cast: Cast, app: Starlette, who: str, sees: list[str], targets: list[str] | None, changes: int
) -> None:
    given = body(
        "fallback",
        "lab/large",
        "alice/small",
        name="lab/both",
        guards=[{"kind": "secrets", "side": "input", "does": "mask"}],
    )
    client.post(ROUTES, json=given, headers=cast.bob.headers)
    client.post(ROUTES, json=body("pinned", "lab/large", name="lab/private"), headers=cast.bob.headers)
    headers = getattr(cast, who).headers
    assert [one["name"] for one in client.get(ROUTES, headers=headers).json()] == sees
    seen = client.get(f"{ROUTES}/lab/both", headers=headers)
    assert (seen.status_code == 200) is (targets is not None)
    if targets is not None:
        assert [one["name"] for one in seen.json()["policy"]["targets"]] == targets
        assert ("guards" in seen.json()["policy"]) is (changes == 200)
    assert client.get(f"{ROUTES}/lab/private", headers=headers).status_code == (200 if "lab/private" in sees else 404)
    status = client.put(f"{ROUTES}/lab/both", json=given, headers=headers).status_code
    assert status in ({200} if changes == 200 else {401, 403, 404})
    assert client.get(f"{ROUTES}/lab/both/recent", headers=headers).status_code in (
        {200} if changes == 200 else {401, 403, 404}
    )
    page = Browser(app, None if who == "anonymous" else getattr(cast, who))
    for address in ("/routes", "/routes/lab/both"):
        html = page.see(address, 200 if address == "/routes" or targets else 404)
        assert ("lab/large" in html or "lab/private" in html) is (changes == 200)


@pytest.mark.usefixtures("models")
def test_a_model_that_becomes_private_is_left_out_at_once(client: TestClient, cast: Cast, database: Database) -> None:
    client.post(ROUTES, json=body("pinned", "alice/small", name="lab/one"), headers=cast.bob.headers)
    assert isinstance(plan(database, cast.charlie.actor, "lab/one"), RoutePlan)
    visibility(database, cast.alice.actor, "alice/small", "private")
    with pytest.raises(ModelUnknown):
        plan(database, cast.charlie.actor, "lab/one")
    with pytest.raises(ModelUnknown):
        plan(database, cast.bob.actor, "lab/one")
    # Bob may change the route, and still does not learn what stands behind it.
    told = client.get(f"{ROUTES}/lab/one", headers=cast.bob.headers)
    assert told.status_code == 200 and "alice/small" not in told.text and told.json()["leftOut"] == 1
    guarded = [{"kind": "model", "side": "input", "does": "block", "model": "lab/large"}]
    client.post(ROUTES, json=body("pinned", "charlie/own", name="charlie/x"), headers=cast.charlie.headers)
    client.put(f"{ROUTES}/lab/one", json=body("pinned", "lab/large", guards=guarded), headers=cast.bob.headers)
    with pytest.raises(ModelUnknown):
        plan(database, cast.charlie.actor, "lab/one")


@pytest.mark.usefixtures("models")
def test_choices_and_findings_are_kept_without_a_text(client: TestClient, cast: Cast, database: Database) -> None:
    guards = [{"kind": "personal", "side": "input", "does": "mask"}]
    client.post(ROUTES, json=body("pinned", "alice/small", guards=guards), headers=cast.bob.headers)
    made = plan(database, cast.charlie.actor, "lab/assistant")

    async def asked() -> Ledger:
        ledger = Ledger()
        async with answer(
            Engines({"alice/small": "Hi."}), made, chat("I am carol@example.com"), Asked(), ledger
        ) as reply:
            await reply.body()
        return ledger

    ledger = asyncio.run(asked())
    with database.write() as db:
        service.record(db, made, ledger, outcome="ok", request_id="abc")
    told = client.get(f"{ROUTES}/lab/assistant/recent", headers=cast.bob.headers)
    (choice,), (finding,) = told.json()["choices"], told.json()["findings"]
    assert (choice["chosen"], choice["model"], choice["outcome"], choice["tokens"]) == (
        "alice/small",
        "alice/small",
        "ok",
        4,
    )
    assert (finding["what"], finding["place"], finding["does"]) == ("mail", "messages[0]", "mask")
    assert "carol" not in told.text
    visibility(database, cast.alice.actor, "alice/small", "private")
    assert "alice/small" not in client.get(f"{ROUTES}/lab/assistant/recent", headers=cast.bob.headers).text


@pytest.mark.usefixtures("models")
def test_the_pages_forms_make_and_change_a_route(app: Starlette, cast: Cast) -> None:
    bob = Browser(app, cast.bob)
    form = {
        "name": "lab/assistant", "kind": "fallback", "target": ["lab/large", "alice/small"], "weight": ["", ""],
        "when": ["", ""], "timeout": ["5", ""], "guard_kind": ["personal"], "guard_side": ["output"],
        "guard_does": ["mask"], "guard_options": ["kinds: mail, card"], "on": "1",
    }  # fmt: skip
    refused = bob.send("/routes/new", page="/routes/new", **(form | {"target": ["lab/large", "no/such"]}))
    assert refused.status_code == 422 and "No model that you may call" in refused.text and "lab/large" in refused.text
    made = bob.send("/routes/new", page="/routes/new", **form)
    assert made.status_code == 303 and made.headers["location"] == "/routes/lab/assistant"
    html = bob.see("/routes/lab/assistant")
    assert "fallback" in html.lower() and "mail, card" in html
    page = "/routes/lab/assistant/edit"
    assert "kinds: mail, card" in bob.see(page)
    assert bob.send(page, page=page, **(form | {"description": "Answers <b>all</b>"})).status_code == 303
    assert "Answers &lt;b&gt;all&lt;/b&gt;" in bob.see("/routes/lab/assistant")
    assert Browser(app, cast.charlie).client.get(page).status_code in (303, 403, 404)
    gone = bob.send("/routes/lab/assistant/delete", page=page)
    assert gone.status_code == 303 and gone.headers["location"] == "/routes"
    bob.see("/routes/lab/assistant", 404)


@pytest.mark.usefixtures("models")
def test_the_form_offers_what_one_may_call_and_counts_what_its_kind_shows(app: Starlette, cast: Cast) -> None:
    bob, page = Browser(app, cast.bob), "/routes/new?kind=pinned"
    shown = bob.see(page)
    assert '<option value="lab/large">' in shown and '<option value="alice/small">' in shown
    assert 'value="pinned" checked' in shown
    stranger = Browser(app, cast.charlie).see(page)
    assert '<option value="alice/small">' in stranger and "lab/large" not in stranger
    form = {"name": "bob/one", "kind": "pinned", "target": ["lab/large", "alice/small"], "on": "1"}
    assert bob.send("/routes/new", page=page, **form).status_code == 303, "a pinned route has the first row alone"
    one = bob.see("/routes/bob/one")
    assert "lab/large" in one and "alice/small" not in one
