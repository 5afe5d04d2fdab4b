"""The family of a model: above and below, opened and narrowed, with circles, moves and what may not be seen."""

import html
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, update
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.choosing import trees
from freehold.repos.tables import Repo
from tests.choosing.conftest import Publish, card
from tests.fixtures.people import Cast, Person

HIDDEN = "a repository you may not see"


def told(client: TestClient, path: str, person: Person, query: str = "") -> dict[str, Any]:
    answer = client.get(f"/api/models/{path}/-/lineage?{query}", headers=person.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def page(client: TestClient, path: str, person: Person, query: str = "") -> str:
    answer = client.get(f"/{path}/-/lineage?{query}", headers={"accept": "text/html"} | person.headers)
    assert answer.status_code == 200, answer.text
    text = answer.text[answer.text.index('id="family"') :]
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text)))


def names(node: dict[str, Any], side: str) -> Iterator[Any]:
    """Every name above or below, nearest first."""
    if side == "above":
        for one in node.get("above", ()):
            yield one["id"]
            yield from names(one, side)
    else:
        for way in node.get("below", {}).values():
            for one in way["models"]:
                yield one["id"]
                yield from names(one, side)


def made(base: str, relation: str = "finetune", **words: object) -> dict[str, Any]:
    return card(base_model=base, base_model_relation=relation, **words)


