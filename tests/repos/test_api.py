"""Repositories over JSON, as the official clients call."""

import json

from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from tests.fixtures.each import each
from tests.fixtures.people import Cast


def test_alice_creates_moves_hides_and_deletes(client: TestClient, cast: Cast) -> None:
    made = client.post("/api/repos/create", json={"name": "m", "type": "dataset"}, headers=cast.alice.headers)
    assert made.json()["url"] == "http://hub.test/datasets/alice/m"
    moved = {"fromRepo": "alice/m", "toRepo": "lab/n", "type": "dataset"}
    assert client.post("/api/repos/move", json=moved, headers=cast.alice.headers).status_code == 200
    hidden = client.put("/api/datasets/lab/n/settings", json={"private": True}, headers=cast.alice.headers)
    assert hidden.json()["visibility"] == "private"
    assert client.get("/api/datasets/lab/n/auth-check").status_code == 401
    gone = {"name": "n", "organization": "lab", "type": "dataset"}
    assert client.request("DELETE", "/api/repos/delete", json=gone, headers=cast.alice.headers).status_code == 200
    again = client.request("DELETE", "/api/repos/delete", json=gone, headers=cast.alice.headers)
    assert (again.status_code, again.headers["x-error-code"]) == (404, "RepoNotFound")


def test_a_conflict_names_the_address_of_what_is_there(client: TestClient, cast: Cast) -> None:
    for _ in range(2):
        answer = client.post("/api/repos/create", json={"name": "m"}, headers=cast.alice.headers)
    assert (answer.status_code, answer.json()["url"]) == (409, "http://hub.test/alice/m")


def test_an_old_address_leads_to_the_new_one_with_its_query(client: TestClient, cast: Cast) -> None:
    client.post("/api/repos/create", json={"name": "old"}, headers=cast.alice.headers)
    client.post("/api/repos/move", json={"fromRepo": "alice/old", "toRepo": "alice/new"}, headers=cast.alice.headers)
    answer = client.get("/api/models/Alice/OLD/auth-check?a=1")
    assert answer.status_code == 307
    assert answer.headers["location"].endswith("/api/models/alice/new/auth-check?a=1")


def test_a_read_token_changes_nothing(client: TestClient, cast: Cast) -> None:
    client.post("/api/repos/create", json={"name": "m"}, headers=cast.alice.headers)
    calls = [
        ("POST", "/api/repos/create", {"name": "x"}),
        ("POST", "/api/repos/move", {"fromRepo": "alice/m", "toRepo": "alice/x"}),
        ("PUT", "/api/models/alice/m/settings", {"private": True}),
        ("DELETE", "/api/repos/delete", {"name": "m"}),
    ]
    for method, path, body in calls:
        assert client.request(method, path, json=body, headers=cast.alice.read_headers).status_code == 403, path


@each("name", ["a\u0000b", "../x", "a/b/c", " ", "é", "x" * 200, "\ud800", "api\r\nx: y"])
def test_names_made_to_hurt_are_refused_in_words(client: TestClient, cast: Cast, name: str) -> None:
    for call in ({"name": name}, {"name": "x", "organization": name}):
        body = json.dumps(call)
        headers = {**cast.alice.headers, "content-type": "application/json"}
        answer = client.post("/api/repos/create", content=body, headers=headers)
        assert 400 <= answer.status_code < 500, (call, answer.text)
        gone = client.request("DELETE", "/api/repos/delete", content=body, headers=headers)
        assert 400 <= gone.status_code < 500, (call, gone.text)


def test_a_cookie_counts_for_changes_only_from_our_own_pages(client: TestClient, cast: Cast) -> None:
    database = client.app.state.database  # type: ignore[attr-defined]
    with database.write() as db:
        secret = accounts.open_session(db, cast.alice.id, life_s=60)
    cookie = {"cookie": f"freehold_session={secret}"}
    assert client.get("/api/whoami-v2", headers=cookie).json()["name"] == "alice"
    for foreign in ({}, {"origin": "http://evil.test"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        answer = client.post("/api/repos/create", json={"name": "m"}, headers=cookie | foreign)
        assert answer.status_code == 403, foreign
    own = cookie | {"origin": "http://hub.test"}
    assert client.post("/api/repos/create", json={"name": "m"}, headers=own).status_code == 200
