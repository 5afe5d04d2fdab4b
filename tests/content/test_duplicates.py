"""A repository duplicated: its history and files under another name, by whoever may read it."""

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.content.tables import Pack
from freehold.core.database import Database
from freehold.gitkit.commits import Delete, Put
from freehold.repos.tables import Repo
from tests.content import given
from tests.fixtures.each import each
from tests.fixtures.people import Cast, Person

LARGE = b"large " * 50_000


@pytest.fixture
def source(client: TestClient, app: Starlette, cast: Cast) -> str:
    """Alice's model with two commits, a tag, a branch and a large file."""
    path = given.repo(client, cast.alice, "tiny")
    sha256 = given.large_file(client, path, cast.alice, LARGE)
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(LARGE)}\n"
    given.commit(app, path, [Put("a.txt", b"one"), Put("w.bin", pointer.encode())])
    client.post(f"/api/models/{path}/tag/main", json={"tag": "v1"}, headers=cast.alice.headers)
    given.commit(app, path, [Put("a.txt", b"two")])
    client.post(f"/api/models/{path}/branch/dev", json={}, headers=cast.alice.headers)
    return path


def ask(client: TestClient, path: str, who: Person, to: str, *, kind: str = "models", **more: object):  # type: ignore[no-untyped-def]
    return client.post(f"/api/{kind}/{path}/duplicate", json={"repository": to, **more}, headers=who.headers)


def test_a_stranger_duplicates_what_it_may_read_history_and_all(client: TestClient, cast: Cast, source: str) -> None:
    answer = ask(client, source, cast.charlie, "charlie/mine")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["url"], answer.json()["filesCopyPending"]) == ("http://hub.test/charlie/mine", False)
    theirs, ours = (client.get(f"/api/models/{path}/commits/main").json() for path in (source, "charlie/mine"))
    assert [commit["id"] for commit in theirs] == [commit["id"] for commit in ours]
    refs = client.get("/api/models/charlie/mine/refs").json()
    assert [ref["name"] for ref in refs["branches"]] == ["dev", "main"]
    assert [ref["name"] for ref in refs["tags"]] == ["v1"]
    assert client.get("/charlie/mine/resolve/v1/a.txt").content == b"one"
    assert client.get("/charlie/mine/resolve/main/w.bin").content == LARGE, "by claim, without sending a byte"
    again = client.post("/api/models/charlie/mine/branch/more", json={}, headers=cast.charlie.headers)
    assert again.status_code == 200, "it is its owner's to write"


def test_what_history_left_behind_stays_behind(
    client: TestClient, app: Starlette, cast: Cast, database: Database, source: str
) -> None:
    secret = given.commit(app, source, [Put("secret.txt", b"oops")], ref="refs/pr/9")
    given.commit(app, source, [Delete("a.txt")])
    before = client.get(f"/api/models/{source}/revision/{secret}")
    assert before.status_code == 200
    assert ask(client, source, cast.alice, "alice/copy").status_code == 200
    for revision in (secret, secret[:10], "refs%2Fpr%2F9"):
        answer = client.get(f"/api/models/alice/copy/revision/{revision}")
        assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RevisionNotFound")
    with database.read() as db:
        packs = db.scalars(select(Pack).join(Repo, Repo.id == Pack.repo_id).where(Repo.path_key == "alice/copy")).all()
    assert len(packs) == 1, "one pack, folded on the way"


def test_a_taken_name_is_a_conflict_that_names_its_address(client: TestClient, cast: Cast, source: str) -> None:
    given.repo(client, cast.charlie, "taken")
    answer = ask(client, source, cast.charlie, "charlie/taken")
    assert (answer.status_code, answer.json()["url"]) == (409, "http://hub.test/charlie/taken")
    assert client.get("/api/models/charlie/taken/revision/v1").status_code == 404, "nothing was put there"


def test_who_may_not(client: TestClient, cast: Cast, source: str) -> None:
    assert ask(client, source, cast.anonymous, "alice/x").status_code == 401
    assert ask(client, source, cast.charlie, "alice/x").status_code == 403
    assert ask(client, source, cast.charlie, "nobody/x").status_code == 403
    assert (
        client.post(
            f"/api/models/{source}/duplicate", json={"repository": "alice/x"}, headers=cast.alice.read_headers
        ).status_code
        == 403
    )
    hidden = given.repo(client, cast.alice, "hidden", private=True)
    answer = ask(client, hidden, cast.charlie, "charlie/x")
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RepoNotFound")
    assert client.get("/api/models/charlie/x", headers=cast.charlie.headers).status_code == 404