def test_a_family_goes_up_and_down(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/base", card(license="mit"))
    publish(cast.alice.actor, "alice/tuned", made("alice/base", license="mit"))
    publish(cast.alice.actor, "lab/small", made("alice/tuned", "quantized"))
    publish(cast.alice.actor, "lab/two", card(base_model=["alice/tuned", "elsewhere/big"], license="mit"))
    found = told(client, "alice/base", cast.anonymous)
    assert found["totals"] == {"finetune": 1}
    assert list(names(found, "below")) == ["alice/tuned"]
    opened = told(client, "alice/base", cast.anonymous, "open=Alice/Tuned&open=no/such")
    assert list(names(opened, "below")) == ["alice/tuned", "lab/two", "lab/small"]
    up = told(client, "lab/two", cast.anonymous)
    assert list(names(up, "above")) == ["alice/tuned", "alice/base", "elsewhere/big"]
    text = page(client, "alice/base", cast.anonymous)
    assert "Its card names no base" in text
    assert "alice/tuned what came of it +" in text
    assert "elsewhere/big , not here as far as you see , was merged" in page(client, "lab/two", cast.anonymous)


def test_a_family_is_narrowed_to_one_relation(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/base", card(license="mit"))
    publish(cast.alice.actor, "alice/tuned", made("alice/base"))
    publish(cast.alice.actor, "alice/small", made("alice/base", "quantized"))
    found = told(client, "alice/base", cast.anonymous, "relation=quantized")
    assert list(names(found, "below")) == ["alice/small"]
    assert found["totals"] == {"finetune": 1, "quantized": 1}
    assert "alice/tuned" not in page(client, "alice/base", cast.anonymous, "relation=quantized")
    wrong = client.get("/api/models/alice/base/-/lineage?relation=%3Cb%3E")
    assert wrong.status_code == 400
    assert page(client, "alice/base", cast.anonymous, "relation=%3Cb%3E")


def test_an_adapter_that_only_its_files_tell_of_belongs_to_it(
    app: Starlette, client: TestClient, cast: Cast, publish: Publish
) -> None:
    publish(cast.alice.actor, "alice/base", card(license="mit"))
    files = {"adapter_config.json": '{"peft_type": "LORA", "base_model_name_or_path": "Alice/Base"}'}
    publish(cast.alice.actor, "alice/lora", card(license="mit") | files)
    app.state.worker.drain()
    assert told(client, "alice/base", cast.anonymous)["totals"] == {"adapter": 1}
    assert list(names(told(client, "alice/lora", cast.anonymous), "above")) == ["alice/base"]


def test_what_may_not_be_seen_is_neither_shown_nor_counted(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/base", card(license="mit"))
    publish(cast.alice.actor, "alice/tuned", made("alice/base"))
    publish(cast.alice.actor, "lab/hush", made("alice/base"), private=True)
    publish(cast.alice.actor, "lab/quiet", made("alice/tuned", "quantized"), private=True)
    for person in (cast.charlie, cast.anonymous):
        assert told(client, "alice/base", person, "open=alice/tuned&open=lab/hush")["totals"] == {"finetune": 1}
        text = page(client, "alice/base", person, "open=alice/tuned&open=lab/hush")
        assert "lab/" not in text.replace("open=", "")
        assert "what came of it +" not in page(client, "alice/base", person)
    for person in (cast.bob, cast.root):
        assert told(client, "alice/base", person)["totals"] == {"finetune": 2}
        assert "alice/tuned what came of it +" in page(client, "alice/base", person)
    for address in ("/lab/hush/-/lineage", "/api/models/lab/hush/-/lineage"):
        assert client.get(address).status_code == client.get(address.replace("hush", "nothing")).status_code == 401
        assert client.get(address, headers=cast.charlie.headers).status_code == 404


def test_a_hidden_base_is_told_only_by_its_own_people(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "lab/hush", card(license="mit"), private=True)
    publish(cast.alice.actor, "lab/open", made("lab/hush"))
    publish(cast.charlie.actor, "charlie/fishing", card(base_model=["lab/hush", "lab/nothing"]))
    found = told(client, "lab/open", cast.anonymous)
    assert found["above"] == [{"id": None, "relation": "finetune", "isHidden": True}]
    assert HIDDEN in page(client, "lab/open", cast.anonymous)
    assert "hush" not in page(client, "lab/open", cast.charlie)
    fished = told(client, "charlie/fishing", cast.anonymous)["above"]
    assert fished == [{"id": "lab/hush", "relation": "merge"}, {"id": "lab/nothing", "relation": "merge"}]
    assert list(names(told(client, "lab/open", cast.bob), "above")) == ["lab/hush"]


def test_circles_are_marked_and_end(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/itself", made("alice/itself"))
    publish(cast.alice.actor, "alice/one", made("alice/two"))
    publish(cast.alice.actor, "alice/two", made("alice/one"))
    itself = told(client, "alice/itself", cast.anonymous)
    assert [one["note"] for one in itself["above"]] == ["a circle: it was made from this"]
    assert itself["totals"] == {}
    found = told(client, "alice/one", cast.anonymous, "open=alice/two&open=alice/one")
    assert list(names(found, "above")) == ["alice/two", "alice/one"]
    assert found["below"]["finetune"]["models"][0]["note"] == "a circle: it stands above too"
    assert "a circle" in page(client, "alice/one", cast.anonymous, "open=alice/two")


def test_one_that_moved_keeps_its_family_and_one_that_is_gone_leaves_a_name(
    client: TestClient, cast: Cast, publish: Publish
) -> None:
    publish(cast.alice.actor, "alice/old", card(license="mit"))
    publish(cast.alice.actor, "alice/tuned", made("alice/old"))
    moved = {"fromRepo": "alice/old", "toRepo": "alice/new", "type": "model"}
    assert client.post("/api/repos/move", json=moved, headers=cast.alice.headers).status_code == 200
    assert list(names(told(client, "alice/new", cast.anonymous), "below")) == ["alice/tuned"]
    assert list(names(told(client, "alice/tuned", cast.anonymous), "above")) == ["alice/new"]
    answer = client.get("/alice/old/-/lineage?relation=merge", follow_redirects=False)
    assert answer.headers["location"] == "/alice/new/-/lineage?relation=merge"
    gone = {"name": "new", "organization": "alice", "type": "model"}
    assert client.request("DELETE", "/api/repos/delete", json=gone, headers=cast.alice.headers).status_code == 200
    assert told(client, "alice/tuned", cast.anonymous)["above"] == [{"id": "alice/old", "relation": "finetune"}]


def test_many_are_grouped_and_cost_a_fixed_number_of_queries(
    app: Starlette, client: TestClient, cast: Cast, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "SHOWN", 2)
    monkeypatch.setattr(trees, "SHOWN_ALONE", 3)
    publish(cast.alice.actor, "alice/base", card(license="mit"))
    for n in range(4):
        publish(cast.alice.actor, f"alice/q{n}", made("alice/base", "quantized"))
    with app.state.database.write() as db:
        db.execute(update(Repo).where(Repo.path_key == "alice/q3").values(downloads=9))
    found = told(client, "alice/base", cast.anonymous)
    assert next(iter(names(found, "below"))) == "alice/q3"
    assert len(list(names(found, "below"))) == 2
    assert "2 more quantisations" in page(client, "alice/base", cast.anonymous)
    assert len(list(names(told(client, "alice/base", cast.anonymous, "relation=quantized"), "below"))) == 3
    statements: list[str] = []

    def listen(*args: Any) -> None:
        if threading.current_thread().name.startswith("AnyIO"):  # the hub asks some by itself
            statements.append(args[2])

    event.listen(app.state.database.engine, "before_cursor_execute", listen)
    told(client, "alice/base", cast.anonymous)
    event.remove(app.state.database.engine, "before_cursor_execute", listen)
    assert len(statements) <= 8, statements


def test_a_card_that_names_thousands_is_bounded(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/greedy", card(base_model=[f"x/{n}" for n in range(10_000)]))
    found = told(client, "alice/greedy", cast.anonymous)
    assert len(list(names(found, "above"))) == trees.MAX_BASES
    assert "88 more that it names" in page(client, "alice/greedy", cast.anonymous)


def test_hostile_names_are_text(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/odd", card(base_model=["<script>/x", "\u202ee/vil", 3, "a/b/c"]))
    answer = client.get("/alice/odd/-/lineage", headers={"accept": "text/html"})
    assert "<script>/x" not in answer.text
    assert "<bdi" in answer.text
