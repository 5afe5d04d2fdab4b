"""Machines of one's own and of an organisation: who sees and changes them, and what addresses make of them."""

import re

import pytest
from starlette.testclient import TestClient

from freehold.cards.memory import GB, Machine
from freehold.core.errors import BadRequest
from freehold.fleet import rules
from freehold.fleet.rules import Given
from tests.cards.test_headers import gguf_file
from tests.discover.conftest import Publish
from tests.discover.conftest import publish as publish  # the fixture
from tests.discover.test_fitting import LLAMA, keep
from tests.fixtures.people import Cast
from tests.people.test_pages import Browser

MINE, LAB = "/api/settings/machines", "/api/organizations/lab/machines"
LAPTOP = {"name": "Old laptop", "kind": "cpu", "memoryGb": 16}
RACK = {"name": "Rack 2", "kind": "gpu", "memoryGb": 24, "count": 2, "keptGb": 1.5}


# ---- rules -------------------------------------------------------------------------------------------------


def test_what_others_keep_is_not_free() -> None:
    assert rules.checked(Given("a", "gpu", "24", "2", "1.5")).machine == Machine("gpu", 24 * GB, 2, 1_500_000_000)
    assert Machine("gpu", 24 * GB, 2, 1_500_000_000).usable_bytes == 45 * GB
    assert Machine("cpu", 16 * GB, 1, 0).usable_bytes == 16 * GB > Machine("cpu", 16 * GB).usable_bytes


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (Given("", "cpu", "16"), "name"),
        (Given("x" * 61, "cpu", "16"), "name"),
        (Given("a\u202eb", "cpu", "16"), "name"),
        (Given("a", "tpu", "16"), "kind"),
        (Given("a", "cpu", "0"), "memory"),
        (Given("a", "cpu", "1e9"), "memory"),
        (Given("a", "cpu", "١٦"), "memory"),
        (Given("a", "cpu", "999999"), "memory"),
        (Given("a", "gpu", "24", "0"), "count"),
        (Given("a", "gpu", "24", "٢"), "count"),
        (Given("a", "cpu", "16", "2"), "count"),
        (Given("a", "cpu", "16", "1", "16"), "kept"),
        (Given("a", "cpu", "16", "1", "all"), "kept"),
    ],
)
def test_what_no_machine_is_has_its_field(given: Given, field: str) -> None:
    with pytest.raises(BadRequest) as refused:
        rules.checked(given)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("name", "taken", "word"),
    [
        ("Rack 2", (), "rack-2"),
        ("Rack 2", ("rack-2",), "rack-2-2"),
        ("fleet", (), "fleet-2"),
        ("机器", (), "machine"),
        ("<script>", (), "script"),
        ("Büro" * 20, (), ("buro" * 20)[:37]),
    ],
)
def test_addresses_get_a_word_of_plain_letters(name: str, taken: tuple[str, ...], word: str) -> None:
    assert rules.word(name, taken) == word
    assert rules.parsed(f"lab:{word}") == ("lab", word)


# ---- verbs and doors ---------------------------------------------------------------------------------------


def test_a_person_keeps_machines_for_themselves(client: TestClient, cast: Cast) -> None:
    alice = cast.alice.headers
    made = client.post(MINE, json=LAPTOP, headers=alice)
    assert made.status_code == 201
    assert made.json() == {
        "address": "mine:old-laptop", "name": "Old laptop", "kind": "cpu", "memoryGb": 16, "count": 1, "keptGb": None,
        "usableBytes": 12 * GB, "default": True,
    }  # fmt: skip
    assert client.post(MINE, json=LAPTOP | {"name": "OLD LAPTOP"}, headers=alice).status_code == 409
    assert client.post(MINE, json=LAPTOP | {"name": " "}, headers=alice).status_code == 400
    renamed = client.put(f"{MINE}/old-laptop", json=LAPTOP | {"name": "Older laptop"}, headers=alice).json()
    assert renamed["address"] == "mine:old-laptop" and renamed["name"] == "Older laptop"
    assert client.put(f"{MINE}/gone", json=LAPTOP, headers=alice).status_code == 404
    assert client.get(MINE, headers=cast.bob.headers).json() == []
    assert client.get(MINE).status_code == 401
    assert client.post(MINE, json=RACK, headers=cast.alice.read_headers).status_code == 403
    assert client.delete(f"{MINE}/old-laptop", headers=cast.bob.headers).status_code == 404
    assert client.delete(f"{MINE}/old-laptop", headers=alice).status_code == 204
    assert client.get(MINE, headers=alice).json() == []


