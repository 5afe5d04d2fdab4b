"""Tokens that name repositories and namespaces: the page, what they say of themselves, and what they reach."""

import re

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.access.rules import Action, Actor, Thing, TokenScope, decide
from freehold.accounts import service as accounts
from freehold.accounts.rules import SESSION_COOKIE
from tests.content.publishing import commit, file
from tests.fixtures.each import each
from tests.fixtures.hub import BASE_URL
from tests.fixtures.people import Cast


@pytest.fixture
def alice(client: TestClient, app: Starlette, cast: Cast) -> TestClient:
    """A browser in which Alice is signed in; she owns private repositories, and so does the lab."""
    for name, organization in (("one", None), ("two", None), ("three", "lab")):
        body = {"name": name, "organization": organization, "private": True}
        assert client.post("/api/repos/create", json=body, headers=cast.alice.headers).status_code == 200
    with app.state.database.write() as db:
        secret = accounts.open_session(db, cast.alice.id, life_s=3600)
    client.cookies.set(SESSION_COOKIE, secret, domain="hub.test", path="/")
    return client


def _make(browser: TestClient, **form: object) -> str:
    page = browser.get("/settings/tokens").text
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf is not None
    data = {"name": "narrow", "scope": "write", "reach": "chosen", "csrf": csrf[1], **form}
    return browser.post("/settings/tokens", data=data, headers={"origin": BASE_URL}).text


def _secret(page: str) -> dict[str, str]:
    found = re.search(r"hf_\w+", page)
    assert found is not None, page
    return {"Authorization": f"Bearer {found[0]}"}


def test_a_token_for_a_namespace_and_a_repository(alice: TestClient, cast: Cast) -> None:
    headers = _secret(_make(alice, owner=["lab"], repos="models/alice/one"))
    alice.cookies.clear()
    told = alice.get("/api/whoami-v2", headers=headers).json()
    assert "email" not in told
    token = told["auth"]["accessToken"]
    assert token["role"] == "fineGrained"
    reached = {(scoped["entity"]["type"], scoped["entity"]["name"]) for scoped in token["fineGrained"]["scoped"]}
    assert reached == {("org", "lab"), ("model", "alice/one")}
    listed = {item["id"] for item in alice.get("/api/models", headers=headers).json()}
    assert listed == {"alice/one", "lab/three"}
    assert alice.get("/api/models/alice/two", headers=headers).status_code == 404
    made = alice.post("/api/repos/create", json={"name": "new", "organization": "lab"}, headers=headers)
    assert made.status_code == 200, "all of a namespace, what is to come included"
    assert alice.post("/api/repos/create", json={"name": "new"}, headers=headers).status_code == 403
    storage = alice.get("/api/settings/repositories", headers=headers).json()
    assert [item["id"] for item in storage] == ["alice/one"]


@each(
    ("form", "says"),
    [
        ({}, "Choose at least one"),
        ({"repos": "alice/nowhere"}, "no repository"),
        ({"repos": "datasets/alice/one"}, "no repository"),
        ({"owner": ["bob"]}, "no member"),
        ({"repos": "x " * 300}, "no repository"),
        ({"repos": "a\0b"}, "no repository"),
    ],
)
def test_what_is_not_there_is_named(alice: TestClient, form: dict[str, object], says: str) -> None:
    assert says in _make(alice, **form)


def test_leaving_an_organisation_leaves_its_tokens_empty(alice: TestClient, app: Starlette, cast: Cast) -> None:
    with app.state.database.write() as db:
        lab, bob = accounts.account(db, "lab"), accounts.account(db, "bob")
        _, secret = accounts.create_token(db, bob, "lab", "write", owner_ids=[lab.id])
    headers = {"Authorization": f"Bearer {secret}"}
    assert alice.get("/api/models/lab/three", headers=headers).status_code == 200
    with app.state.database.write() as db:
        accounts.remove_member(db, accounts.account(db, "lab"), accounts.account(db, "bob"))
    assert alice.get("/api/models/lab/three", headers=headers).status_code == 404


@pytest.mark.rules
def test_a_narrow_token_reaches_what_its_owners_own() -> None:
    token = TokenScope("t", "t", "write", frozenset(), frozenset({"org"}))
    actor = Actor(kind="user", id="u", roles={"org": "write", "other": "admin"}, token=token)
    assert decide(actor, Action.WRITE, Thing("org", "private", "r"))
    assert not decide(actor, Action.WRITE, Thing("other", "private", "r"))
    assert not decide(actor, Action.CREATE_IN, Thing("u", "private"))


# ---- what repositories take -----------------------------------------------------------------------------------


def test_repositories_are_listed_with_what_they_take(client: TestClient, cast: Cast) -> None:
    for name in ("a", "b", "c"):
        client.post("/api/repos/create", json={"name": name, "private": name == "c"}, headers=cast.alice.headers)
    assert commit(client, cast.alice, "alice/a", file("big.txt", b"x y z " * 50_000)).status_code == 200
    first = client.get("/api/settings/repositories?limit=2", headers=cast.alice.headers)
    assert [item["id"] for item in first.json()] == ["alice/a", "alice/c"]
    following = re.search(r"<http://hub.test([^>]+)>", first.headers["link"])
    assert following is not None
    second = client.get(following[1], headers=cast.alice.headers)
    assert ([item["id"] for item in second.json()], "link" in second.headers) == (["alice/b"], False)
    items = [*first.json(), *second.json()]
    assert {item["visibility"] for item in items} == {"public", "private"}
    assert items[0]["storage"] > items[1]["storage"] > 0
    assert abs(sum(item["storagePercent"] for item in items) - 100) < 0.01
    assert client.get("/api/settings/repositories").status_code == 401
    assert client.get("/api/settings/repositories?cursor=x~y", headers=cast.alice.headers).status_code == 400


def test_an_organisations_list_is_for_its_members(client: TestClient, cast: Cast) -> None:
    body = {"name": "m", "organization": "lab", "private": True}
    client.post("/api/repos/create", json=body, headers=cast.alice.headers)
    address = "/api/organizations/lab/settings/repositories"
    for person, status in ((cast.alice, 200), (cast.bob, 200), (cast.root, 200), (cast.charlie, 403)):
        assert client.get(address, headers=person.headers).status_code == status
    assert client.get(address).status_code == 401
    assert client.get(address, headers=cast.bob.headers).json()[0]["id"] == "lab/m"
    missing = client.get("/api/organizations/nowhere/settings/repositories", headers=cast.bob.headers)
    assert missing.status_code == 404
