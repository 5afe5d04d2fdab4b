"""Lists as pages: every filter is an address, numbers tell what is there, and nothing private is in any of them."""

import html
import re

import pytest
from starlette.testclient import TestClient

from freehold.cards.openness.material import DIMENSIONS
from tests.discover.conftest import Publish
from tests.fixtures.each import each
from tests.fixtures.people import Cast

HTML = {"accept": "text/html"}
PART = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#listing", **HTML}


def _card(**metadata: str) -> dict[str, str | bytes | tuple[str, int]]:
    lines = "\n".join(f"{key}: {value}" for key, value in metadata.items())
    return {"README.md": f"---\n{lines}\n---\n# T\n\nWords.\n"}


@pytest.fixture
def shelf(cast: Cast, publish: Publish) -> None:
    chat = {"pipeline_tag": "text-generation", "library_name": "transformers"}
    publish(cast.alice.actor, "alice/chat-en", _card(license="mit", language="en", **chat))
    publish(cast.alice.actor, "alice/chat-de", _card(license="apache-2.0", language="de", **chat))
    publish(cast.alice.actor, "alice/embed", _card(license="mit", pipeline_tag="feature-extraction"))
    publish(cast.alice.actor, "lab/base", _card(license="gemma", language="[en, de]"))
    publish(cast.alice.actor, "lab/hush", _card(license="wtfpl", language="en", **chat), private=True)


def _names(text: str) -> list[str]:
    return [
        f"{owner}/{name}"
        for owner, name in re.findall(r'<th scope="row">.*?<span class="ns">(.*?)/</span><b>(.*?)</b>', text)
    ]


def _facets(text: str) -> dict[str, int]:
    """The words of every question with their numbers, as they stand on the page."""
    found = re.findall(r'class="facet-word"[^>]*><span>(.*?)</span><span class="n">(.*?)</span>', text)
    return {html.unescape(label): int(number) for label, number in found}


@pytest.mark.usefixtures("shelf")
@each(
    ("query", "names", "facets"),
    [
        (
            "",
            {"alice/chat-en", "alice/chat-de", "alice/embed", "lab/base"},
            {"mit": 2, "English": 2, "Text generation": 2},
        ),
        # Another answer to the same question is an alternative; its number says what it adds.
        (
            "?filter=license:mit",
            {"alice/chat-en", "alice/embed"},
            {"mit": 2, "apache-2.0": 1, "gemma": 1, "English": 1},
        ),
        (
            "?filter=license:mit&filter=license:gemma",
            {"alice/chat-en", "alice/embed", "lab/base"},
            {"mit": 2, "apache-2.0": 1, "English": 2, "German": 1},
        ),
        # Answers to different questions must all hold.
        (
            "?filter=license:mit&filter=en",
            {"alice/chat-en"},
            {"mit": 1, "gemma": 1, "English": 1, "Text generation": 1},
        ),
        ("?filter=license:mit,en", {"alice/chat-en"}, {"transformers": 1}),
        ("?pipeline_tag=text-generation", {"alice/chat-en", "alice/chat-de"}, {"Feature extraction": 1, "German": 1}),
        ("?search=chat+EN", {"alice/chat-en"}, {"mit": 1}),
        ("?search=en+chat", {"alice/chat-en"}, {}),
        ("?author=lab", {"lab/base"}, {"gemma": 1}),
        ("?gated=true", set(), {}),
    ],
)
def test_a_list_is_narrowed_and_counts_what_each_answer_leaves(
    client: TestClient, query: str, names: set[str], facets: dict[str, int]
) -> None:
    opened = f"{query}{'&' if query else '?'}open=license,language,library"
    text = client.get(f"/models{opened}", headers=HTML).text
    assert set(_names(text)) == names
    told = _facets(text)
    assert {label: told.get(label) for label in facets} == facets
    assert "wtfpl" not in text
    assert "hush" not in text


@pytest.mark.usefixtures("shelf")
def test_private_ones_count_for_their_people(client: TestClient, cast: Cast) -> None:
    for person, counted in ((cast.bob, 3), (cast.root, 3), (cast.charlie, 2), (cast.anonymous, 2)):
        text = client.get("/models", headers=HTML | person.headers).text
        assert _facets(text)["Text generation"] == counted
        assert ("wtfpl" in text) is (counted == 3)
        home = client.get("/", headers=HTML | person.headers).text
        assert f"All {counted + 2}" in home