def test_an_organisations_are_seen_by_members_and_changed_by_its_administrators(client: TestClient, cast: Cast) -> None:
    assert client.post(LAB, json=RACK, headers=cast.bob.headers).status_code == 403
    assert client.post(LAB, json=RACK, headers=cast.alice.headers).json()["usableBytes"] == 45 * GB
    assert [one["address"] for one in client.get(LAB, headers=cast.bob.headers).json()] == ["lab:rack-2"]
    assert client.get(LAB, headers=cast.charlie.headers).status_code == 403
    assert client.get(LAB).status_code == 401
    assert client.put(f"{LAB}/rack-2", json=RACK, headers=cast.bob.headers).status_code == 403
    assert client.delete(f"{LAB}/rack-2", headers=cast.bob.headers).status_code == 403
    assert client.delete(f"{LAB}/rack-2", headers=cast.alice.headers).status_code == 204


def test_one_machine_is_asked_about_first(client: TestClient, cast: Cast) -> None:
    for body in (LAPTOP, RACK | {"default": True}):
        client.post(MINE, json=body, headers=cast.alice.headers)
    assert [one["default"] for one in client.get(MINE, headers=cast.alice.headers).json()] == [False, True]


def test_an_account_has_only_so_many(client: TestClient, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_MACHINES", 1)
    client.post(MINE, json=LAPTOP, headers=cast.alice.headers)
    assert "the most" in client.post(MINE, json=RACK, headers=cast.alice.headers).json()["error"]


# ---- lists and pages of models -----------------------------------------------------------------------------


@pytest.fixture
def small(client: TestClient, cast: Cast, publish: Publish) -> str:
    """A model of a few kilobytes whose facts are kept."""
    publish(cast.alice.actor, "alice/small", {"small.gguf": gguf_file(LLAMA, [("w", [10, 10], 0)], 400)})
    keep(client, "alice/small")
    return "/alice/small"


def test_lists_take_a_machine_from_whoever_may_see_it(client: TestClient, cast: Cast, small: str) -> None:
    client.post(LAB, json=RACK, headers=cast.alice.headers)
    client.post(MINE, json=LAPTOP | {"name": "Watch", "memoryGb": 0.01}, headers=cast.bob.headers)
    client.post(MINE, json=LAPTOP, headers=cast.bob.headers)

    def listed(fits: str, headers: dict[str, str]) -> tuple[int, object]:
        answer = client.get("/api/models", params={"fits": fits}, headers=headers)
        found = answer.json()
        return answer.status_code, [one["id"] for one in found] if isinstance(found, list) else found["error"]

    bob, charlie = cast.bob.headers, cast.charlie.headers
    assert listed("lab:rack-2", bob) == listed("LAB:fleet", bob) == (200, ["alice/small"])
    assert listed("mine:old-laptop", bob) == listed("mine:fleet", bob) == (200, ["alice/small"])
    assert listed("mine:watch", bob) == (200, [])
    # Alike whether it is there or not, and whoever asks.
    hidden, absent = listed("lab:rack-2", charlie), listed("lab:rack-9", charlie)
    assert hidden[0] == absent[0] == listed("mine:old-laptop", charlie)[0] == listed("lab:rack-2", {})[0] == 404
    assert str(hidden[1]).replace("rack-2", "") == str(absent[1]).replace("rack-9", "")
    assert listed("nobody:rack-2", charlie)[0] == listed("alice:rack-2", charlie)[0] == 404
    assert listed("lab:", bob)[0] == listed("a:b:c", bob)[0] == 400


def test_a_list_offers_machines_to_those_who_see_them(client: TestClient, cast: Cast, small: str) -> None:
    client.post(LAB, json=RACK, headers=cast.alice.headers)
    client.post(LAB, json=RACK | {"name": "Rack <3>"}, headers=cast.alice.headers)
    bob, charlie = (Browser(client.app, one) for one in (cast.bob, cast.charlie))  # type: ignore[arg-type]
    page = bob.see("/models")
    assert "Rack 2 (lab)" in page and "any machine of lab" in page and "Rack &lt;3&gt;" in page
    assert "Rack" not in charlie.see("/models") and "Rack" not in client.get("/models").text
    assert 'href="/settings/machines" hx-boost="false">Your own machines' in page
    assert "Your own machines" not in client.get("/models").text
    client.post(MINE, json=LAPTOP | {"name": "Twin", "memoryGb": 16}, headers=cast.bob.headers)
    twin = bob.see("/models?fits=mine%3Atwin")
    assert re.findall(r'aria-current="true"><span>(.*?)</span><span class="n">', twin) == ["Twin"]
    chosen = bob.see("/models?fits=lab%3Afleet")
    assert "Remove filter Fits on: any machine of lab" in chosen
    charlie.see("/models?fits=lab%3Afleet", status=404)


def test_the_page_of_a_model_asks_about_ones_own_first(client: TestClient, cast: Cast, small: str) -> None:
    client.post(LAB, json=RACK, headers=cast.alice.headers)
    client.post(LAB, json=LAPTOP | {"name": "Watch", "memoryGb": 0.01}, headers=cast.alice.headers)
    client.post(MINE, json=LAPTOP, headers=cast.alice.headers)
    alice, bob, charlie = (Browser(client.app, one) for one in (cast.alice, cast.bob, cast.charlie))  # type: ignore[arg-type]
    said = alice.see(small)
    assert "on <b><bdi>Old laptop</bdi></b>" in said
    assert re.findall(r'<optgroup label="([^"]*)"', said) == ["Yours", "lab", "Usual"]
    assert "on <b><bdi>Rack 2 (lab)</bdi></b>" in bob.see(small)
    assert "16 GB laptop</bdi></b>" in charlie.see(small) and "Rack" not in charlie.see(small)
    assert "16 GB laptop</bdi></b>" in charlie.see(f"{small}?machine=lab%3Arack-2")
    fleet = bob.see(f"{small}?machine=lab%3Afleet")
    assert "on <b><bdi>Rack 2</bdi></b>" in fleet
    assert "Asked of any machine of lab." in fleet and "Does not fit on <bdi>Watch</bdi>" in fleet


# ---- settings ----------------------------------------------------------------------------------------------


def test_the_settings_add_change_and_take_away(client: TestClient, cast: Cast) -> None:
    alice, page = Browser(client.app, cast.alice), "/settings/machines"  # type: ignore[arg-type]
    form = {"name": "Old laptop", "kind": "cpu", "memory": "16", "count": "1"}
    assert alice.send(page, page=page, **form).headers["location"] == page
    assert re.search(r"12(\.0)?\WGB free for a model", alice.see(page))
    again = alice.send(page, page=page, **form)
    assert again.status_code == 422 and "already has a machine called Old laptop" in again.text
    wrong = alice.send(page, page=page, **form | {"word": "old-laptop", "memory": "lots"})
    assert wrong.status_code == 422 and 'value="lots"' in wrong.text
    alice.send(page, page=page, **form | {"word": "old-laptop", "kept": "0"})
    assert re.search(r"16(\.0)?\WGB free for a model", alice.see(page))
    alice.send(f"{page}/delete", page=page, word="old-laptop")
    assert "None yet" in alice.see(page)
    assert client.get(page).headers["location"].startswith("/login")


def test_members_look_at_their_organisations(client: TestClient, cast: Cast) -> None:
    client.post(LAB, json=RACK, headers=cast.alice.headers)
    page = "/organizations/lab/settings/machines"
    alice, bob, charlie = (Browser(client.app, one) for one in (cast.alice, cast.bob, cast.charlie))  # type: ignore[arg-type]
    assert "Add machine" in alice.see(page)
    assert "Rack 2" in bob.see(page) and "Add machine" not in bob.see(page)
    charlie.see(page, status=403)
    assert bob.send(page, name="x", kind="cpu", memory="8").status_code == 403
    assert page in bob.see("/settings/organizations")
