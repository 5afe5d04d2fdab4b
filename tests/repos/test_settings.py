"""What an owner sets, and who is told."""

import json

import pytest
from sqlalchemy.orm import Session
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.repos.events import RepoSettingsChanged
from tests.content import given
from tests.fixtures.people import Cast

SETTINGS = "/api/models/alice/tiny/settings"


@pytest.fixture(autouse=True)
def _repo(client: TestClient, cast: Cast) -> None:
    given.repo(client, cast.alice, "tiny")


def test_a_change_is_told_with_what_is_different_now(client: TestClient, app: Starlette, cast: Cast) -> None:
    heard: list[RepoSettingsChanged] = []

    def hear(_db: Session, event: RepoSettingsChanged) -> None:
        heard.append(event)

    app.state.database.bus.subscribe(RepoSettingsChanged, hear)
    body = {"private": True, "gated": False, "discussionsDisabled": True, "someNewerKey": {"a": 1}}
    answer = client.put(SETTINGS, json=body, headers=cast.alice.headers)
    assert answer.status_code == 200
    told = {key: answer.json()[key] for key in ("private", "visibility", "gated", "discussionsDisabled")}
    assert told == {"private": True, "visibility": "private", "gated": False, "discussionsDisabled": True}
    changed = {key: heard[0].changed[key] for key in ("private", "visibility", "discussionsDisabled")}
    assert changed == {"private": True, "visibility": "private", "discussionsDisabled": True}
    assert "gated" not in heard[0].changed


def test_disabled_discussions_are_closed_to_everyone_and_open_again(client: TestClient, cast: Cast) -> None:
    client.put(SETTINGS, json={"discussionsDisabled": True}, headers=cast.alice.headers)
    thread = {"title": "A question", "description": "?"}
    pull = {"title": "A change", "description": "", "pullRequest": True}
    for who in (cast.alice, cast.charlie):
        for body in (thread, pull):
            answer = client.post("/api/models/alice/tiny/discussions", json=body, headers=who.headers)
            assert answer.status_code == 403
            assert "disabled" in answer.headers["x-error-message"]
    file = {"path": "a", "content": "YQ==", "encoding": "base64"}
    lines = "\n".join(map(json.dumps, ({"key": "header", "value": {"summary": "s"}}, {"key": "file", "value": file})))
    headers = {**cast.charlie.headers, "Content-Type": "application/x-ndjson"}
    answer = client.post("/api/models/alice/tiny/commit/main?create_pr=1", content=lines, headers=headers)
    assert answer.status_code == 403
    headers |= cast.alice.headers
    assert client.post("/api/models/alice/tiny/commit/main", content=lines, headers=headers).status_code == 200
    client.put(SETTINGS, json={"discussionsDisabled": False}, headers=cast.alice.headers)
    answer = client.post("/api/models/alice/tiny/discussions", json=thread, headers=cast.charlie.headers)
    assert answer.status_code == 200


@pytest.mark.parametrize("body", [{"visibility": "protected"}, {"visibility": "internal"}, {"gated": "maybe"}])
def test_what_cannot_be_set_says_what_can(client: TestClient, cast: Cast, body: dict[str, object]) -> None:
    answer = client.put(SETTINGS, json=body, headers=cast.alice.headers)
    assert answer.status_code == 400
    assert "use" in answer.json()["error"]


def test_a_bucket_cannot_be_moved_here(client: TestClient, cast: Cast) -> None:
    body = {"fromRepo": "alice/b", "toRepo": "alice/c", "type": "bucket"}
    answer = client.post("/api/repos/move", json=body, headers=cast.alice.headers)
    assert answer.status_code == 501


@pytest.mark.parametrize("kind", ["dataset", "space", "kernel"])
def test_every_kind_moves_and_back(client: TestClient, cast: Cast, kind: str) -> None:
    body = {"name": "old", "type": kind, "sdk": "static"}
    client.post("/api/repos/create", json=body, headers=cast.alice.headers)
    for source, target in (("alice/old", "lab/new"), ("lab/new", "alice/old")):
        body = {"fromRepo": source, "toRepo": target, "type": kind}
        assert client.post("/api/repos/move", json=body, headers=cast.alice.headers).status_code == 200
        assert client.get(f"/api/{kind}s/{source}/auth-check").status_code == 307
    assert client.get(f"/api/{kind}s/alice/old/auth-check").status_code == 200
