"""Cards at the doors: checked on their own, checked before a commit, indexed with it."""

import base64
import json
from typing import Any

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.cards.rules import EMPTY_WARNING
from freehold.cards.tables import RepoCard, RepoTag
from freehold.core.database import Database
from tests.cards.test_frontmatter import BOMBS
from tests.fixtures.each import each
from tests.fixtures.people import Cast

SURROGATE = b'{"content": "---\\na: \\ud800\\n---\\n"}'
CARD = "---\nlicense: mit\nlanguage: en\n---\n# Title\n\nFirst words.\n"


def _validate(client: TestClient, content: Any, headers: dict[str, str] | None = None, **more: Any) -> Any:
    return client.post("/api/validate-yaml", json={"content": content, **more}, headers=headers or {})


def _commit(
    client: TestClient, cast: Cast, repo: str, files: dict[str, str], *, delete: str = "", branch: str = "main"
) -> Any:
    lines: list[dict[str, Any]] = [{"key": "header", "value": {"summary": "Change files"}}]
    for path, text in files.items():
        content = base64.b64encode(text.encode()).decode()
        lines.append({"key": "file", "value": {"path": path, "content": content, "encoding": "base64"}})
    if delete:
        lines.append({"key": "deletedFile", "value": {"path": delete}})
    body = "\n".join(json.dumps(line) for line in lines)
    headers = cast.alice.headers | {"content-type": "application/x-ndjson"}
    return client.post(f"/api/models/{repo}/commit/{branch}", content=body, headers=headers)


@pytest.fixture
def repo(client: TestClient, cast: Cast) -> str:
    made = client.post("/api/repos/create", json={"name": "card"}, headers=cast.alice.headers)
    assert made.status_code == 200, made.text
    return "alice/card"


def _indexed(database: Database) -> tuple[RepoCard | None, set[str]]:
    with database.read() as db:
        return db.scalar(select(RepoCard)), set(db.scalars(select(RepoTag.tag)))


def test_a_good_card_has_nothing_said_against_it(client: TestClient) -> None:
    answer = _validate(client, CARD, repoType="model")
    assert answer.status_code == 200
    assert answer.json() == {"errors": [], "warnings": []}


def test_a_card_without_metadata_is_warned_about(client: TestClient) -> None:
    assert _validate(client, "# Only a title").json() == {"errors": [], "warnings": [{"message": EMPTY_WARNING}]}


def test_errors_are_json_unless_text_is_asked_for(client: TestClient) -> None:
    bad = CARD.replace("mit", "asdf")
    answer = _validate(client, bad)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"].startswith('"license" must be one of [')
    text = _validate(client, bad, {"accept": "text/plain"})
    assert text.status_code == 400
    assert text.headers["content-type"].startswith("text/plain")
    assert text.text.startswith('- Error: "license" must be one of [')


#: A line of dashes ends the block, so two documents are a card with text; a lone surrogate has its test below.
AT_THE_DOOR = sorted(BOMBS.keys() - {"two documents", "a surrogate"})


@each("name", AT_THE_DOOR)
def test_no_bomb_goes_off(client: TestClient, name: str) -> None:
    answer = _validate(client, f"---\n{BOMBS[name]}\n---\n")
    assert answer.status_code == 400
    assert len(answer.text) < 1000


@each("body", [b"", b"[]", b'{"content": 3}', b"{", b'{"content": null}', SURROGATE])
def test_what_is_no_question_is_refused(client: TestClient, body: bytes) -> None:
    assert client.post("/api/validate-yaml", content=body).status_code == 422


def test_a_commit_with_a_bad_card_changes_nothing(client: TestClient, cast: Cast, repo: str) -> None:
    before = client.get(f"/api/models/{repo}").json()["sha"]
    refused = _commit(client, cast, repo, {"README.md": "---\nmodel-index: foo\n---\n", "a.txt": "x"})
    assert refused.status_code == 400
    assert refused.json()["error"].startswith("Invalid metadata in README.md.")
    assert '"model-index" must be an array' in refused.json()["error"]
    assert client.get(f"/api/models/{repo}").json()["sha"] == before


def test_the_index_follows_main(client: TestClient, cast: Cast, repo: str, app: Starlette) -> None:
    database = app.state.database
    assert _commit(client, cast, repo, {"README.md": CARD, "m.gguf": "x"}).status_code == 200
    card, tags = _indexed(database)
    assert card is not None
    assert (card.license, card.library_name, card.summary) == ("mit", "gguf", "First words.")
    assert tags == {"license:mit", "en", "gguf", "region:us"}
    assert card.commit == client.get(f"/api/models/{repo}").json()["sha"]

    assert _commit(client, cast, repo, {"README.md": CARD.replace("mit", "gemma")}).status_code == 200
    assert _indexed(database)[1] == {"license:gemma", "en", "gguf", "region:us"}

    assert _commit(client, cast, repo, {"b.txt": "x"}, delete="README.md").status_code == 200
    card, tags = _indexed(database)
    assert card is not None
    assert card.data is None
    assert tags == {"gguf", "region:us"}


def test_a_repository_leaves_no_tags_behind(client: TestClient, cast: Cast, repo: str, app: Starlette) -> None:
    _commit(client, cast, repo, {"README.md": CARD})
    body = {"name": "card", "organization": "alice", "type": "model"}
    assert client.request("DELETE", "/api/repos/delete", json=body, headers=cast.alice.headers).status_code == 200
    assert _indexed(app.state.database) == (None, set())


def test_another_branch_does_not_change_the_index(client: TestClient, cast: Cast, repo: str, app: Starlette) -> None:
    _commit(client, cast, repo, {"README.md": CARD})
    assert client.post(f"/api/models/{repo}/branch/side", json={}, headers=cast.alice.headers).status_code in (200, 201)
    assert _commit(client, cast, repo, {"README.md": CARD.replace("mit", "gemma")}, branch="side").status_code == 200
    assert "license:mit" in _indexed(app.state.database)[1]
    assert client.get(f"/api/models/{repo}/revision/side").json()["cardData"]["license"] == "gemma"
