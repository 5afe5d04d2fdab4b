"""Lists by the words of names, tags and cards: ``text=``; and never by those that a reader may not see."""

import json

import pytest
from sqlalchemy import select, update
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.access.rules import Action
from freehold.cards import tasks
from freehold.cards.tables import RepoText
from freehold.core.database import Database
from freehold.repos import service as repos
from freehold.repos.service import Changes
from freehold.wordkit.markdown import plain
from freehold.wordkit.queries import held, numbers_held
from freehold.wordkit.rules import Asked, asked
from tests.discover.conftest import Publish
from tests.fixtures.people import Cast

CARD = """---
pretty_name: Wetterbericht
tags: [forecast, region-specific]
license: mit
---
# Haftpflichtversicherung für Boote

A *small* model that reads **tide tables** and café menus. <!-- unseen -->

```python
hidden_in_code()
```

[the plan](https://example.org/secretpath) 日本語で書かれた説明文です。
"""


@pytest.fixture
def harbour(publish: Publish, cast: Cast) -> None:
    publish(cast.alice.actor, "alice/SmolLM2-135M-Instruct", {"README.md": CARD})
    publish(cast.alice.actor, "lab/other", {"README.md": "# Tables\n\nOf tide heights.\n"})


def _found(client: TestClient, text: str, headers: dict[str, str] | None = None, kind: str = "models") -> list[str]:
    answer = client.get(f"/api/{kind}", params={"text": text}, headers=headers)
    assert answer.status_code == 200, answer.text
    return sorted(one["id"] for one in answer.json())


SMOL, OTHER = "alice/SmolLM2-135M-Instruct", "lab/other"


ASKED = [
    ("smollm", [SMOL]),  # a beginning
    ("smollm2 135m", [SMOL]),
    ("smollm 2 instruct", [SMOL]),  # another spelling
    ("SmolLM2-135M-Instruct", [SMOL]),
    ("alice", [SMOL]),
    ("wetter", [SMOL]),  # what the card calls it
    ("forecast", [SMOL]),
    ("haftpflicht", [SMOL]),  # a compound by its beginning
    ("versicherung", []),  # and not by its middle
    ("tide table", [SMOL, OTHER]),
    ('"tide tables"', [SMOL]),
    ('"tables tide"', []),
    ("tide -small", [OTHER]),
    ("-tide", []),
    ("cafe FÜR", [SMOL]),  # no accents, no case
    ("書かれた", [SMOL]),  # a part of what has no spaces
    ("説", [SMOL]),
    ("明説", []),
    ("hidden", []),
    ("secretpath", []),
    ("unseen", []),
    ("plan", [SMOL]),
    ("*", []),
    ("", [SMOL, OTHER]),
]


@pytest.mark.usefixtures("harbour")
def test_all_words_are_in_name_tags_or_card(client: TestClient) -> None:
    assert {text: _found(client, text) for text, _ in ASKED} == dict(ASKED)


ODD = ['" OR 1', "NEAR(a b)", "title: x", "a* AND", "'; --", "(((", "^a", "\\", "tide " * 400, '"' * 199, "-" * 90]


@pytest.mark.usefixtures("harbour")
def test_no_question_is_an_error(client: TestClient) -> None:
    for text in ODD:
        _found(client, text)
    assert client.get("/api/models", params={"text": "a\x00b"}).status_code == 400


def test_it_adds_up_with_other_questions(client: TestClient, publish: Publish, cast: Cast) -> None:
    publish(cast.alice.actor, "lab/tides", {"README.md": CARD}, kind="dataset")
    publish(cast.alice.actor, "lab/tides", {"README.md": CARD}, kind="space", sdk="static")
    assert _found(client, "tide") == []
    assert _found(client, "tide", kind="datasets") == _found(client, "tide", kind="spaces") == ["lab/tides"]
    answer = client.get("/api/datasets", params={"text": "tide", "filter": "license:apache-2.0"})
    assert answer.json() == []


