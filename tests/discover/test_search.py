"""Search: everything by its name or title, grouped by what it is, forgiving, and silent about what is private."""

import html
import re

import pytest
from starlette.testclient import TestClient

from tests.discover.conftest import Publish
from tests.fixtures.each import each
from tests.fixtures.people import Cast

HTML = {"accept": "text/html"}


@pytest.fixture
def shelf(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/smollm2-135m")
    publish(cast.alice.actor, "lab/smol-secret", private=True)
    publish(cast.alice.actor, "lab/smol-gated", gated="manual")
    publish(cast.alice.actor, "lab/smol-rows", {"README.md": "# R\n\nSeasonal words."}, kind="dataset")
    for path, title in (("alice/smollm2-135m", "Smol numbers differ"), ("lab/smol-secret", "Smol plans")):
        body = {"title": title, "description": "Words."}
        assert client.post(f"/api/models/{path}/discussions", headers=cast.alice.headers, json=body).status_code == 200
    body = {"title": "Smol behind the gate", "description": "Words."}
    client.post("/api/models/lab/smol-gated/discussions", headers=cast.alice.headers, json=body)
    for title, private in (("Smol picks", False), ("Smol hidden", True)):
        made = {"title": title, "namespace": "alice", "private": private}
        assert client.post("/api/collections", headers=cast.alice.headers, json=made).status_code == 200


def _plain(text: str) -> str:
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", text)).split())


def _tabs(text: str) -> dict[str, int]:
    found = re.findall(r'">([\w ]+)<span class="count">(\d+)', text)
    return {label: int(number) for label, number in found}


@pytest.mark.usefixtures("shelf")
def test_everything_is_found_by_what_it_is(client: TestClient, cast: Cast) -> None:
    text = client.get("/search?search=smol", headers=HTML).text
    assert _tabs(text) == {"All": 5, "Models": 2, "Data sets": 1, "Collections": 1, "Discussions": 1}
    for word in ("secret", "plans", "Smol hidden", "behind the gate"):
        assert word not in text
    bobs = client.get("/search?search=smol", headers=HTML | cast.bob.headers).text
    assert _tabs(bobs) == {"All": 8, "Models": 3, "Data sets": 1, "Collections": 1, "Discussions": 3}
    assert "Smol hidden" not in bobs


@pytest.mark.usefixtures("shelf")
def test_a_tab_shows_one_type(client: TestClient) -> None:
    text = client.get("/search?search=smol&type=discussion", headers=HTML).text
    assert "Smol numbers differ" in text
    assert "smol-rows" not in text
    assert _tabs(text)["Models"] == 2
    assert client.get("/search?search=smol&type=nonsense", headers=HTML).status_code == 200


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize("words", ["SMOLLM2", "135m smol", "  smollm2   135M ", "alice 135", "ollm"])
def test_words_in_any_order_and_case_are_enough(client: TestClient, words: str) -> None:
    assert "smollm2-135m" in client.get("/search", params={"search": words}, headers=HTML).text


@pytest.mark.usefixtures("shelf")
def test_a_slip_of_the_keyboard_is_understood(client: TestClient) -> None:
    for words, meant, path in (
        ("smolm2-135m", "smollm2 135m", "alice/smollm2-135m"),
        ("smol-rwos", "smol rows", "lab/smol-rows"),
    ):
        text = _plain(client.get("/search", params={"search": words}, headers=HTML).text)
        assert f"Nothing holds “{words}”" in text
        assert f"Near it: {meant} (shown below)" in text
        assert path.partition("/")[2] in text
    assert "charlie" in client.get("/search?search=charly", headers=HTML).text
    opening = _plain(client.get("/search?search=seasnal", headers=HTML).text)
    assert "Near it: seasonal (shown below)" in opening and "smol-rows" in opening
    (group,) = client.get("/-/suggest?q=smolm2").json()
    assert group["label"] == "Models near “smolm2”"
    assert [item["text"] for item in group["items"]] == ["alice/smollm2-135m"]


def test_the_best_matches_come_first_and_cards_are_quoted(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "lab/old-tide", {"README.md": "# None"})
    publish(cast.alice.actor, "lab/one", {"README.md": "# About\n\nWhere a <b>tide</b> comes and goes."})
    publish(cast.alice.actor, "lab/two", {"README.md": "---\ntags: [tide]\n---\n# Nothing"})
    publish(cast.alice.actor, "lab/tide", {"README.md": "# None"})
    publish(cast.alice.actor, "lab/tides", {"README.md": "# None"})
    text = client.get("/search?search=tide", headers=HTML).text
    names = re.findall(r'<a class="name" href="/([^"]+)"', text)
    assert names == ["lab/tide", "lab/tides", "lab/old-tide", "lab/two", "lab/one"]
    assert text.count("<mark>") == 1
    assert "Where a <mark>tide</mark> comes and goes." in text


def test_what_is_private_is_no_hit_no_number_no_quote_and_no_spelling(
    client: TestClient, cast: Cast, publish: Publish
) -> None:
    publish(cast.alice.actor, "lab/quiet", {"README.md": "# Pelicanologist"}, private=True)
    publish(cast.alice.actor, "lab/open", {"README.md": "# Nothing"})
    made = client.post(
        "/api/collections", headers=cast.alice.headers, json={"title": "Birds", "namespace": "lab", "private": False}
    ).json()
    noted = {"item": {"type": "model", "id": "lab/quiet"}, "note": "heronry"}
    client.post(f"/api/collections/{made['slug']}/items", headers=cast.alice.headers, json=noted).raise_for_status()
    for person in (cast.alice, cast.bob, cast.charlie, cast.anonymous):
        may = person in (cast.alice, cast.bob)
        for words in ("pelicanologist", "heronry", "quiet"):
            text = client.get(f"/search?search={words}", headers=HTML | person.headers).text
            assert ("Nothing holds" not in text) is may, (person.name, words)
        text = client.get("/search?search=pelicanolgist", headers=HTML | person.headers).text
        assert ("pelicanologist" in text.lower()) is may, person.name
        told = client.get("/-/suggest?q=quitet", headers=person.headers).text
        assert ("lab/quiet" in told) is may, person.name


@pytest.mark.usefixtures("shelf")
def test_no_private_name_is_proposed(client: TestClient, cast: Cast) -> None:
    for person, told in ((cast.anonymous, False), (cast.charlie, False), (cast.bob, True)):
        text = client.get("/search?search=smol-secrte", headers=HTML | person.headers).text
        assert ("smol-secret" in text) is told


@each("words", ["%00", "%25", "_", "%F0%9F%92%A9", "a" * 5000, "%3Cscript%3E", "%27%22--", "a " * 150])
def test_odd_words_find_nothing_and_break_nothing(client: TestClient, words: str) -> None:
    answer = client.get(f"/search?search={words}", headers=HTML)
    assert answer.status_code in (200, 400)
    assert "<script>" not in answer.text
