"""Commits: every operation, every refusal, and races, through the door that clients use."""

import base64
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.access.rules import Actor
from freehold.content.events import RepoPushed
from freehold.content.service import commits as service
from freehold.content.service.commits import Target
from freehold.content.service.proposals import Copy, Proposal, Remove
from freehold.content.tables import Pack, Push, Ref
from freehold.core import clock
from freehold.core.database import Database
from freehold.repos.tables import Repo
from tests.content.given import repo
from tests.content.publishing import (
    body,
    commit,
    committed,
    copied,
    deleted,
    file,
    header,
    large,
    tree,
    uploaded,
)
from tests.fixtures.each import each
from tests.fixtures.people import Cast, assemble

STALE = "The branch was updated since you opened this page. Please refresh and try again."


@pytest.fixture
def path(client: TestClient, cast: Cast) -> str:
    return repo(client, cast.alice, "m")


def head(client: TestClient, path: str, who: Any = None, name: str = "main") -> str:
    refs = client.get(f"/api/models/{path}/refs?include_prs=1", headers=who.headers if who else {}).json()
    return next(r["targetCommit"] for kind in refs.values() for r in kind if r["name"] == name)


# ---- a new repository --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "plural", "expected"),
    [
        ("model", "models", [".gitattributes"]),
        ("dataset", "datasets", [".gitattributes"]),
        ("space", "spaces", [".gitattributes", "README.md"]),
        ("kernel", "kernels", [".gitattributes"]),
    ],
)
def test_a_new_repository_has_its_first_commit(
    client: TestClient, cast: Cast, kind: str, plural: str, expected: list[str]
) -> None:
    made = client.post(
        "/api/repos/create", json={"name": "new-thing", "type": kind, "sdk": "gradio"}, headers=cast.alice.headers
    )
    assert made.status_code == 200
    assert tree(client, "alice/new-thing", kind=plural) == expected
    log = client.get(f"/api/{plural}/alice/new-thing/commits/main").json()
    assert [(c["title"], c["authors"]) for c in log] == [("initial commit", [{"user": "alice"}])]


def test_a_space_starts_with_a_card_that_says_its_sdk(client: TestClient, cast: Cast) -> None:
    client.post("/api/repos/create", json={"name": "s", "type": "space", "sdk": "docker"}, headers=cast.alice.headers)
    card = client.get("/spaces/alice/s/resolve/main/README.md").text
    assert "sdk: docker" in card
    answer = client.post("/api/validate-yaml", json={"content": card, "repoType": "space"})
    assert answer.status_code == 200, answer.text


# ---- operations --------------------------------------------------------------------------------------------


def test_alice_commits_files(client: TestClient, cast: Cast, path: str) -> None:
    answer = commit(
        client, cast.alice, path, file("README.md", "# Hi"), file("a/b/c.txt", b"\0\1"), summary="Two files"
    )
    oid = answer.json()["commitOid"]
    assert answer.json() == {
        "success": True,
        "commitOid": oid,
        "commitUrl": f"http://hub.test/alice/m/commit/{oid}",
        "hookOutput": "",
    }
    assert tree(client, path) == [".gitattributes", "README.md", "a/b/c.txt"]
    assert client.get(f"/{path}/resolve/{oid}/a/b/c.txt").content == b"\0\1"
    assert head(client, path) == oid


def test_the_url_of_a_data_set_commit(client: TestClient, cast: Cast) -> None:
    made = repo(client, cast.alice, "D", kind="dataset")
    answer = commit(client, cast.alice, made.lower(), file("x", "1"), kind="datasets").json()
    assert answer["commitUrl"] == f"http://hub.test/datasets/alice/D/commit/{answer['commitOid']}"


def test_bob_commits_to_his_lab(client: TestClient, cast: Cast) -> None:
    client.post("/api/repos/create", json={"name": "x", "organization": "lab"}, headers=cast.alice.headers)
    assert commit(client, cast.bob, "lab/x", file("a", "1")).status_code == 200
    assert client.get("/api/models/lab/x/commits/main").json()[0]["authors"] == [{"user": "bob"}]


def test_summary_and_description(client: TestClient, cast: Cast, path: str) -> None:
    raw = body(header("Title", description="Why <b>\n\nand how"), file("a", "1"))
    assert commit(client, cast.alice, path, raw=raw).status_code == 200
    latest = client.get(f"/api/models/{path}/commits/main?expand[]=formatted").json()[0]
    assert (latest["title"], latest["message"]) == ("Title", "Why <b>\n\nand how")
    assert latest["formatted"] == {"title": "Title", "message": "Why &lt;b&gt;\n\nand how"}