def test_words_follow_every_change(app: Starlette, client: TestClient, publish: Publish, cast: Cast) -> None:
    publish(cast.alice.actor, "lab/first", {"README.md": "tide"})
    publish(cast.alice.actor, "lab/first", {"README.md": "ebb"})
    assert (_found(client, "tide"), _found(client, "ebb")) == ([], ["lab/first"])
    with app.state.database.write() as db:
        repos.move(db, cast.alice.actor, "lab/first", "lab/second", kind="model")
    assert (_found(client, "first"), _found(client, "second ebb")) == ([], ["lab/second"])
    with app.state.database.write() as db:
        repos.load(db, cast.alice.actor, "lab/second", Action.LIST, kind="model").is_disabled = True
    assert _found(client, "ebb") == []
    with app.state.database.write() as db:
        repos.load(db, cast.root.actor, "lab/second", Action.LIST, kind="model").is_disabled = False
        repos.delete_repo(db, cast.alice.actor, "lab/second", kind="model")
    publish(cast.alice.actor, "lab/third", {"README.md": "moon"})  # takes the number of the one that is gone
    assert (_found(client, "ebb"), _found(client, "moon")) == ([], ["lab/third"])


def test_rows_of_an_older_way_are_made_anew(app: Starlette, client: TestClient, publish: Publish, cast: Cast) -> None:
    publish(cast.alice.actor, "lab/old", {"README.md": "heron"})
    with app.state.database.write() as db:
        db.execute(update(RepoText).values(version=0, body="wren", lexemes=None))
    assert _found(client, "heron") == []
    assert tasks.texts_backfill(app.state.database).turn() == 1
    app.state.worker.drain()
    assert (_found(client, "heron"), _found(client, "wren")) == (["lab/old"], [])
    assert tasks.texts_backfill(app.state.database).turn() == 0


def test_a_matrix_of_readers(app: Starlette, client: TestClient, publish: Publish, cast: Cast) -> None:
    publish(cast.alice.actor, "lab/open", {"README.md": "pelican"})
    publish(cast.alice.actor, "lab/gated", {"README.md": "pelican"}, gated="manual")
    publish(cast.alice.actor, "lab/shut", {"README.md": "pelican"}, private=True)
    everything, public = ["lab/gated", "lab/open", "lab/shut"], ["lab/gated", "lab/open"]
    told = {
        person.name: _found(client, "pelican", person.headers)
        for person in (cast.alice, cast.bob, cast.charlie, cast.root, cast.anonymous)
    }
    assert told == {
        cast.alice.name: everything,
        cast.bob.name: everything,
        cast.charlie.name: public,
        cast.root.name: everything,
        cast.anonymous.name: public,
    }
    with app.state.database.write() as db:
        repos.change_settings(db, cast.alice.actor, "lab/open", Changes(visibility="private"), kind="model")
    assert _found(client, "pelican") == ["lab/gated"]


@pytest.mark.rules
@pytest.mark.parametrize(
    "body",
    ["<!--" * 25_000, "[](" * 33_000, "<a " * 33_000, "```\n" * 25_000, "\x0b" * 100_000, "https://" + "a" * 10**6],
)
def test_a_hostile_card_is_read_in_no_time(body: str) -> None:
    assert len(plain(body)) <= 20_000


@pytest.mark.usefixtures("harbour")
def test_a_list_asks_in_cards_too(client: TestClient) -> None:
    text = client.get("/models?search=tide&in=cards", headers={"accept": "text/html"}).text
    assert SMOL in text and "<b>Words:</b> <bdi>tide</bdi>" in text
    assert 'name="in" value="cards" checked' in text
    assert "text=tide&amp;sort=likes" in text
    text = client.get("/models?search=tide", headers={"accept": "text/html"}).text
    assert "No model matches" in text and 'value="cards">' in text


def test_numbers_alone_are_those_of_the_texts_that_hold_what_is_asked(
    database: Database, cast: Cast, publish: Publish
) -> None:
    for name, words in (("one", "Purple llamas sing"), ("two", "Purple rain"), ("three", "Llamas, sixty-seven")):
        publish(cast.alice.actor, f"alice/{name}", {"README.md": f"# {name}\n\n{words}\n"})
    for text in ("purple", "purple -llamas", "llam", '"purple rain"', "alice", "sixty-seven -rain -one", "nothing"):
        wanted = asked(text)
        with database.read() as db:
            there = db.scalars(select(RepoText.number).where(held(RepoText, wanted))).all()
        assert sorted(_numbers(database, wanted, 9)) == sorted(there), text
        assert bool(there) == (text != "nothing")
        assert len(_numbers(database, wanted, 1)) == min(1, len(there))


def _numbers(database: Database, wanted: Asked, most: int) -> list[int]:
    query, values = numbers_held(RepoText, wanted, most=most)
    row = database.row(query, **values)
    assert row is not None
    return json.loads(f"[{row[0]}]") if isinstance(row[0], str) else row[0] or []
