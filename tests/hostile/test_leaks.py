"""Nothing private is told by any door that reads: every GET route there is, asked by those who may not know.

The routes are walked, so that a new one is asked too. What must not be told are words that stand nowhere else: in a
private repository's name, card, tags, files, history and threads, and behind the gate of a gated one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.core.database import Database
from scripts.access_matrix import routes
from tests.content.given import large_file
from tests.content.publishing import commit, file, large
from tests.discussions.talking import opened
from tests.fixtures.people import Cast, Person

#: Each stands in one place only, so that a leak says where it comes from.
HIDDEN = {
    "name": "heron-q7",
    "card": "whimbrel-q7",
    "tag": "dunlin-q7",
    "file name": "godwit-q7",
    "file": "knot-q7",
    "commit": "ruff-q7",
    "thread": "snipe-q7",
    "large file": "curlew-q7",
}
GATED = {"file": "plover-q7", "commit": "lapwing-q7", "thread": "dotterel-q7", "large file": "stint-q7"}
WORDS = (*HIDDEN.values(), *GATED.values())


@dataclass(frozen=True)
class Nest:
    """What there is to be asked for."""

    slug: str
    number: int


@pytest.fixture
def nest(client: TestClient, cast: Cast) -> Nest:
    """``lab/heron-q7``, private, and ``lab/gate``, gated, both liked and collected by Alice."""
    _repository(client, cast, "lab/heron-q7", HIDDEN, {"private": True})
    _repository(client, cast, "lab/gate", GATED, {})
    client.put("/api/models/lab/gate/settings", json={"gated": "manual"}, headers=cast.alice.headers)
    made = client.post("/api/collections", json={"title": "Birds", "namespace": "alice"}, headers=cast.alice.headers)
    slug = str(made.json()["slug"])
    for path in ("lab/heron-q7", "lab/gate"):
        assert client.post(f"/api/models/{path}/like", headers=cast.alice.headers).status_code == 200
        item = {"item": {"id": path, "type": "model"}, "note": "kept"}
        assert client.post(f"/api/collections/{slug}/items", json=item, headers=cast.alice.headers).status_code == 200
    return Nest(slug.partition("/")[2], 1)


def _repository(client: TestClient, cast: Cast, path: str, words: dict[str, str], more: dict[str, object]) -> None:
    name = path.partition("/")[2]
    body = {"name": name, "organization": "lab", **more}
    assert client.post("/api/repos/create", json=body, headers=cast.alice.headers).status_code == 200
    card = f"---\nlicense: mit\ntags: [{words.get('tag', 'any')}]\n---\n# Card\n\n{words.get('card', 'Some words.')}\n"
    data = words["large file"].encode() * 20_000
    large_file(client, path, cast.alice, data)
    lines = [
        file("README.md", card),
        file(f"{words.get('file name', 'notes')}.txt", words["file"]),
        large("whole.bin", data),
    ]
    assert commit(client, cast.alice, path, *lines, summary=words["commit"]).status_code == 200
    opened(client, cast.alice, path, words["thread"], description=words["thread"])


def _addresses(app: Starlette, nest: Nest) -> Iterator[tuple[str, bool]]:
    """Every GET address, filled with what is there; and whether it names the private repository itself."""
    for method, path, _ in routes(app):
        if method != "GET":
            continue
        for name in ("heron-q7", "gate"):
            values = {
                "kind": "models",
                "namespace": "lab",
                "name": name,
                "user": "alice",
                "org": "lab",
                "organization": "lab",
                "rev": "main",
                "revision": "main",
                "path": "README.md",
                "num": str(nest.number),
                "status": "pending",
                "slug": nest.slug,
                "rest": "",
                "spec": "main..main",
            }
            if "/collections/" in path:
                values["namespace"] = "alice"
            names_it = "{name" in path
            filled = re.sub(r"\{kind:prefix\}", "", path)
            filled = re.sub(r"\{(\w+)(?::\w+)?\}", lambda found, v=values: v.get(found[1], "main"), filled)
            yield filled, names_it
            if not names_it:
                yield f"{filled}?search={name[:4]}&q={name[:4]}&limit=50&author=lab&full=true&expand=true", False
                break


def test_no_door_tells_of_what_is_hidden(
    app: Starlette, client: TestClient, cast: Cast, nest: Nest, database: Database
) -> None:
    with database.write() as db:
        alice = accounts.account(db, "alice")
        narrow = Person("alice", token=accounts.create_token(db, alice, "narrow", "read", repo_ids=[])[1])
    addresses = sorted(set(_addresses(app, nest)))
    assert len(addresses) > 100
    told = []
    for who in (cast.charlie, narrow):
        for address, names_it in addresses:
            answer = client.get(address, headers=who.headers | _accept(address))
            assert answer.status_code < 500 or answer.status_code == 501, (address, answer.text)
            said = answer.text + str(answer.headers.multi_items())
            # The address itself comes back in pages: "sign in, and come back here".
            leaks = [word for word in WORDS if word in said and not (names_it and word == HIDDEN["name"])]
            told += [(who.name, address, answer.status_code, word) for word in leaks]
    assert told == []


def _accept(address: str) -> dict[str, str]:
    return {"accept": "application/json" if address.startswith("/api/") else "text/html"}


def test_the_same_walk_finds_it_all_for_its_owner(app: Starlette, client: TestClient, cast: Cast, nest: Nest) -> None:
    """The walk asks in the right places: whoever may know is told every word."""
    found = set()
    for address, _ in sorted(set(_addresses(app, nest))):
        text = client.get(address, headers=cast.alice.headers | _accept(address)).text
        found |= {word for word in WORDS if word in text}
    bytes_of_files = {words[part] for words in (HIDDEN, GATED) for part in ("file", "large file")}
    assert found >= set(WORDS) - bytes_of_files