def test_plain_text_content(client: TestClient, cast: Cast, path: str) -> None:
    line = {"key": "file", "value": {"path": "t", "content": "grüße", "encoding": "utf-8"}}
    committed(client, cast.alice, path, line)
    assert client.get(f"/{path}/resolve/main/t").content == "grüße".encode()


def test_large_files_by_lfs(client: TestClient, cast: Cast, path: str) -> None:
    data = b"weights" * 1000
    uploaded(client, cast.alice, path, data)
    committed(client, cast.alice, path, large("model.bin", data))
    entry = client.get(f"/api/models/{path}/tree/main").json()[-1]
    assert (entry["path"], entry["size"], entry["lfs"]["oid"]) == ("model.bin", 7000, large("", data)["value"]["oid"])
    assert entry["lfs"]["pointerSize"] < 150
    assert client.get(f"/{path}/resolve/main/model.bin").content == data


def test_a_copy_of_a_large_file_needs_no_size(client: TestClient, cast: Cast, path: str) -> None:
    data = b"weights" * 1000
    uploaded(client, cast.alice, path, data)
    committed(client, cast.alice, path, large("model.bin", data))
    line = large("copy.bin", data)
    del line["value"]["size"]
    committed(client, cast.alice, path, line)
    assert client.get(f"/{path}/resolve/main/copy.bin").content == data


def test_deletions(client: TestClient, cast: Cast, path: str) -> None:
    names = ["a/1", "a/2", "b/1", "c/d/1", "top"]
    committed(client, cast.alice, path, *(file(name, name) for name in names))
    committed(client, cast.alice, path, deleted("top"), deleted("a/", folder=True), deleted("b"), deleted("c/d/1"))
    assert tree(client, path) == [".gitattributes"]


def test_a_folder_is_replaced_by_a_file_in_one_commit(client: TestClient, cast: Cast, path: str) -> None:
    committed(client, cast.alice, path, file("a/1", "1"), file("b", "2"))
    committed(client, cast.alice, path, file("a", "now a file"), deleted("a"), file("b/1", "now inside"), deleted("b"))
    assert tree(client, path) == [".gitattributes", "a", "b/1"]


def test_copies_from_the_head_and_from_an_older_revision(client: TestClient, cast: Cast, path: str) -> None:
    first = committed(client, cast.alice, path, file("f", "one"))
    committed(client, cast.alice, path, file("f", "two"))
    committed(client, cast.alice, path, copied("f", "now"), copied("f", "before", first[:8]), copied("f", "b2", "main"))
    read = [client.get(f"/{path}/resolve/main/{name}").text for name in ("now", "before", "b2")]
    assert read == ["two", "one", "two"]


def test_changing_nothing_gives_the_head(client: TestClient, cast: Cast, path: str, database: Database) -> None:
    oid = committed(client, cast.alice, path, file("f", "one"))
    assert committed(client, cast.alice, path, file("f", "one")) == oid
    assert committed(client, cast.alice, path) == oid
    with database.read() as db:
        assert len(db.scalars(select(Push)).all()) == 2


def test_commit_to_a_branch_with_a_slash(client: TestClient, cast: Cast, path: str) -> None:
    client.post(f"/api/models/{path}/branch/feat%2Fx", json={}, headers=cast.alice.headers)
    oid = committed(client, cast.alice, path, file("f", "1"), rev="feat%2Fx")
    assert head(client, path, name="feat/x") == oid
    assert tree(client, path, "feat%2Fx") == [".gitattributes", "f"]
    assert tree(client, path) == [".gitattributes"]


def test_one_commit_is_one_pack_one_push_one_event(
    app: Starlette, client: TestClient, cast: Cast, path: str, database: Database
) -> None:
    heard: list[RepoPushed] = []
    database.bus.subscribe(RepoPushed, lambda db, event: heard.append(event))
    before = head(client, path)
    oid = committed(client, cast.alice, path, file("a", "1"), file("b", "2"))
    assert [(e.ref, e.before, e.after, e.actor.name, e.repo.path) for e in heard] == [
        ("refs/heads/main", before, oid, "alice", path)
    ]
    with database.read() as db:
        row = db.scalars(select(Repo)).one()
        packs = db.scalars(select(Pack).order_by(Pack.created_at)).all()
        assert [pack.objects for pack in packs] == [3, 4]
        assert row.updated_at >= packs[-1].created_at - timedelta(seconds=5)
    keys = {key.rpartition("/")[2] for key, _ in app.state.kit.store.keys(f"git/{row.id}")}
    assert keys == {pack.name + suffix for pack in packs for suffix in (".pack", ".idx")}
    assert not list(app.state.kit.tmp.iterdir())