@pytest.mark.usefixtures("shelf")
def test_following_a_questions_words_leads_to_what_they_promise(client: TestClient) -> None:
    text = client.get("/models?filter=license:mit&open=license", headers=HTML).text
    links = re.findall(r'class="facet-word" href="(.*?)"[^>]*><span>(.*?)</span><span class="n">(.*?)</span>', text)
    chosen = re.findall(r'href="(/models[^"]*)"[^>]*aria-current="true"><span>mit', text)
    assert [html.unescape(link) for link in chosen] == ["/models?open=license"]
    assert links
    for link, label, number in links:
        names = _names(client.get(html.unescape(link), headers=HTML).text)
        if label in ("apache-2.0", "gemma"):  # alternatives to what is chosen already
            assert len(names) == int(number) + 2
        elif label != "mit":
            assert len(names) == int(number)


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("query", "is_open"), [("", False), ("?open=dtype", False), ("?open=open_data", True), ("?openness=min:2", True)]
)
def test_the_questions_about_openness_wait_under_one_name(client: TestClient, query: str, is_open: bool) -> None:
    text = client.get(f"/models{query}", headers=HTML).text
    [(opened, inside)] = re.findall(r'<details class="facet is-folded is-group"( open)?>(.*?)</details>', text, re.S)
    assert bool(opened) is is_open
    asked = {"openness", *(f"open_{name}" for name in DIMENSIONS["model"])}
    assert set(re.findall(r'id="facet-(\w+)"', inside)) == asked
    assert "/-/openness" in inside


@pytest.mark.usefixtures("shelf")
def test_an_empty_list_says_which_filter_to_drop(client: TestClient) -> None:
    text = client.get("/models?filter=license:gemma&filter=text-generation&search=base", headers=HTML).text
    assert "No model matches all 3 filters" in text
    ways = [html.unescape(re.sub("<[^>]+>", "", way)) for way in re.findall(r"<li>(<a [^>]*>Without.*?)</li>", text)]
    assert ways == ["Without “Task: Text generation” there is 1."]
    alone = client.get("/models?filter=license:wtfpl", headers=HTML).text
    assert "No model matches this filter" in alone
    assert "Without “Licence: wtfpl” there are 4." in re.sub("<[^>]+>", "", html.unescape(alone))


@pytest.mark.usefixtures("shelf")
def test_htmx_gets_the_list_and_everybody_else_the_page(client: TestClient) -> None:
    part = client.get("/models?filter=license:mit", headers=PART).text
    assert part.strip().startswith("<div")
    assert "<html" not in part
    assert set(_names(part)) == {"alice/chat-en", "alice/embed"}
    assert client.get("/models?filter=license:mit&open=license", headers=HTML).text.startswith("<!doctype html>")


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("sort", "current"),
    [
        ("", "Trending"),
        ("downloads", "Most downloaded"),
        ("created_at", "Newest"),
        ("lastModified", "Last changed"),
        ("x", "Trending"),
    ],
)
def test_the_address_says_the_order(client: TestClient, sort: str, current: str) -> None:
    text = client.get(f"/models?sort={sort}", headers=HTML).text
    orders = text[text.index('aria-label="Order"') :]
    assert re.findall(r'aria-current="true"[^>]*>(.*?) ↓</a>', orders[: orders.index("</p>")]) == [current]


@pytest.mark.parametrize(
    "query",
    [
        "filter=%3Cscript%3E",
        "filter=license:%22%3E%3Cb%3E",
        "search=%E2%80%AEtxt",
        "author=%3Cimg%20src=x%3E",
        "filter=" + "a," * 500,
    ],
)
def test_hostile_filters_stay_text_and_few(client: TestClient, query: str) -> None:
    answer = client.get(f"/models?{query}", headers=HTML)
    assert answer.status_code == 200
    assert "<script>" not in answer.text
    assert "<b>:" not in answer.text
    assert "<img" not in answer.text
    assert answer.text.count('class="chip"') <= 30
