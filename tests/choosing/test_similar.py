"""Others like a repository: why they are, one of each family, and never by anything that is not public."""

import html
import re
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event, update
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.choosing import likeness, similar
from freehold.choosing.likeness import Found, Subject, Trait
from freehold.discover.register import Row
from freehold.repos.tables import Repo
from tests.choosing.conftest import Publish, card, tensors
from tests.fixtures.people import Cast, Person


@pytest.fixture(autouse=True)
def nothing_is_kept() -> None:
    """Answers are kept for minutes; tests change the world faster."""
    similar._kept.drop(lambda key: True)


def told(client: TestClient, path: str, person: Person, kind: str = "models") -> dict[str, list[str]]:
    answer = client.get(f"/api/{kind}/{path}/-/similar", headers=person.headers)
    assert answer.status_code == 200, answer.text
    return {one["id"]: one["reasons"] for one in answer.json()}


# ---- pure --------------------------------------------------------------------------------------------------


def row(path: str, **said: Any) -> Row:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    nothing: dict[str, Any] = dict.fromkeys(Row.__dataclass_fields__, "")
    nothing |= {"parameters": None, "size_bytes": None, "downloads": 0, "likes": 0, "trend": 0, "spark": None}
    nothing |= {"is_private": False, "is_gated": False, "created_at": now, "updated_at": now}
    return Row(**(nothing | {"repo_id": path, "kind": "model", "path": path, "address": f"/{path}"} | said))


BASE, TASK, RARE = Trait("base", "base_model:x/y"), Trait("task", "fill-mask"), Trait("tag", "tides")
MINE = Subject("me/mine", "me/mine", [BASE, TASK, RARE], row("me/mine", parameters=7_000_000_000, task="Fill-mask"))


@pytest.mark.rules
def test_traits_are_what_a_repository_is_and_not_how_it_is_kept() -> None:
    tags = ["transformers", "safetensors", "bert", "fill-mask", "nl", "tides", "dataset:a/b", "license:mit"]
    tags += ["region:us", "base_model:x/y"]
    found = likeness.traits("model", [*tags, "base_model:finetune:x/y", "endpoints_compatible", "arxiv:1"], "bert")
    assert [(trait.kind, trait.word) for trait in found] == [
        ("base", "x/y"), ("data", "a/b"), ("paper", "1"), ("architecture", "bert"), ("task", "fill-mask"),
        ("tag", "tides"), ("language", "nl"), ("library", "transformers"),
    ]  # fmt: skip
    many = likeness.traits("model", [f"tag-{n}" for n in range(500)], "")
    assert len(many) == likeness.MAX_TRAITS


@pytest.mark.rules
def test_a_rare_trait_weighs_more_than_a_common_one() -> None:
    assert likeness.weight(RARE, 2) > 3 * likeness.weight(RARE, likeness.CAP) > 0
    one, other = Found(row("a/rare"), "a/rare", [RARE]), Found(row("b/common"), "b/common", [TASK])
    found = likeness.nearest(MINE, [other, one], {RARE: 2, TASK: likeness.CAP}, 8)
    assert [each.row.path for each in found] == ["a/rare", "b/common"]


@pytest.mark.rules
def test_one_of_each_family_is_shown_and_owners_take_turns() -> None:
    versions = [Found(row(f"a/q{n}"), "a/whole", [RARE]) for n in range(3)]
    more = [Found(row(f"a/{n}"), f"a/{n}", [RARE]) for n in "wxyz"]
    last = Found(row("b/other"), "b/other", [TASK])
    own = [Found(row("me/mine-gguf"), "me/mine", [RARE]), Found(row("X/Y"), "x/y", [RARE])]
    found = likeness.nearest(MINE, [*versions, *more, last, *own], {RARE: 3, TASK: 50}, 4)
    assert [(one.row.path, one.others) for one in found] == [("a/q0", 2), ("a/w", 0), ("b/other", 0), ("a/x", 0)]


@pytest.mark.rules
def test_reasons_say_what_is_shared_and_what_differs() -> None:
    small = Found(row("a/small", parameters=500_000_000, verdict="yes"), "a/small", [BASE, RARE], likers=3)
    assert likeness.reasons(MINE, small, {BASE: 4, RARE: 2}) == [
        "same base",
        "also about tides",
        "smaller, 500\u00a0M",
        "liked by 3 of the same people",
        "commercial use allowed",
    ]
    alike = Found(row("a/alike", parameters=8_000_000_000, verdict="no"), "a/alike", [TASK], likers=1)
    assert likeness.reasons(MINE, alike, {}) == ["same task", "about the same size", "no commercial use"]


@pytest.mark.rules
def test_a_model_for_another_task_is_not_alike() -> None:
    other = Found(row("a/other", task="Translation"), "a/other", [BASE, RARE])
    assert likeness.nearest(MINE, [other], {}, 8) == []
    assert likeness.nearest(MINE, [Found(row("a/none"), "a/none", [], likers=1)], {}, 8) == []


# ---- on a hub ----------------------------------------------------------------------------------------------


def test_models_are_found_by_what_they_share(client: TestClient, cast: Cast, publish: Publish) -> None:
    mine = card(base_model="x/y", pipeline_tag="fill-mask", language="nl", datasets="a/b", tags=["tides"])
    publish(cast.alice.actor, "alice/mine", mine | {"model.safetensors": tensors(9000)})
    publish(
        cast.bob.actor,
        "bob/kin",
        card(base_model="x/y", pipeline_tag="fill-mask") | {"model.safetensors": tensors(100)},
    )
    publish(cast.bob.actor, "bob/data", card(datasets="a/b", tags=["tides"], pipeline_tag="fill-mask"))
    publish(cast.bob.actor, "bob/other", card(tags=["tides"], pipeline_tag="translation"))
    publish(cast.bob.actor, "bob/stranger", card(tags=["rockets"]))
    found = told(client, "alice/mine", cast.anonymous)
    assert list(found) == ["bob/kin", "bob/data"] or list(found) == ["bob/data", "bob/kin"]
    assert found["bob/kin"][:2] == ["same base", "same task"]
    assert found["bob/data"] == ["trained on the same data", "same task", "also about tides"]