def test_the_commit_is_dated_by_the_hubs_clock(client: TestClient, cast: Cast, path: str) -> None:
    with clock.frozen(datetime.now(UTC) + timedelta(days=3)):
        committed(client, cast.alice, path, file("a", "1"))
        expected = clock.wire(clock.now().replace(microsecond=0))
    assert client.get(f"/api/models/{path}/commits/main").json()[0]["date"] == expected


# ---- refusals ----------------------------------------------------------------------------------------------


def test_strangers_and_readers_do_not_write(client: TestClient, cast: Cast, path: str) -> None:
    assert commit(client, cast.charlie, path, file("a", "1")).status_code == 403
    assert commit(client, cast.anonymous, path, file("a", "1")).status_code == 401
    answer = client.post(
        f"/api/models/{path}/commit/main", content=body(header(), file("a", "1")), headers=cast.alice.read_headers
    )
    assert answer.status_code == 403
    assert tree(client, path) == [".gitattributes"]


def test_a_private_repository_does_not_exist_for_others(client: TestClient, cast: Cast) -> None:
    hidden = repo(client, cast.alice, "secret", private=True)
    for name in (hidden, "alice/never"):
        answer = commit(client, cast.charlie, name, file("a", "1"))
        assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "RepoNotFound")


@each("rev", ["nope", "refs%2Fpr%2F9", "refs%2Fheads%2Fnope", "0" * 40, "a%00b", "%20", "x" * 300])
def test_a_missing_branch(client: TestClient, cast: Cast, path: str, rev: str) -> None:
    answer = commit(client, cast.alice, path, file("a", "1"), rev=rev)
    assert answer.status_code == (400 if "%00" in rev else 404)
    assert "%00" in rev or answer.headers["X-Error-Code"] == "RevisionNotFound"


def test_a_commit_or_a_tag_is_no_branch(client: TestClient, cast: Cast, path: str) -> None:
    client.post(f"/api/models/{path}/tag/main", json={"tag": "v1"}, headers=cast.alice.headers)
    for rev in (head(client, path), "v1"):
        answer = commit(client, cast.alice, path, file("a", "1"), rev=rev)
        assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "RevisionNotFound")


def test_a_stale_parent(client: TestClient, cast: Cast, path: str) -> None:
    first = head(client, path)
    second = committed(client, cast.alice, path, file("a", "1"), parent=first[:7])
    answer = commit(client, cast.alice, path, file("b", "1"), parent=first)
    assert (answer.status_code, answer.json()["error"]) == (412, STALE)
    assert head(client, path) == second
    committed(client, cast.alice, path, file("b", "1"), parent=second.upper())


def test_deleting_what_is_not_there(client: TestClient, cast: Cast, path: str) -> None:
    for line in (deleted("nope"), deleted("nope/", folder=True), deleted(".gitattributes", folder=True)):
        answer = commit(client, cast.alice, path, line)
        assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "EntryNotFound")
        assert "A file with this name doesn't exist" in answer.json()["error"]


def test_copying_what_is_not_there(client: TestClient, cast: Cast, path: str) -> None:
    committed(client, cast.alice, path, file("d/f", "1"))
    for line in (copied("nope", "x"), copied("d", "x")):
        assert commit(client, cast.alice, path, line).headers["X-Error-Code"] == "EntryNotFound"
    answer = commit(client, cast.alice, path, copied("d/f", "x", "nope"))
    assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "RevisionNotFound")
    assert commit(client, cast.alice, path, copied("d/f", "x", "a\0b")).status_code == 404


