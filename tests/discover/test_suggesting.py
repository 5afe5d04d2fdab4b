"""What is suggested while one types: names that hold the words, and never one that the visitor may not know of."""

from starlette.testclient import TestClient

from freehold.access.rules import Actor
from freehold.core.database import Database
from freehold.discover import suggesting
from tests.discover.conftest import Publish
from tests.fixtures.people import Cast


def _asked(client: TestClient, words: str, headers: dict[str, str] | None = None) -> dict[str, list[str]]:
    answer = client.get("/-/suggest", params={"q": words}, headers=headers)
    assert answer.status_code == 200
    return {group["label"]: [item["text"] for item in group["items"]] for group in answer.json()}


def test_places_by_kind_those_that_begin_so_first(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "lab/old-tides")
    publish(cast.alice.actor, "lab/tides")
    publish(cast.bob.actor, "bob/tides-log", kind="dataset")
    assert _asked(client, "TIDES") == {"Models": ["lab/tides", "lab/old-tides"], "Data sets": ["bob/tides-log"]}
    assert _asked(client, "la") == {"Models": ["lab/old-tides", "lab/tides"], "Organisations": ["lab"]}
    assert _asked(client, "old tides") == {"Models": ["lab/old-tides"]}


def test_people_go_by_both_their_names(client: TestClient, cast: Cast) -> None:
    (group,) = client.get("/-/suggest?q=charl").json()
    assert group == {"label": "People", "items": [{"text": "charlie", "note": "Charlie", "address": "/charlie"}]}


def test_private_names_are_told_to_their_own_people_only(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "lab/hidden-thing", private=True)
    wish = {"title": "Hidden list", "namespace": "lab", "private": True}
    client.post("/api/collections", json=wish, headers=cast.alice.headers).raise_for_status()
    assert _asked(client, "hidden") == {}
    assert _asked(client, "hidden", cast.charlie.headers) == {}
    assert _asked(client, "hidden", cast.bob.headers) == {
        "Models": ["lab/hidden-thing"],
        "Collections": ["Hidden list"],
    }


def test_there_are_eight_at_most(client: TestClient, cast: Cast, publish: Publish) -> None:
    for number in range(10):
        publish(cast.alice.actor, f"lab/a{number}")
    found = _asked(client, "a")
    assert sum(len(names) for names in found.values()) == suggesting.MOST
    assert found["Organisations"] == ["lab"] and "alice" in found["People"]


def test_nothing_is_asked_for_by_nothing_and_wildcards_are_letters(client: TestClient, cast: Cast) -> None:
    for words in ("", "  ", "%", "_", "\\", "a" * 5000, "'; drop table repos"):
        assert _asked(client, words) == {}


def test_names_like_one_that_is_not_there(database: Database, cast: Cast, publish: Publish) -> None:
    for path in ("lab/river-tides", "lab/tides", "lab/other"):
        publish(cast.alice.actor, path)
    publish(cast.alice.actor, "lab/river-secret", private=True)

    def names(actor: Actor, name: str) -> list[str]:
        with database.read() as db:
            return [found.text for found in suggesting.similar(db, actor, "model", name, 5)]

    assert names(cast.charlie.actor, "river-tide") == ["lab/river-tides", "lab/tides"]
    assert names(cast.charlie.actor, "River_Tides") == ["lab/river-tides", "lab/tides"]
    assert names(cast.bob.actor, "river") == ["lab/river-secret", "lab/river-tides"]
    assert names(cast.charlie.actor, "xy") == []
