"""Cards, threads and changes of absurd size: their pages come harmless and in bounded time, or say what is left out."""

import pytest
from starlette.testclient import TestClient

from freehold.accounts import service as accounts
from freehold.accounts.rules import SESSION_COOKIE
from freehold.core.database import Database
from tests.content.given import repo
from tests.content.publishing import commit, committed, file
from tests.discussions.talking import opened, post
from tests.fixtures.effort import within
from tests.fixtures.people import Cast
from tests.hostile.stage import trouble
from tests.hostile.test_files import HTML, MAX_PAGE_CHARACTERS, PATIENCE

SCRIPT = "<script>alert(1)</script>"
ROWS = "| a | b |\n|---|---|\n" + f"| {SCRIPT} | 1 |\n" * 5_000
LINE = "x" * 1_000_000
TEXTS = {
    "a table of 5,000 rows": ROWS,
    "a line of a megabyte": LINE,
    "a word in marks, a megabyte of them": "**a** " * 170_000,
    "quotes in quotes": "> " * 50_000 + "x",
    "lists in lists": "".join("  " * depth + "- x\n" for depth in range(900)),
    "links that never end": "[x](" * 100_000,
    "a formula that never ends": "$" + "\\frac{" * 20_000,
    "entities": "&amp;" * 200_000,
}


def _soon(client: TestClient, address: str, name: str) -> None:
    answer = within(PATIENCE, lambda: client.get(address, headers=HTML))
    assert answer.status_code == 200, (name, address, answer.text[:500])
    assert len(answer.text) < MAX_PAGE_CHARACTERS, (name, address)
    assert trouble(answer.text) == [], (name, address)


@pytest.mark.any_database
def test_cards_of_any_size_are_read_soon(client: TestClient, cast: Cast, database: Database) -> None:
    with database.write() as db:
        client.cookies.set(SESSION_COOKIE, accounts.open_session(db, cast.alice.id, life_s=600))
    for number, (name, text) in enumerate(TEXTS.items()):
        path = repo(client, cast.alice, f"card-{number}")
        committed(client, cast.alice, path, file("README.md", text))
        for page in ("", "/tree/main", "/blob/main/README.md", "/card/edit", "/edit/main/README.md"):
            _soon(client, f"/{path}{page}", name)
    _soon(client, "/models", "all of them")


def test_threads_of_long_words_are_read_soon(client: TestClient, cast: Cast) -> None:
    path = repo(client, cast.alice, "talked")
    for name, text in TEXTS.items():
        num = opened(client, cast.bob, path, name, description=text[:65_000])
        for _ in range(2):
            assert post(client, cast.charlie, path, f"{num}/comment", comment=text[-65_000:]).status_code == 200
        _soon(client, f"/{path}/discussions/{num}", name)


@pytest.mark.any_database
def test_changes_of_any_size_are_read_soon(client: TestClient, cast: Cast) -> None:
    path = repo(client, cast.alice, "changed")
    files = {f"{number}.md": text for number, text in enumerate(TEXTS.values())}
    files["rows.csv"] = "".join(f"{row},<script>\n" for row in range(5_000))
    committed(client, cast.alice, path, *(file(name, text) for name, text in files.items()))
    turned = [file(name, text.replace("x", "y").replace("1", "2")) for name, text in files.items()]
    answer = commit(client, cast.alice, path, *turned, query="?create_pr=1")
    assert answer.status_code == 200, answer.text
    for page in (
        "discussions/1",
        "discussions/1/files",
        "compare/main..refs%2Fpr%2F1",
        f"commit/{answer.json()['commitOid']}",
    ):
        for view in ("", "?view=split"):
            _soon(client, f"/{path}/{page}{view}", page)