BAD_PATHS = [
    "",
    "/",
    "/abs",
    "a//b",
    "a/",
    ".",
    "..",
    "../up",
    "a/../b",
    "a/./b",
    "./a",
    "..\\ddd",
    "a\\b",
    "a\0b",
    "a\nb",
    "a\x7fb",
    "a\x85b",
    "a\u2028b",
    ".git",
    ".git/config",
    "x/.GIT/hooks/post-checkout",
    ".Git",
    "git~1",
    ".git.",
    ".git ",
    ".g\u200cit/config",
    ".git::$INDEX_ALLOCATION/config",
    "x" * 256,
    "é" * 128,
    "/".join(["d" * 100] * 50),
    "\ud800",
]


@each("bad", BAD_PATHS)
def test_paths_that_no_repository_may_hold(client: TestClient, cast: Cast, path: str, bad: str) -> None:
    lines = [file(bad, "1"), large(bad, b"1"), copied(".gitattributes", bad), copied(bad, "fine")]
    if not bad.endswith("/") or not bad.strip("/"):
        lines.append(deleted(bad))
    for line in lines:
        answer = commit(client, cast.alice, path, line)
        assert answer.status_code == 422, (line["key"], answer.text)
        assert answer.json()["error"]
    assert tree(client, path) == [".gitattributes"]


@pytest.mark.parametrize(
    "good", [".gitignore", ".github/x", "a b/c d.txt", "ünï/日本.txt", "git", "x.git", "...a", "~", "x" * 255]
)
def test_paths_that_are_fine(client: TestClient, cast: Cast, path: str, good: str) -> None:
    committed(client, cast.alice, path, file(good, "1"))
    assert good in tree(client, path)


def test_a_file_cannot_be_a_directory_too(client: TestClient, cast: Cast, path: str) -> None:
    committed(client, cast.alice, path, file("d/f", "1"))
    for lines in ([file("d", "1")], [file("d/f/g", "1")], [file("n", "1"), file("n/m", "1")]):
        answer = commit(client, cast.alice, path, *lines)
        assert answer.status_code == 422
        assert "is a" in answer.json()["error"]


@each(
    "raw",
    [
        b"",
        b"\n\n",
        b"not json\n",
        b"[]\n",
        b'{"key": "header"}\n',
        b'{"key": "header", "value": []}\n',
        b'{"key": 3, "value": {}}\n',
        b'{"key": "header", "value": {}}\n',
        b'{"key": "header", "value": {"summary": ""}}\n',
        b'{"key": "header", "value": {"summary": 5}}\n',
        b'{"key": "header", "value": {"summary": "x", "parentCommit": "zzzzz"}}\n',
        b'{"key": "header", "value": {"summary": "x", "parentCommit": "abc"}}\n',
        b'{"key": "file", "value": {"path": "a", "content": ""}}\n',
        b"[" * 100_000,
        b'{"key": "header", "value": {"summary": "\xff"}}\n',
        b'{"key": "header", "value": {"summary": "x"}}\n{"key": "header", "value": {"summary": "x"}}\n',
    ],
)
def test_bodies_that_are_no_commit(client: TestClient, cast: Cast, path: str, raw: bytes) -> None:
    answer = commit(client, cast.alice, path, raw=raw)
    assert answer.status_code == 422, answer.text


@each(
    "line",
    [
        {"key": "file", "value": {"path": "a", "content": "***", "encoding": "base64"}},
        {"key": "file", "value": {"path": "a", "content": "YQ", "encoding": "base64"}},
        {"key": "file", "value": {"path": "a", "content": "é", "encoding": "base64"}},
        {"key": "file", "value": {"path": "a", "content": "YQ==", "encoding": "rot13"}},
        {"key": "file", "value": {"path": "a", "content": "\ud800", "encoding": "utf-8"}},
        {"key": "file", "value": {"path": "a", "content": None, "encoding": "base64"}},
        {"key": "file", "value": {"path": "a", "content": "YQ==", "encoding": ["base64"]}},
        {"key": "file", "value": {"path": ["a"], "content": "YQ==", "encoding": "base64"}},
        {"key": "lfsFile", "value": {"path": "a", "algo": "md5", "oid": "0" * 64, "size": 1}},
        {"key": "lfsFile", "value": {"path": "a", "algo": "sha256", "oid": "0" * 63, "size": 1}},
        {"key": "lfsFile", "value": {"path": "a", "algo": "sha256", "oid": "0" * 64, "size": "1"}},
        {"key": "lfsFile", "value": {"path": "a", "algo": "sha256", "oid": "0" * 64, "size": -1}},
        {"key": "lfsFile", "value": {"path": "a", "algo": "sha256", "oid": "0" * 64, "size": True}},
        {"key": "copyFile", "value": {"path": "a"}},
        {"key": "renamedFile", "value": {"path": "a"}},
        {"key": "file", "value": "a"},
    ],
)
def test_operations_that_cannot_be_read(client: TestClient, cast: Cast, path: str, line: dict[str, Any]) -> None:
    answer = commit(client, cast.alice, path, line)
    assert answer.status_code == 422, answer.text
    assert "Line 2" in answer.json()["error"]