def test_a_gate_is_no_way_round(client: TestClient, cast: Cast, source: str) -> None:
    client.put(f"/api/models/{source}/settings", json={"gated": "manual"}, headers=cast.alice.headers)
    answer = ask(client, source, cast.charlie, "charlie/x")
    assert (answer.status_code, answer.headers["x-error-code"]) == (403, "GatedRepo")
    assert ask(client, source, cast.alice, "alice/copy").json()["private"] is True, "as narrow as it was"


def test_a_copy_keeps_the_gate_however_public_it_is(client: TestClient, cast: Cast, source: str) -> None:
    gate = {"gated": "auto", "gatedRenew": "notified", "gatedGraceDays": 3, "gatedNotificationsEmail": "a@alice.test"}
    assert client.put(f"/api/models/{source}/settings", json=gate, headers=cast.alice.headers).status_code == 200
    agreed = {"fields": {}}
    let_in = client.put(f"/api/models/{source}/access-request", json=agreed, headers=cast.charlie.headers)
    assert let_in.status_code == 200, let_in.text
    assert ask(client, source, cast.charlie, "charlie/shown", visibility="public").json()["private"] is False
    assert ask(client, source, cast.charlie, "charlie/mine").json()["private"] is True
    file, bob = "resolve/main/a.txt", cast.bob.headers
    refused = client.get(f"/charlie/shown/{file}", headers=bob)
    assert (refused.status_code, refused.headers["x-error-code"]) == (403, "GatedRepo")
    assert client.get("/api/models/charlie/shown", headers=bob).json()["gated"] == "auto"
    assert client.put("/api/models/charlie/shown/access-request", json=agreed, headers=bob).status_code == 200
    assert client.get(f"/charlie/shown/{file}", headers=bob).status_code == 200, "who agrees at the copy reads it"
    mine, settings = cast.charlie.headers, "/api/models/charlie/mine/settings"
    opened = client.put(settings, json={"private": False}, headers=mine)
    assert opened.json()["gated"] == "auto", "made public later, it still has its gate"
    assert client.get(f"/charlie/mine/{file}", headers=bob).status_code == 403
    kept = client.put(settings, json={"gated": "auto"}, headers=mine).json()
    assert (kept["gatedRenew"], kept["gatedGraceDays"], kept["gatedNotificationsEmail"]) == ("notified", 3, None)
    assert client.put(settings, json={"gated": False}, headers=mine).status_code == 200, "its owner's own deed"
    assert client.get(f"/charlie/mine/{file}", headers=bob).status_code == 200


@pytest.mark.parametrize(
    ("asked", "private"), [({}, True), ({"visibility": "public"}, False), ({"private": False}, False)]
)
def test_visibility_follows_the_source_unless_asked(
    client: TestClient, cast: Cast, asked: dict[str, object], private: bool
) -> None:
    path = given.repo(client, cast.alice, "hidden", private=True)
    assert ask(client, path, cast.alice, "alice/copy", **asked).json()["private"] is private


@pytest.mark.parametrize("kind", ["dataset", "kernel"])
def test_other_kinds_too(client: TestClient, cast: Cast, kind: str) -> None:
    path = given.repo(client, cast.alice, "tiny", kind=kind)
    answer = ask(client, path, cast.charlie, "copy", kind=f"{kind}s")
    assert answer.json()["url"] == f"http://hub.test/{kind}s/charlie/copy", "without a namespace: one's own"


def test_a_space_brings_its_variables_and_leaves_its_secrets(client: TestClient, cast: Cast) -> None:
    values = {
        "secrets": [{"key": "S", "value": "hidden"}],
        "variables": [{"key": "V", "value": "1"}, {"key": "W", "value": "2"}],
    }
    body = {"name": "demo", "type": "space", "sdk": "gradio", **values}
    assert client.post("/api/repos/create", json=body, headers=cast.alice.headers).status_code == 200
    own = {
        "secrets": [{"key": "T", "value": "mine"}],
        "variables": [{"key": "W", "value": "3"}],
        "hardware": "t4-small",
    }
    answer = ask(client, "alice/demo", cast.charlie, "charlie/demo", kind="spaces", **own)
    assert answer.status_code == 200, answer.text
    told = client.get("/api/spaces/charlie/demo/variables").json()
    assert {key: value["value"] for key, value in told.items()} == {"V": "1", "W": "3"}
    assert set(client.get("/api/spaces/charlie/demo/secrets", headers=cast.charlie.headers).json()) == {"T"}
    assert client.get("/api/spaces/charlie/demo/runtime").json()["hardware"]["requested"] == "t4-small"
    assert client.get("/api/spaces/charlie/demo").json()["sdk"] == "gradio"


@each("to", ["", "a/b/c", "charlie/", "charlie/..", "charlie/\u202ex", "charlie/" + "x" * 200])
def test_names_that_cannot_be(client: TestClient, cast: Cast, source: str, to: str) -> None:
    assert ask(client, source, cast.charlie, to).status_code in (400, 403, 422)
