"""What a stranger learns of private things: nothing, by no door, in no way."""

import re
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.repos.rules import KINDS
from scripts import access_matrix
from tests.content.given import digest, large_file, repo
from tests.content.publishing import body as ndjson
from tests.content.publishing import commit, file, header, large
from tests.fixtures.people import Cast, Person

KNOWN = {
    "rev": "main",
    "revision": "main",
    "path": "README.md",
    "branch": "topic",
    "tag": "v1",
    "num": "1",
    "number": "1",
    "discussion": "1",
}
#: A body that every door with a JSON body can read.
ANY_BODY = {
    "files": [],
    "paths": ["README.md"],
    "tag": "v1",
    "message": "words",
    "title": "words",
    "comment": "words",
    "description": "words",
    "content": "words",
    "status": "closed",
    "private": False,
    "target": {"type": "model", "name": "charlie/own"},
    "operation": "download",
    "objects": [{"oid": "0" * 64, "size": 1}],
    "oid": "0" * 64,
    "size": 1,
}


def _doors(app: Starlette) -> Iterator[tuple[str, str]]:
    """Method and address, with ``{repo}`` for the name, of every door that belongs to a repository."""
    for method, path, _ in access_matrix.routes(app):
        if "{namespace" not in path or "{name" not in path.replace("{namespace", ""):
            continue
        path = re.sub(r"\{namespace[^}]*\}/\{name[^}]*\}", "<repo>", path)
        path = path.replace("{kind:plural}", KINDS["model"][0]).replace("{kind:prefix}", KINDS["model"][1])
        address = re.sub(r"\{(\w+)[^}]*\}", lambda found: KNOWN.get(found[1], "1"), path)
        yield method, address
        if method == "GET":
            yield "HEAD", address


def _told(client: TestClient, who: Person, method: str, address: str, name: str) -> tuple[object, ...]:
    """Everything an answer tells, but for what differs from call to call, with the name taken out."""
    content = {"content": ndjson(header())} if "/commit/" in address else {"json": ANY_BODY}
    sent = {} if method in ("GET", "HEAD", "DELETE") else content
    answer: httpx.Response = client.request(method, address.replace("<repo>", name), headers=who.headers, **sent)
    # 501 is an answer given on purpose; anything else from 500 on is a mistake of ours.
    assert answer.status_code < 500 or answer.status_code == 501, (method, address, answer.text)
    headers = {key: value for key, value in answer.headers.items() if key not in ("x-request-id", "date")}
    short = name.partition("/")[2]
    text = re.sub(r"[0-9a-f]{16}", "", answer.text.replace(short, "*"))
    return answer.status_code, text, {k: v.replace(short, "*") for k, v in headers.items()}


@pytest.mark.parametrize("who", ["charlie", "anonymous"])
def test_a_private_repository_answers_as_one_that_never_was(
    app: Starlette, client: TestClient, cast: Cast, who: str
) -> None:
    repo(client, cast.charlie, "own")
    secret = repo(client, cast.alice, "hidden", private=True)
    assert commit(client, cast.alice, secret, file("README.md", "secret")).status_code == 200
    stranger: Person = getattr(cast, who)
    doors = list(_doors(app))
    assert len(doors) > 30
    for method, address in doors:
        for_secret = _told(client, stranger, method, address, secret)
        for_nothing = _told(client, stranger, method, address, "alice/absent")
        assert for_secret == for_nothing, (method, address)


def test_a_moved_private_repository_leaves_no_trace_under_its_old_name(
    app: Starlette, client: TestClient, cast: Cast
) -> None:
    secret = repo(client, cast.alice, "before", private=True)
    moved = client.post(
        "/api/repos/move", json={"fromRepo": secret, "toRepo": "alice/afterwards"}, headers=cast.alice.headers
    )
    assert moved.status_code == 200
    for method, address in _doors(app):
        for_secret = _told(client, cast.charlie, method, address, secret)
        for_nothing = _told(client, cast.charlie, method, address, "alice/absent")
        assert for_secret == for_nothing, (method, address)
        assert "afterwards" not in str(for_secret)