def test_a_large_file_that_was_never_uploaded(client: TestClient, cast: Cast, path: str) -> None:
    answer = commit(client, cast.alice, path, large("m.bin", b"never sent"))
    assert answer.status_code == 400
    assert "not uploaded to this repository" in answer.json()["error"]


def test_a_digest_of_a_private_file_opens_nothing(client: TestClient, cast: Cast, path: str) -> None:
    """Charlie knows the digest of Alice's private file; for him it is as if nobody had it."""
    secret = b"secret weights"
    hidden = repo(client, cast.alice, "secret", private=True)
    uploaded(client, cast.alice, hidden, secret)
    theirs = repo(client, cast.charlie, "c")
    known, unknown = (commit(client, cast.charlie, theirs, large("m.bin", d)) for d in (secret, b"nobody has this"))
    assert known.status_code == unknown.status_code == 400
    strip = lambda answer, data: answer.json()["error"].replace(large("", data)["value"]["oid"], "")  # noqa: E731
    assert strip(known, secret) == strip(unknown, b"nobody has this")


def test_a_pointer_sent_inline_is_a_claim_like_any_other(client: TestClient, cast: Cast, path: str) -> None:
    data = b"data" * 100
    oid = large("", data)["value"]["oid"]
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(data)}\n"
    assert commit(client, cast.alice, path, file("m.bin", pointer)).status_code == 400
    uploaded(client, cast.alice, path, data)
    committed(client, cast.alice, path, file("m.bin", pointer))
    assert client.get(f"/{path}/resolve/main/m.bin").content == data


def test_a_wrong_size(client: TestClient, cast: Cast, path: str) -> None:
    uploaded(client, cast.alice, path, b"12345")
    answer = commit(client, cast.alice, path, large("m.bin", b"12345", size=6))
    assert answer.status_code == 400
    assert "has 5" in answer.json()["error"]


def test_inline_files_are_bounded(new_app: Callable[..., Starlette]) -> None:
    app = new_app(max_inline_bytes=1000, max_commit_bytes=200_000)
    cast = assemble(app.state.database)
    with TestClient(app, base_url="http://hub.test") as client:
        path = repo(client, cast.alice, "m")
        committed(client, cast.alice, path, file("fits", b"x" * 1000))
        for size in (1001, 100_000):
            answer = commit(client, cast.alice, path, file("big", b"x" * size))
            assert answer.status_code == 413
            assert "LFS" in answer.json()["error"]
        many = [file(f"f{n}", b"x" * 1000) for n in range(300)]
        assert commit(client, cast.alice, path, *many).status_code == 413
        assert tree(client, path) == [".gitattributes", "fits"]
        assert not list(app.state.kit.tmp.iterdir())


def test_a_thousand_files_at_once(client: TestClient, cast: Cast, path: str) -> None:
    committed(client, cast.alice, path, *(file(f"d{n % 10}/f{n}", str(n)) for n in range(1000)))
    assert len(client.get(f"/api/models/{path}/tree/main/d3").json()) == 100
    assert client.get(f"/{path}/resolve/main/d7/f777").text == "777"


def test_a_bad_card_is_refused_before_anything_is_made(client: TestClient, cast: Cast, path: str) -> None:
    answer = commit(client, cast.alice, path, file("README.md", "---\nlicense: nonsense-1.0\n---\n# Hi"))
    assert answer.status_code == 400
    assert "Invalid metadata in README.md" in answer.json()["error"]
    assert tree(client, path) == [".gitattributes"]


def test_a_path_that_is_very_deep_is_refused_and_a_deep_one_is_not(client: TestClient, cast: Cast, path: str) -> None:
    assert commit(client, cast.alice, path, file("d/" * 1500 + "a", "1")).status_code == 422
    committed(client, cast.alice, path, file("d/" * 256 + "a", "1"))


# ---- pull requests, as far as git goes ---------------------------------------------------------------------


