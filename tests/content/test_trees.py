"""Listings, paths-info and history, page by page."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from freehold.content import queries
from freehold.content.kit import Kit
from freehold.core import clock
from freehold.core.database import Database
from freehold.repos import service as repos
from freehold.repos.access import Action
from tests.content.given import repo
from tests.content.publishing import committed, deleted, file, large, tree, uploaded
from tests.fixtures.each import each
from tests.fixtures.people import Cast


@pytest.fixture
def path(client: TestClient, cast: Cast) -> str:
    return repo(client, cast.alice, "m")


@pytest.fixture
def filled(client: TestClient, cast: Cast, path: str) -> str:
    files = [file(f"d{n % 3}/e/f{n:02}", str(n)) for n in range(30)]
    committed(client, cast.alice, path, deleted(".gitattributes"), file("top", "hello\n"), *files)
    return path


def pages(client: TestClient, address: str) -> list[list[dict[str, Any]]]:
    """Every page behind ``address``, following absolute links as the client does."""
    found = []
    while address:
        answer = client.get(address)
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        link = answer.headers.get("Link", "")
        assert not link or link.startswith("<http://hub.test/api/"), link
        address = link[1:].partition(">")[0]
    return found


def test_a_level_and_all_levels(client: TestClient, filled: str) -> None:
    level = client.get(f"/api/models/{filled}/tree/main").json()
    assert [(e["type"], e["path"]) for e in level] == [
        ("directory", "d0"),
        ("directory", "d1"),
        ("directory", "d2"),
        ("file", "top"),
    ]
    assert level[3] == {"type": "file", "oid": "ce013625030ba8dba906f756967f9e9ca394464a", "size": 6, "path": "top"}
    everything = client.get(f"/api/models/{filled}/tree/main?recursive=true").json()
    assert len(everything) == 31 + 6
    assert [e["path"] for e in everything[:3]] == ["d0", "d0/e", "d0/e/f00"]


@pytest.mark.parametrize("spelled", ["d1%2Fe", "d1/e", "d1%2Fe/", "d1/e/"])
def test_a_directory_by_one_segment_or_several(client: TestClient, filled: str, spelled: str) -> None:
    listed = client.get(f"/api/models/{filled}/tree/main/{spelled}").json()
    assert len(listed) == 10
    assert listed[0]["path"] == "d1/e/f01"


@each("absent", ["nope", "d1/nope", "top", "top/x", "d1%2F..", "a%5Cb", "additional_chat_templates"])
def test_an_absent_path_or_a_file_is_no_directory(client: TestClient, filled: str, absent: str) -> None:
    answer = client.get(f"/api/models/{filled}/tree/main/{absent}")
    assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "EntryNotFound")
    assert len(answer.headers["X-Repo-Commit"]) == 40


def test_pages(client: TestClient, filled: str) -> None:
    whole = client.get(f"/api/models/{filled}/tree/main?recursive=true").json()
    found = pages(client, f"/api/models/{filled}/tree/main?recursive=true&limit=10")
    assert [len(page) for page in found] == [10, 10, 10, 7]
    assert [entry for page in found for entry in page] == whole


def test_a_listing_stays_on_its_commit_while_the_branch_moves(client: TestClient, cast: Cast, filled: str) -> None:
    whole = client.get(f"/api/models/{filled}/tree/main?recursive=true").json()
    first = client.get(f"/api/models/{filled}/tree/main?recursive=true&limit=20")
    committed(client, cast.alice, filled, file("a-new-first", "1"), deleted("d2"))
    rest = client.get(first.headers["Link"][1:].partition(">")[0]).json()
    assert first.json() + rest == whole


@pytest.mark.parametrize("cursor", ["x", "%00", "YWJj", "é", "x" * 199])
def test_a_cursor_of_nobody(client: TestClient, filled: str, cursor: str) -> None:
    for kind in ("tree", "commits"):
        assert client.get(f"/api/models/{filled}/{kind}/main?cursor={cursor}").status_code == 400


def test_a_cursor_opens_no_other_repository(client: TestClient, cast: Cast, filled: str) -> None:
    other = repo(client, cast.charlie, "c")
    link = client.get(f"/api/models/{filled}/tree/main?recursive=true&limit=2").headers["Link"]
    cursor = link.partition("cursor=")[2].partition(">")[0]
    answer = client.get(f"/api/models/{other}/tree/main?recursive=true&cursor={cursor}")
    assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "RevisionNotFound")


def test_limits_are_checked(client: TestClient, filled: str) -> None:
    assert client.get(f"/api/models/{filled}/tree/main?limit=0").status_code == 422
    assert client.get(f"/api/models/{filled}/tree/main?limit=x").status_code == 422
    assert client.get(f"/api/models/{filled}/tree/main?limit=99999999").status_code == 200


def test_expanded_entries_know_their_last_commit(client: TestClient, cast: Cast, path: str) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    steps = [("one", "a/x"), ("two", "a/y"), ("three", "b")]
    oids = {}
    for n, (title, name) in enumerate(steps):
        with clock.frozen(moment + timedelta(days=n)):
            oids[name] = committed(client, cast.alice, path, file(name, name), summary=title)
    listed = client.get(f"/api/models/{path}/tree/main?recursive=true&expand=true").json()
    last = {e["path"]: (e["lastCommit"]["title"], e["lastCommit"]["date"]) for e in listed}
    assert last["a/x"] == ("one", "2026-01-01T00:00:00.000Z")
    assert last["a"] == last["a/y"] == ("two", "2026-01-02T00:00:00.000Z")
    assert last["b"] == ("three", "2026-01-03T00:00:00.000Z")
    assert {e["path"]: e["lastCommit"]["id"] for e in listed}["b"] == oids["b"]
    assert all(e["securityFileStatus"]["status"] == "unscanned" for e in listed if e["type"] == "file")
    plain = client.get(f"/api/models/{path}/tree/main?recursive=true&expand=false").json()
    assert not any({"lastCommit", "securityFileStatus"} & e.keys() for e in plain)


def test_expanded_pages_are_smaller(client: TestClient, cast: Cast, path: str) -> None:
    committed(client, cast.alice, path, *(file(f"f{n:03}", "1") for n in range(150)))
    assert [len(page) for page in pages(client, f"/api/models/{path}/tree/main?expand=true")] == [100, 51]


def test_large_files_say_their_true_size(client: TestClient, cast: Cast, path: str) -> None:
    data = b"weights" * 100
    uploaded(client, cast.alice, path, data)
    committed(client, cast.alice, path, large("m.bin", data))
    entry = client.get(f"/api/models/{path}/tree/main").json()[1]
    oid = large("", data)["value"]["oid"]
    assert entry["size"] == 700
    assert entry["lfs"] == {"oid": oid, "size": 700, "pointerSize": 128}
    assert entry["oid"] != oid
    assert "xetHash" not in entry  # it came by LFS: the promise of the Xet side would be a lie


def test_paths_info(client: TestClient, filled: str) -> None:
    asked = ["top", "d0", "d0/e/f03", "nope", "top", "d0/", "", "a\\b", "\u2028"]
    by_form = client.post(f"/api/models/{filled}/paths-info/main", data={"paths": asked, "expand": "true"}).json()
    by_json = client.post(f"/api/models/{filled}/paths-info/main", json={"paths": asked, "expand": True}).json()
    assert by_form == by_json
    assert [(e["type"], e["path"]) for e in by_form] == [("file", "top"), ("directory", "d0"), ("file", "d0/e/f03")]
    assert all("lastCommit" in e for e in by_form)
    one = client.post(f"/api/models/{filled}/paths-info/main", data={"paths": "top"}).json()
    assert [e["path"] for e in one] == ["top"]


@each(
    "content", [b"", b"[]", b"{}", b'{"paths": 5}', b'{"paths": [5]}', b"[" * 100_000, b"\xff", b'{"paths": {"a": 1}}']
)
def test_paths_info_of_nonsense(client: TestClient, filled: str, content: bytes) -> None:
    assert client.post(f"/api/models/{filled}/paths-info/main", content=content).status_code == 422


def test_paths_info_is_bounded(client: TestClient, filled: str) -> None:
    address = f"/api/models/{filled}/paths-info/main"
    assert client.post(address, json={"paths": ["top"] * 1000}).status_code == 200
    assert client.post(address, json={"paths": ["top"] * 1001}).status_code == 422
    assert client.post(address, data={"paths": ["top"] * 2000}).status_code == 422
    assert client.post(address, content=b"x" * (9 << 20)).status_code == 413


def test_history_in_pages(client: TestClient, cast: Cast, path: str) -> None:
    for n in range(6):
        committed(client, cast.alice, path, file("f", str(n)), summary=f"commit {n}")
    found = pages(client, f"/api/models/{path}/commits/main?limit=3")
    assert [[c["title"] for c in page] for page in found] == [
        ["commit 5", "commit 4", "commit 3"],
        ["commit 2", "commit 1", "commit 0"],
        ["initial commit"],
    ]
    assert client.get(f"/api/models/{path}/commits/main").headers["X-Total-Count"] == "7"
    assert "formatted" not in found[0][0]


@pytest.mark.parametrize("door", ["tree/{}", "commits/{}", "tree/{}/sub"])
def test_missing_revisions(client: TestClient, path: str, door: str) -> None:
    for rev in ("nope", "0" * 40, "abcde", "refs%2Fpr%2F1", "a%2F..%2Fb", "x" * 300, "%F0%9F%92%A9"):
        answer = client.get(f"/api/models/{path}/{door.format(rev)}")
        assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "RevisionNotFound"), rev


def test_every_spelling_of_a_revision(client: TestClient, cast: Cast, path: str) -> None:
    old = committed(client, cast.alice, path, file("f", "1"))
    client.post(f"/api/models/{path}/tag/main", json={"tag": "v1"}, headers=cast.alice.headers)
    client.post(f"/api/models/{path}/branch/x%2Fy", json={}, headers=cast.alice.headers)
    committed(client, cast.alice, path, file("g", "1"))
    for rev in ("v1", "x%2Fy", old, old[:7], old[:5].upper(), "refs%2Ftags%2Fv1", "refs%2Fheads%2Fx%2Fy"):
        assert tree(client, path, rev) == [".gitattributes", "f"], rev
    assert tree(client, path, "HEAD") == tree(client, path, "main") == [".gitattributes", "f", "g"]


def test_a_commit_of_another_repository_is_not_here(client: TestClient, cast: Cast, path: str) -> None:
    other = repo(client, cast.alice, "other", private=True)
    oid = committed(client, cast.alice, other, file("secret", "1"))
    for rev in (oid, oid[:8]):
        answer = client.get(f"/api/models/{path}/tree/{rev}", headers=cast.alice.headers)
        assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "RevisionNotFound")


@pytest.mark.parametrize("call", ["tree/main", "tree/main/sub", "commits/main"])
def test_a_name_without_a_namespace_is_no_repository(client: TestClient, cast: Cast, call: str) -> None:
    """``gpt2`` must be answered as a missing repository, and a repository called ``commits`` as itself."""
    answer = client.get(f"/api/models/gpt2/{call}", headers=cast.alice.headers)
    assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "RepoNotFound")
    sent = client.post("/api/models/gpt2/commit/main", content=b"{}", headers=cast.alice.headers)
    assert (sent.status_code, sent.headers["X-Error-Code"]) == (404, "RepoNotFound")
    for name in ("tree", "commits"):
        repo(client, cast.alice, name)
        for own in ("refs", "revision/main", call):
            assert client.get(f"/api/models/alice/{name}/{own}").headers.get("X-Error-Code") in (None, "EntryNotFound")
        assert client.get(f"/api/models/alice/{name}").json()["id"] == f"alice/{name}"


def test_private_listings(client: TestClient, cast: Cast) -> None:
    hidden = repo(client, cast.alice, "secret", private=True)
    for door in ("tree/main", "commits/main", "refs", "tree/main/x"):
        address = f"/api/models/{hidden}/{door}"
        assert client.get(address).status_code == 401
        answer = client.get(address, headers=cast.charlie.headers)
        assert (answer.status_code, answer.headers["X-Error-Code"]) == (404, "RepoNotFound")
        assert client.get(f"/api/models/{hidden}/tree/main", headers=cast.alice.read_headers).status_code == 200
    answer = client.post(f"/api/models/{hidden}/paths-info/main", data={"paths": "x"})
    assert (answer.status_code, answer.headers["X-Error-Code"]) == (401, "RepoNotFound")


def test_what_other_rooms_read(client: TestClient, cast: Cast, database: Database, kit: Kit, path: str) -> None:
    data = b"weights" * 100
    uploaded(client, cast.alice, path, data)
    oid = committed(client, cast.alice, path, large("m.bin", data), file("d/f", "1"))
    with database.read() as db:
        row = repos.load(db, cast.alice.actor, path, Action.READ)
        assert queries.head(db, row) == oid
        assert queries.head(db, row, "refs/heads/nope") is None
        found = queries.siblings(db, row, kit, oid)
        assert [(e.path, e.true_size_bytes) for e in found if e.path != ".gitattributes"] == [
            ("d/f", 1),
            ("m.bin", 700),
        ]
        assert queries.used_storage(db, row) > 700
        assert queries.xet_hashes(db, row, found) == {}