def test_calls_that_name_a_repository_in_their_body_tell_no_more(client: TestClient, cast: Cast) -> None:
    repo(client, cast.charlie, "own")
    repo(client, cast.alice, "hidden", private=True)

    def told(method: str, address: str, body: dict[str, object], name: str) -> tuple[int, str]:
        answer = client.request(method, address, json=body, headers=cast.charlie.headers)
        return answer.status_code, answer.text.replace(name, "*")

    for name in ("hidden", "absent"):
        told_now = [
            told("POST", "/api/repos/create", {"name": name, "organization": "alice"}, name),
            told("POST", "/api/repos/move", {"fromRepo": "charlie/own", "toRepo": f"alice/{name}"}, name),
            told("POST", "/api/repos/move", {"fromRepo": f"alice/{name}", "toRepo": "charlie/mine"}, name),
            told("DELETE", "/api/repos/delete", {"name": name, "organization": "alice"}, name),
            told(
                "POST",
                "/api/models/charlie/own/lfs-files/duplicate",
                {"target": {"type": "model", "name": f"alice/{name}"}, "files": [{"sha256": "0" * 64}]},
                name,
            ),
        ]
        if name == "hidden":
            for_secret = told_now
    assert told_now == for_secret


def test_lists_counts_and_tags_leave_private_things_out(client: TestClient, cast: Cast) -> None:
    secret = repo(client, cast.alice, "hidden", private=True)
    card = "---\nlicense: mit\ntags: [nobody-knows]\npipeline_tag: text-ranking\n---\n"
    assert commit(client, cast.alice, secret, file("README.md", card)).status_code == 200
    addresses = (
        "/api/models",
        "/api/models?author=alice",
        "/api/models?search=hidden",
        "/api/models?filter=nobody-knows",
        "/api/models?full=true",
        "/api/quicksearch?q=hidden",
        "/api/models-tags-by-type",
        "/api/tasks",
        "/models",
        "/search?search=hidden",
        "/alice",
        "/",
    )
    for address in addresses:
        own = client.get(address, headers=cast.alice.headers)
        for stranger in (cast.charlie, cast.anonymous):
            answer = client.get(address, headers=stranger.headers)
            assert answer.status_code == 200, address
            assert answer.text == answer.text.replace("alice/hidden", "").replace("nobody-knows", ""), address
            assert "text-ranking" not in answer.text
        assert own.status_code == 200
    counts = client.get("/api/quicksearch?q=hidden", headers=cast.charlie.headers).json()
    assert counts["modelsCount"] == 0
    assert client.get("/api/quicksearch?q=hidden", headers=cast.alice.headers).json()["modelsCount"] == 1


def test_guessing_the_digest_of_a_private_file_tells_nothing(client: TestClient, cast: Cast) -> None:
    """The same words for bytes that the hub holds elsewhere as for bytes that nobody ever sent."""
    secret = repo(client, cast.alice, "hidden", private=True)
    own = repo(client, cast.charlie, "own")
    data, unknown = b"the secret weights" * 100, b"never sent to this hub" * 100
    large_file(client, secret, cast.alice, data)

    def told(given: bytes) -> list[object]:
        oid = digest(given)
        objects = [{"oid": oid, "size": len(given)}]
        found: list[object] = []
        for operation in ("upload", "download"):
            body = {"operation": operation, "objects": objects, "ref": {"name": "main"}}
            answer = client.post(f"/{own}.git/info/lfs/objects/batch", json=body, headers=cast.charlie.headers)
            found.append((answer.status_code, sorted(answer.json()["objects"][0])))
        verify = {"oid": oid, "size": len(given)}
        answer = client.post(f"/{own}.git/info/lfs/objects/verify", json=verify, headers=cast.charlie.headers)
        found.append((answer.status_code, answer.text.replace(oid, "*")))
        answer = commit(client, cast.charlie, own, large("model.bin", given))
        found.append((answer.status_code, answer.text.replace(oid, "*")))
        copies = {"target": {"type": "model", "name": own}, "files": [{"sha256": oid}]}
        answer = client.post(f"/api/models/{own}/lfs-files/duplicate", json=copies, headers=cast.charlie.headers)
        found.append((answer.status_code, answer.text.replace(oid, "*")))
        return found

    assert told(data) == told(unknown)