def test_a_stranger_proposes(client: TestClient, cast: Cast, path: str) -> None:
    main = head(client, path)
    answer = commit(client, cast.charlie, path, file("a", "1"), query="?create_pr=1").json()
    assert answer["pullRequestUrl"] == "http://hub.test/alice/m/discussions/1"
    assert head(client, path) == main
    assert head(client, path, name="1") == answer["commitOid"]
    assert tree(client, path, "refs%2Fpr%2F1") == [".gitattributes", "a"]
    more = committed(client, cast.charlie, path, file("b", "1"), rev="refs%2Fpr%2F1")
    assert head(client, path, name="1") == more
    committed(client, cast.alice, path, file("c", "1"), rev="refs%2Fpr%2F1")
    second = commit(client, cast.alice, path, file("a", "1"), query="?create_pr=1").json()
    assert second["pullRequestUrl"].endswith("/discussions/2")


def test_only_its_author_and_writers_go_on_with_a_proposal(client: TestClient, cast: Cast, path: str) -> None:
    commit(client, cast.charlie, path, file("a", "1"), query="?create_pr=1")
    assert commit(client, cast.bob, path, file("b", "1"), rev="refs%2Fpr%2F1").status_code == 403
    assert commit(client, cast.anonymous, path, file("b", "1"), rev="refs%2Fpr%2F1").status_code == 401
    assert commit(client, cast.anonymous, path, file("b", "1"), query="?create_pr=1").status_code == 401


def test_proposals_go_to_branches(client: TestClient, cast: Cast, path: str) -> None:
    commit(client, cast.alice, path, file("a", "1"), query="?create_pr=1")
    for rev in (head(client, path), "nope", "refs%2Fpr%2F1"):
        answer = commit(client, cast.alice, path, file("a", "1"), rev=rev, query="?create_pr=1")
        assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "RevisionNotFound")


# ---- races -------------------------------------------------------------------------------------------------


def test_a_commit_between_build_and_publish_is_412_with_a_parent(
    app: Starlette, client: TestClient, cast: Cast, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bob's commit lands while Alice's bytes are being written: she is told, her parent being named."""
    parent = head(client, path)
    _while_building(monkeypatch, lambda: committed(client, cast.alice, path, file("other", "1")))
    answer = commit(client, cast.alice, path, file("mine", "1"), parent=parent)
    assert (answer.status_code, answer.json()["error"]) == (412, STALE)
    assert tree(client, path) == [".gitattributes", "other"]


def test_without_a_parent_the_commit_is_made_again(
    client: TestClient, cast: Cast, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _while_building(monkeypatch, lambda: committed(client, cast.alice, path, file("other", "1")))
    committed(client, cast.alice, path, file("mine", "1"))
    assert tree(client, path) == [".gitattributes", "mine", "other"]
    assert len(client.get(f"/api/models/{path}/commits/main").json()) == 3


def test_rights_that_end_while_bytes_are_written(
    client: TestClient, cast: Cast, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = {"name": "m"}
    _while_building(
        monkeypatch, lambda: client.request("DELETE", "/api/repos/delete", json=gone, headers=cast.alice.headers)
    )
    answer = commit(client, cast.alice, path, file("mine", "1"))
    assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "RepoNotFound")


def _while_building(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], Any]) -> None:
    """``meanwhile`` happens once, after the first commit's bytes are kept and before it is published."""
    kept, waiting = service.keep_pack, [meanwhile]

    def keep(*args: Any) -> None:
        kept(*args)
        if waiting:
            waiting.pop()()

    monkeypatch.setattr(service, "keep_pack", keep)


def test_many_commit_at_once_and_none_is_lost(app: Starlette, cast: Cast, client: TestClient, path: str) -> None:
    database, kit = app.state.database, app.state.kit
    writers, each, done, failed = 6, 4, [], []

    def work(number: int) -> None:
        for turn in range(each):
            proposal = Proposal(f"{number}-{turn}", operations=[Copy(f"w{number}/f{turn}", ".gitattributes", None)])
            try:
                with service.scratch_directory(kit) as scratch:
                    made = service.commit(
                        database, kit, cast.alice.actor, Target("model", path, "main"), proposal, scratch
                    )
                done.append(made.commit)
            except Exception as err:
                failed.append(err)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert len(set(done)) == writers * each
    assert len(tree(client, path)) == 1 + writers * each
    log = client.get(f"/api/models/{path}/commits/main").json()
    assert {c["id"] for c in log} >= set(done)
    assert len(log) == 1 + writers * each


def test_pull_requests_opened_at_once_get_numbers_of_their_own(
    app: Starlette, cast: Cast, client: TestClient, path: str
) -> None:
    database, kit, numbers = app.state.database, app.state.kit, []

    def work(number: int) -> None:
        proposal = Proposal(str(number), operations=[Copy(f"f{number}", ".gitattributes", None)])
        with service.scratch_directory(kit) as scratch:
            target = Target("model", path, "main", opens_pull=True)
            numbers.append(service.commit(database, kit, cast.charlie.actor, target, proposal, scratch).pull)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == [1, 2, 3, 4, 5, 6]


def test_a_lost_race_with_a_parent_publishes_nothing(app: Starlette, cast: Cast, client: TestClient, path: str) -> None:
    """Eight name the same parent: exactly one is published."""
    database, kit, parent = app.state.database, app.state.kit, head(client, path)
    won, lost = [], []

    def work(number: int) -> None:
        proposal = Proposal(str(number), parent=parent, operations=[Copy(f"f{number}", ".gitattributes", None)])
        try:
            with service.scratch_directory(kit) as scratch:
                won.append(
                    service.commit(database, kit, cast.alice.actor, Target("model", path, "main"), proposal, scratch)
                )
        except service.StaleParent as err:
            lost.append(err)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 7)
    assert head(client, path) == won[0].commit
    with database.read() as db:
        assert len(db.scalars(select(Pack)).all()) == 2
        assert len(db.scalars(select(Ref)).all()) == 1