def test_nothing_private_is_found_or_counted(app: Starlette, client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/mine", card(tags=["tides"]))
    publish(cast.alice.actor, "alice/open", card(tags=["tides"]))
    before = told(client, "alice/mine", cast.alice)
    for n in range(3):
        publish(cast.alice.actor, f"lab/hush{n}", card(tags=["tides"]), private=True)
    with app.state.database.read() as db:
        mine = db.query(Repo).filter_by(path_key="alice/mine").one()
        held = similar._holding(db, mine, [Trait("tag", "tides")])
    assert [len(ids) for ids in held.values()] == [1]
    similar._kept.drop(lambda key: True)
    for person in (cast.alice, cast.bob, cast.charlie, cast.root, cast.anonymous):
        assert told(client, "alice/mine", person) == before == {"alice/open": ["also about tides"]}
    assert client.get("/api/models/lab/hush1/-/similar", headers=cast.charlie.headers).status_code == 404
    assert client.get("/lab/hush1/-/similar", headers={"accept": "text/html"} | cast.charlie.headers).status_code == 404
    assert list(told(client, "lab/hush1", cast.bob)) == ["alice/mine", "alice/open"]


def test_what_is_private_or_gone_since_is_left_out_of_what_was_kept(
    app: Starlette, client: TestClient, cast: Cast, publish: Publish
) -> None:
    for name in ("mine", "one", "two"):
        publish(cast.alice.actor, f"alice/{name}", card(tags=["tides"]))
    assert list(told(client, "alice/mine", cast.anonymous)) == ["alice/one", "alice/two"]
    with app.state.database.write() as db:
        db.execute(update(Repo).where(Repo.path_key == "alice/one").values(visibility="private"))
    assert list(told(client, "alice/mine", cast.alice)) == ["alice/two"]
    gone = {"name": "two", "organization": "alice", "type": "model"}
    assert client.request("DELETE", "/api/repos/delete", json=gone, headers=cast.alice.headers).status_code == 200
    assert told(client, "alice/mine", cast.alice) == {}


def test_people_who_like_both_are_a_reason_from_two_on(client: TestClient, cast: Cast, publish: Publish) -> None:
    for name in ("mine", "liked", "once", "hush"):
        publish(cast.alice.actor, f"lab/{name}", card(license="mit"), private=name == "hush")
    for name, people in (("mine", "alice bob charlie"), ("liked", "alice bob"), ("once", "bob"), ("hush", "alice bob")):
        for person in people.split():
            answer = client.post(f"/api/models/lab/{name}/like", headers=getattr(cast, person).headers)
            assert answer.status_code == 200, answer.text
    assert told(client, "lab/mine", cast.bob) == {"lab/liked": ["liked by 2 of the same people"]}


def test_data_sets_have_their_like_and_spaces_none(client: TestClient, cast: Cast, publish: Publish) -> None:
    for name in ("one", "two"):
        said = {"README.md": "---\ntask_categories: [translation]\nlanguage: [fy]\n---\n# A\n"}
        publish(cast.alice.actor, f"alice/{name}", said, kind="dataset")
    assert told(client, "alice/one", cast.anonymous, "datasets") == {"alice/two": ["same task", "also in fy"]}
    publish(cast.alice.actor, "alice/app", kind="space", sdk="static")
    assert client.get("/spaces/alice/app/-/similar", headers={"accept": "text/html"}).status_code == 404


def test_a_models_page_brings_them_in_and_leads_to_lists(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/mine", card(pipeline_tag="fill-mask", tags=["a-<b>b</b>", "\u202eodd"]))
    publish(cast.bob.actor, "bob/like", card(pipeline_tag="fill-mask", tags=["a-<b>b</b>", "\u202eodd"]))
    page = client.get("/alice/mine", headers={"accept": "text/html"}).text
    assert 'hx-get="/alice/mine/-/similar"' in page
    part = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "section#similar"}
    answer = client.get("/alice/mine/-/similar", headers={"accept": "text/html"} | part).text
    assert answer.lstrip().startswith('<section class="section" id="similar">')
    assert "bob/like" in answer
    assert "<b>b</b>" not in answer
    links = [html.unescape(link) for link in re.findall(r'href="([^"]+)"', answer)]
    assert "/compare?models=alice%2Fmine&models=bob%2Flike" in links
    assert "/models?filter=fill-mask&commercial=yes" in links
    assert "/models?filter=fill-mask&fits=cpu-16" in links


def test_likeness_costs_a_fixed_number_of_queries(
    app: Starlette, client: TestClient, cast: Cast, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(likeness, "CAP", 3)
    monkeypatch.setattr(similar, "CAP", 3)
    for n in range(6):
        publish(cast.alice.actor, f"alice/m{n}", card(tags=["tides", f"t{n // 2}"], pipeline_tag="fill-mask"))
    statements: list[str] = []

    def listen(*args: Any) -> None:
        if threading.current_thread().name.startswith("AnyIO"):  # the hub asks some by itself
            statements.append(args[2])

    event.listen(app.state.database.engine, "before_cursor_execute", listen)
    found = told(client, "alice/m0", cast.anonymous)
    event.remove(app.state.database.engine, "before_cursor_execute", listen)
    assert next(iter(found)) == "alice/m1"
    assert len(statements) <= 14, statements
