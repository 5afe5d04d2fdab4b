"""Pushes through the door, on every database: what becomes visible, what is told, and what a lost race leaves."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from freehold.content.events import RepoPushed
from freehold.content.service.git import rights
from freehold.core.database import Database
from tests.content import given, publishing
from tests.fixtures.people import Cast
from tests.fixtures.pushes import NULL, Made, body, head, push, read, send

MAIN = "refs/heads/main"


@pytest.fixture
def repo(client: TestClient, cast: Cast) -> str:
    return given.repo(client, cast.alice, "pushed")


def one_file(folder: Path, name: str, data: bytes, *parents: str) -> tuple[str, bytes]:
    made = Made(folder)
    commit = made.commit(made.tree(("100644", name.encode(), made.blob(data))), *parents)
    return commit, made.pack()


def test_a_push_is_told_like_a_commit(
    client: TestClient, cast: Cast, repo: str, database: Database, tmp_path: Path
) -> None:
    told: list[Any] = []
    database.bus.subscribe(RepoPushed, lambda db, event: told.append((event.ref, event.before, event.after)))
    at = head(client, cast.alice, repo)
    commit, pack = one_file(tmp_path / "a", "a.txt", b"one", at)
    assert push(client, cast.alice, repo, MAIN, commit, pack, old=at).refs == {MAIN: None}
    assert told == [(MAIN, at, commit)]
    assert client.get(f"/{repo}/resolve/main/a.txt").text == "one"
    assert publishing.tree(client, repo) == ["a.txt"]


def test_of_two_pushes_from_one_start_one_is_told_to_fetch(
    client: TestClient, cast: Cast, repo: str, tmp_path: Path
) -> None:
    at = head(client, cast.alice, repo)
    first, second = (one_file(tmp_path / name, name, b"x", at) for name in ("a", "b"))
    assert push(client, cast.alice, repo, MAIN, *first, old=at).refs == {MAIN: None}
    reply = push(client, cast.alice, repo, MAIN, *second, old=at)
    assert reply.refs == {MAIN: "fetch first"} and "Run git pull" in reply.words
    assert head(client, cast.alice, repo) == first[0]


def test_a_race_lost_in_the_last_moment_leaves_nothing(
    client: TestClient, cast: Cast, repo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another commit comes in while this push's pack is looked at."""
    at = head(client, cast.alice, repo)
    commit, pack = one_file(tmp_path / "a", "a", b"x", at)
    looked = rights.allowed
    calls = 0

    def allowed(*given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            move = looked(*given)
            publishing.committed(client, cast.alice, repo, publishing.file("b", "meanwhile"))
            return move
        return looked(*given)

    monkeypatch.setattr(rights, "allowed", allowed)
    assert push(client, cast.alice, repo, MAIN, commit, pack, old=at).refs == {MAIN: "fetch first"}
    assert publishing.tree(client, repo) == [".gitattributes", "b"]
    answer = client.get(f"/api/models/{repo}/revision/{commit}")
    assert answer.status_code == 404, "what a lost push brought is not part of the repository"


def test_some_refs_move_and_others_not_unless_all_are_asked_for(
    client: TestClient, cast: Cast, repo: str, tmp_path: Path
) -> None:
    at = head(client, cast.alice, repo)
    commit, pack = one_file(tmp_path / "a", "a", b"x", at)
    both = [(NULL, commit, "refs/heads/good"), ("1" * 40, commit, MAIN)]
    atomic = body(both, pack, capabilities="report-status side-band-64k atomic")
    assert read(send(client, cast.alice, repo, atomic)).refs == {
        "refs/heads/good": "another ref of this push was refused",
        MAIN: "fetch first",
    }
    assert read(send(client, cast.alice, repo, body(both, pack))).refs == {"refs/heads/good": None, MAIN: "fetch first"}
    inside = [(NULL, commit, "refs/heads/x"), (NULL, commit, "refs/heads/x/y")]
    answer = read(send(client, cast.alice, repo, body(inside)))
    assert answer.refs["refs/heads/x"] is None and "refs/heads/x exists" in (answer.refs["refs/heads/x/y"] or "")


def test_a_proposal_by_push_is_a_pull_request(client: TestClient, cast: Cast, repo: str, tmp_path: Path) -> None:
    at = head(client, cast.alice, repo)
    commit, pack = one_file(tmp_path / "a", "a", b"x", at)
    assert push(client, cast.charlie, repo, MAIN, commit, pack, old=at).refs == {MAIN: "you may not write here"}
    reply = push(client, cast.charlie, repo, "refs/for/main", commit, pack)
    assert reply.refs == {"refs/for/main": None}
    assert f"/{repo}/discussions/1" in reply.words
    more, pack = one_file(tmp_path / "b", "a", b"y", commit)
    refused = push(client, cast.bob, repo, "refs/pr/1", more, pack, old=commit)
    assert refused.refs == {"refs/pr/1": "not your pull request"}
    assert push(client, cast.charlie, repo, "refs/pr/1", more, pack, old=commit).refs == {"refs/pr/1": None}
    merged = client.post(f"/api/models/{repo}/discussions/1/merge", json={}, headers=cast.alice.headers)
    assert merged.status_code == 200, merged.text
    late, pack = one_file(tmp_path / "c", "a", b"z", more)
    reply = push(client, cast.charlie, repo, "refs/pr/1", late, pack, old=more)
    assert reply.refs["refs/pr/1"] and "is merged" in reply.words, reply


def test_names_that_differ_by_case_are_refused_by_every_door(client: TestClient, cast: Cast, repo: str) -> None:
    publishing.committed(client, cast.alice, repo, publishing.file("Data/a.txt", "a"))
    for path in ("data/b.txt", "Data/A.TXT", "DATA"):
        answer = publishing.commit(client, cast.alice, repo, publishing.file(path, "x"))
        assert answer.status_code == 422 and "by case alone" in answer.json()["error"], answer.text
    renamed = (publishing.deleted("Data/a.txt"), publishing.file("data/a.txt", "a"))
    publishing.committed(client, cast.alice, repo, *renamed)
    assert publishing.tree(client, repo) == [".gitattributes", "data/a.txt"]