def test_the_hub_itself_may_commit(app: Starlette, cast: Cast, client: TestClient, path: str) -> None:
    hub = Actor(kind="hub", name="freehold")
    with service.scratch_directory(app.state.kit) as scratch:
        target = Target("model", path, "main")
        proposal = Proposal("tidy", operations=[Remove(".gitattributes", False)])
        service.commit(app.state.database, app.state.kit, hub, target, proposal, scratch)
    assert tree(client, path) == []
    assert client.get(f"/api/models/{path}/commits/main").json()[0]["authors"] == [{"user": "freehold"}]


# ---- preupload and copies between repositories -------------------------------------------------------------


def preupload(client: TestClient, cast: Cast, path: str, *files: tuple[str, bytes, int], **more: Any) -> Any:
    asked = [{"path": p, "sample": base64.b64encode(s[:512]).decode(), "size": n} for p, s, n in files]
    rev, query = more.pop("rev", "main"), more.pop("query", "")
    who = more.pop("who", cast.alice)
    return client.post(f"/api/models/{path}/preupload/{rev}{query}", json={"files": asked, **more}, headers=who.headers)


def test_preupload_decides_by_attributes_size_and_look(client: TestClient, cast: Cast, path: str) -> None:
    committed(client, cast.alice, path, file("d/.gitattributes", "*.txt filter=lfs\n*.bin -filter\n"))
    cases = {
        "w.bin": (b"text", 4, "lfs"),
        "w.pkl": (b"text", 4, "lfs"),
        "big.txt": (b"text", 10 * 2**20 + 1, "lfs"),
        "nine.txt": (b"text", 9 * 2**20, "regular"),
        "look": (b"\x89PNG\0", 100, "lfs"),
        "latin": (b"caf\xe9 au lait", 100, "lfs"),
        "utf8.txt": ("é" * 300).encode(),
        "empty.bin": (b"", 0, "regular"),
        ".gitattributes": (b"\0", 10, "regular"),
        "d/a.txt": (b"text", 4, "lfs"),
        "d/e/a.txt": (b"text", 4, "lfs"),
        "d/w.bin": (b"text", 4, "regular"),
        "saved_model/x/y": (b"text", 4, "lfs"),
    }
    wanted = {
        name: case if isinstance(case, tuple) else (case[:511], len(case), "regular") for name, case in cases.items()
    }
    answer = preupload(client, cast, path, *((name, sample, size) for name, (sample, size, _) in wanted.items())).json()
    assert {f["path"]: f["uploadMode"] for f in answer["files"]} == {
        name: mode for name, (_, _, mode) in wanted.items()
    }
    assert [f["path"] for f in answer["files"]] == list(wanted)


