"""Help with choosing: what is asked, what is left of it and why, what ruled out the rest."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.testclient import TestClient

from freehold.cards import memory
from freehold.cards.memory import GB, Load, Machine
from freehold.cards.shape import Layers, Shape
from freehold.cards.tables import RepoFacts
from freehold.choosing import speed, wishes
from freehold.repos.tables import Repo
from tests.community.test_pages import Browser
from tests.discover.conftest import Publish
from tests.discover.test_lineage import card
from tests.fixtures.people import Cast, Person

KEPT = Shape([Layers(32, 2048)], "", 4096, 14_336, 32_000)
Model = Callable[..., None]


@pytest.fixture
def model(app: Starlette, cast: Cast, publish: Publish) -> Model:
    """``model("alice/m", gigabytes=4, license="mit")``: a text generator of so much weight, as if its files said so."""

    def make(
        path: str,
        gigabytes: float | None = 4,
        *,
        context: int | None = 32_768,
        downloads: int = 10,
        private: bool = False,
        also: float = 0,
        **front: Any,
    ) -> None:
        front = {"pipeline_tag": "text-generation"} | front
        publish(cast.alice.actor, path, card(**front), private=private)
        app.state.worker.drain()
        loads = [
            Load("gguf", f"m.{name}.gguf", int(size * GB), KEPT, quantisation=name)
            for name, size in (("Q8_0", gigabytes), ("Q4_K_M", also))
            if size
        ]
        with app.state.database.write() as db:
            repo = db.scalars(select(Repo).where(Repo.path_key == path.lower(), Repo.kind == "model")).one()
            repo.downloads = downloads
            row = db.get_one(RepoFacts, repo.id)
            row.context_length, row.needed_bytes = context, memory.needed(loads)
            row.parameters = int((gigabytes or 1) * 10**9)
            row.details = {"loads": [one.plain() for one in loads]}

    return make


def chosen(client: TestClient, query: str, person: Person | None = None) -> dict[str, Any]:
    answer = client.get(f"/api/choose?for=write&{query}", headers=person.headers if person else {})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ids(found: dict[str, Any]) -> list[str]:
    return [one["id"] for one in found["shortlist"]]


# ---- what is asked -----------------------------------------------------------------------------------------


@pytest.mark.rules
@pytest.mark.parametrize(
    ("query", "tokens"),
    [
        ("length=20&unit=pages", 9_000),
        ("length=1,000&unit=words", 1_500),
        ("length=1000&unit=words&language=de", 2_000),
        ("length=1200&unit=characters&language=ja", 1_000),
        ("length=777&unit=tokens", 777),
        ("length=20&unit=pages&for=search", 0),
        ("length=-1", 0),
        ("length=1e9", 0),
        ("length=99999999999999999999999", 0),
        ("length=100000000&unit=pages", 0),
        ("length=%D9%A1", 0),
        ("unit=parsec&for=%00", 0),
    ],
)
def test_a_text_is_counted_in_tokens(query: str, tokens: int) -> None:
    wish = wishes.read(QueryParams(query))
    assert wish.tokens == tokens
    again = wishes.read(QueryParams(wish.address().partition("?")[2]))
    assert again.pairs() == wish.pairs() and again.problems == []


@pytest.mark.rules
def test_speed_follows_from_what_memory_gives() -> None:
    card_, laptop = Machine("gpu", 24 * GB), Machine("cpu", 16 * GB)
    need = memory.need(Load("gguf", "m", 4 * GB, KEPT), 1, 4_096, laptop)
    slow, fast = speed.estimate(laptop, need, 1.0), speed.estimate(card_, need, 1.0)
    assert slow is not None and fast is not None
    assert 1 < slow.low < slow.middle < slow.high < 12 and slow.high < fast.high
    sparse = speed.estimate(laptop, need, 0.25)
    assert sparse is not None and 2 * slow.middle < sparse.middle < 4 * slow.middle
    unknown = memory.need(Load("gguf", "m", 4 * GB, Shape(None, "it is not said")), 1, 4_096, laptop)
    assert speed.estimate(laptop, unknown, 1.0) is None


# ---- what is left, and why ---------------------------------------------------------------------------------


def test_the_list_says_why_and_what_ruled_out_the_rest(client: TestClient, model: Model) -> None:
    model("alice/fine", 4, license="apache-2.0", downloads=90)
    model("alice/terms", 5, license="gemma", downloads=80)
    model("alice/shut", 4, license="cc-by-nc-4.0", downloads=999)
    model("alice/silent", 4, downloads=998)
    model("alice/large", 40, license="mit", downloads=997)
    model("alice/blank", None, license="mit", downloads=996)
    model("alice/short", 4, license="mit", context=2_048, downloads=995)
    model("alice/mute", 4, license="mit", context=None, downloads=994)
    model("alice/other-task", 4, license="mit", pipeline_tag="translation")
    query = "commercial=conditions&machine=cpu-16&length=20&unit=pages"
    found = chosen(client, query)
    assert ids(found) == ["alice/fine", "alice/terms"] and found["total"] == 8
    first = found["shortlist"][0]
    assert re.match(r"takes [\d.]+\s+GB of 12\s+GB on 16 GB laptop as Q8_0", first["why"][0])
    assert first["why"][1] == "commercial use: yes, by apache-2.0 and all that it was made from"
    assert first["sha"] and first["file"] == "m.Q8_0.gguf" and first["memory"]["usableBytes"] == 12 * GB
    reasons = {one["words"]: one for one in found["ruledOut"]}
    assert {words: one["number"] for words, one in reasons.items()} == {
        "licence forbids commercial use": 1,
        "licence is unresolved": 1,
        "too large for 16 GB laptop": 1,
        "memory not known": 1,
        "reads less than 9,000 tokens at once": 1,
        "length of text not known": 1,
    }
    for one in reasons.values():  # each leads to the list with exactly these
        page = client.get(one["address"], headers={"accept": "text/html"}).text
        assert len(re.findall(r'<th scope="row"><a class="name"', page)) == one["number"], one
    assert "alice/fine writes the fastest" in " ".join(found["tradeOffs"])
    page = client.get(f"/choose?for=write&{query}", headers={"accept": "text/html"}).text
    assert "2 models to look at" in page and "licence forbids commercial use" in page
    assert "/compare?models=alice%2Ffine&amp;models=alice%2Fterms&amp;machine=cpu-16" in page
    strict = chosen(client, query.replace("conditions", "yes"))
    assert ids(strict) == ["alice/fine"]


def test_a_smaller_file_of_the_same_model_is_named_where_only_that_fits(client: TestClient, model: Model) -> None:
    model("alice/two", 30, also=6, license="mit")
    found = chosen(client, "machine=cpu-16")
    assert [(one["id"], one["quantisation"]) for one in found["shortlist"]] == [("alice/two", "Q4_K_M")]
    assert chosen(client, "machine=cpu-256")["shortlist"][0]["quantisation"] == "Q8_0"
    # The largest that is fast enough, not the largest that fits.
    assert chosen(client, "machine=cpu-256&speed=6")["shortlist"][0]["quantisation"] == "Q4_K_M"


def test_of_one_family_one_is_on_the_list(client: TestClient, model: Model) -> None:
    model("alice/base", 9, license="mit", downloads=5)
    model("alice/base-gguf", 4, license="mit", base_model="alice/base", base_model_relation="quantized", downloads=50)
    found = chosen(client, "machine=cpu-32&commercial=yes")
    assert ids(found) == ["alice/base-gguf"] and found["shortlist"][0]["also"] == ["alice/base"]


def test_where_nothing_is_left_single_answers_are_loosened(client: TestClient, model: Model) -> None:
    model("alice/m", 20, license="gemma")
    found = chosen(client, "machine=cpu-16&commercial=conditions&language=")
    assert ids(found) == []
    told = {one["words"]: one["number"] for one in found["loosened"]}
    assert told == {"on 32 GB laptop": 1, "on whatever machine it takes": 1}
    assert ids(chosen(client, found["loosened"][0]["address"].partition("for=write&")[2])) == ["alice/m"]
    nothing = chosen(client, "machine=cpu-16&commercial=yes")
    assert ids(nothing) == nothing["loosened"] == []
    page = client.get("/choose?for=write&machine=cpu-16&commercial=yes", headers={"accept": "text/html"}).text
    assert "Nothing is left" in page and "No single answer" in page


def test_private_models_are_on_the_list_of_those_who_may_see_them(client: TestClient, cast: Cast, model: Model) -> None:
    model("lab/open", 4, license="mit")
    model("lab/hush", 4, license="mit", private=True, downloads=10_000)
    model("lab/hush-large", 400, license="cc-by-nc-4.0", private=True)
    query = "machine=cpu-16&commercial=yes"
    for person in (cast.anonymous, cast.charlie):
        found = chosen(client, query, person)
        assert ids(found) == ["lab/open"] and found["total"] == 1 and found["ruledOut"] == []
        assert "hush" not in client.get(f"/choose?for=write&{query}", headers=person.headers).text
    found = chosen(client, query, cast.bob)
    assert ids(found) == ["lab/hush", "lab/open"] and found["total"] == 3
    foreign = client.get("/api/choose?for=write&machine=lab:rack", headers=cast.charlie.headers)
    assert foreign.status_code == 400 and "is no machine" in foreign.json()["error"]


def test_what_is_no_answer_is_told(client: TestClient, model: Model) -> None:
    model("alice/m", 4, license="mit")
    assert client.get("/api/choose").status_code == 400
    assert client.get("/api/choose?for=write&speed=fast").status_code == 400
    page = client.get("/choose?for=write&machine=abacus&language=xx", headers={"accept": "text/html"})
    assert page.status_code == 422
    assert "“abacus” is no machine" in page.text and "“xx” is no language" in page.text and "alice/" in page.text
    bare = client.get("/choose", headers={"accept": "text/html"})
    assert bare.status_code == 200 and "Talk, write and answer questions" in bare.text


def test_the_list_becomes_a_collection(client: TestClient, app: Starlette, cast: Cast, model: Model) -> None:
    model("alice/m", 4, license="mit")
    model("alice/n", 5, license="mit", downloads=3)
    bob, here, save = Browser(client, app, cast.bob), "/choose?for=write&machine=cpu-16", "/choose/collection"
    wished = {"wished": here.partition("?")[2], "title": "For the harbour"}
    made = bob.press(here, save, **wished)
    assert made.status_code == 303, made.text
    kept = bob.page(made.headers["location"])
    assert "For the harbour" in kept and kept.index("alice/</span><b>m") < kept.index("alice/</span><b>n")
    assert "Takes" in kept and "/choose?for=write" in kept
    again = bob.press(here, save, **wished)
    assert again.status_code == 422 and "Not saved." in again.text and "For the harbour" in again.text
    assert bob.press(here, save, **(wished | {"wished": "for=draw"})).status_code == 422
    assert save not in client.get(here, headers={"accept": "text/html"}).text
    assert client.post(save, data=wished).status_code in (401, 403)