def test_preupload_tells_what_is_there(client: TestClient, cast: Cast, path: str) -> None:
    data = b"weights"
    uploaded(client, cast.alice, path, data)
    committed(client, cast.alice, path, file("f", "hello\n"), large("m.bin", data), file("d/x", "1"))
    files = preupload(client, cast, path, *((name, b"", 1) for name in ("f", "m.bin", "d", "new"))).json()["files"]
    assert [f.get("oid") for f in files] == [
        "ce013625030ba8dba906f756967f9e9ca394464a",
        large("", data)["value"]["oid"],
        None,
        None,
    ]


def test_preupload_ignores_as_told(client: TestClient, cast: Cast, path: str) -> None:
    committed(client, cast.alice, path, file(".gitignore", "*.log\n"))
    asked = [("a.log", b"", 1), ("a.tmp", b"", 1)]
    by_repo = preupload(client, cast, path, *asked).json()["files"]
    by_request = preupload(client, cast, path, *asked, gitIgnore="*.tmp").json()["files"]
    assert [f["shouldIgnore"] for f in by_repo] == [True, False]
    assert [f["shouldIgnore"] for f in by_request] == [False, True]


def test_preupload_refusals(client: TestClient, cast: Cast, path: str) -> None:
    assert preupload(client, cast, path, ("a", b"", 1), rev="nope").headers["X-Error-Code"] == "RevisionNotFound"
    assert preupload(client, cast, path, ("../a", b"", 1)).status_code == 422
    assert preupload(client, cast, path, ("a", b"", 1), who=cast.charlie).status_code == 403
    assert preupload(client, cast, path, ("a", b"", 1), who=cast.charlie, query="?create_pr=1").status_code == 200
    assert preupload(client, cast, path, *[("a", b"", 1)] * 1001).status_code == 422
    for sample in ("*", "é", "YQ"):
        broken = {"files": [{"path": "a", "sample": sample, "size": 1}]}
        answer = client.post(f"/api/models/{path}/preupload/main", json=broken, headers=cast.alice.headers)
        assert answer.status_code == 400


def duplicate(client: TestClient, who: Any, source: str, target: str, *digests: str, **more: Any) -> Any:
    asked = {"target": {"type": "model", "name": target}, "files": [{"sha256": d, **more} for d in digests]}
    return client.post(f"/api/models/{source}/lfs-files/duplicate", json=asked, headers=who.headers)


def test_large_files_are_copied_between_repositories(client: TestClient, cast: Cast, path: str) -> None:
    data = b"weights"
    oid = large("", data)["value"]["oid"]
    uploaded(client, cast.alice, path, data)
    theirs = repo(client, cast.charlie, "c")
    answer = duplicate(client, cast.charlie, path, theirs, oid, "0" * 64).json()
    assert [f["sha256"] for f in answer["failed"]] == ["0" * 64]
    committed(client, cast.charlie, theirs, large("m.bin", data))
    assert client.get(f"/{theirs}/resolve/main/m.bin").content == data


def test_copying_needs_reading_there_and_writing_here(client: TestClient, cast: Cast, path: str) -> None:
    hidden = repo(client, cast.alice, "secret", private=True)
    uploaded(client, cast.alice, hidden, b"x")
    oid = large("", b"x")["value"]["oid"]
    theirs = repo(client, cast.charlie, "c")
    assert duplicate(client, cast.charlie, hidden, theirs, oid).headers["X-Error-Code"] == "RepoNotFound"
    assert duplicate(client, cast.charlie, theirs, path, oid).status_code == 403
    wrong = duplicate(client, cast.alice, hidden, path, oid, xetHash="1" * 64).json()
    assert [f["sha256"] for f in wrong["failed"]] == [oid]
    assert commit(client, cast.alice, path, large("m.bin", b"x")).status_code == 400


def test_a_line_may_come_in_any_pieces(client: TestClient, cast: Cast, path: str) -> None:
    raw = body(header(), file("a", "hello"), file("b", b"\0" * 5000)).replace(b"\n", b"\r\n\n")

    def pieces() -> Any:
        for at in range(0, len(raw), 7):
            yield raw[at : at + 7]

    answer = client.post(f"/api/models/{path}/commit/main", content=pieces(), headers=cast.alice.headers)
    assert answer.status_code == 200, answer.text
    assert client.get(f"/{path}/resolve/main/b").content == b"\0" * 5000
    assert json.loads(raw.splitlines()[0])["key"] == "header"
