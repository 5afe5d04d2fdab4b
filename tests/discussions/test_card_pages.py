"""A card changed in a browser without JavaScript, by whoever may write it and by everybody else; words previewed."""

from html import unescape
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.gitkit.commits import Put
from tests.content import given
from tests.content.given import repo
from tests.content.publishing import committed, file
from tests.discussions.browsing import Browser, browser, form
from tests.discussions.talking import opened
from tests.fixtures.people import Cast

CARD = "---\nlicense: mit # why\ntags: [a]\nown: {x: 1}\n---\n\n# A model\n\nIt is good.\n"
TEXT = "\n# A model\n\nIt is good.\n"
YAML = "license: mit # why\ntags: [a]\nown: {x: 1}"
PART = {"HX-Request": "true", "HX-Request-Type": "partial", "Origin": "http://hub.test"}


@pytest.fixture
def path(client: TestClient, cast: Cast) -> str:
    path = repo(client, cast.alice, "m")
    committed(client, cast.alice, path, file("README.md", CARD), file("a.png", "x"))
    return path


@pytest.fixture
def alice(app: Starlette, client: TestClient, cast: Cast) -> Browser:
    return browser(app, client, cast.alice)


@pytest.fixture
def charlie(app: Starlette, client: TestClient, cast: Cast) -> Browser:
    return browser(app, client, cast.charlie)


def send(who: Browser, path: str, expect: int = 303, *, query: str = "", **fields: str) -> Any:
    sent = {"text": TEXT.replace("\n", "\r\n"), "yaml": YAML.replace("\n", "\r\n"), "how": "commit"}
    named = {
        name if name in (*sent, "summary", "parent", "was") else f"m-{name}": value for name, value in fields.items()
    }
    return who.send(f"/{path}/card/edit{query}", f"/card/edit{query}", expect, **sent | named)


def readme(client: TestClient, path: str, rev: str = "main") -> str:
    return client.get(f"/{path}/resolve/{rev}/README.md").text


def test_the_form_holds_what_the_card_says(alice: Browser, path: str) -> None:
    page = alice.get(f"/{path}/card/edit")
    for part in (
        'id="m-license" value="mit"',
        'id="m-tags" value="a"',
        "\n# A model\n",
        "own: {x: 1}",
        "Commit to main",
    ):
        assert part in page, part
    assert '<option value="apache-2.0">Apache License 2.0</option>' in page
    assert page.index("More fields") < page.index('id="m-license_name"')
    assert f'href="/{path}/card/edit"' in alice.get(f"/{path}/edit/main/README.md")
    assert "No language." in page
    assert "<h1" in page[page.index('id="preview"') :]


def test_a_field_and_the_text_change_and_the_rest_stays(client: TestClient, alice: Browser, path: str) -> None:
    made = send(alice, path, license="apache-2.0", language="en", text="\r\n# Better\r\n", summary="Say more")
    assert made.headers["location"] == f"/{path}"
    assert readme(client, path) == (
        "---\nlicense: apache-2.0 # why\ntags: [a]\nown: {x: 1}\nlanguage:\n- en\n---\n\n# Better\n"
    )
    assert client.get(f"/api/models/{path}/commits/main").json()[0]["title"] == "Say more"


def test_a_first_card_is_written_by_the_form(client: TestClient, cast: Cast, alice: Browser) -> None:
    path = repo(client, cast.alice, "new")
    assert "Write the card" in alice.get(f"/{path}/card/edit")
    send(alice, path, yaml="", text="# New\r\n", license="mit", base_model="alice/m, x/y")
    assert readme(client, path) == "---\nlicense: mit\nbase_model:\n- alice/m\n- x/y\n---\n\n# New\n"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"license": "gpl-9"}, "No licence of the list"),
        ({"language": "English"}, "language"),
        ({"yaml": "license: [", "license": "mpl-2.0"}, "The metadata is not YAML"),
        ({"yaml": "a: 1\na: 2"}, "line 3"),
        ({"yaml": "{license: mit}", "license": "mpl-2.0"}, "use YAML"),
    ],
)
def test_what_cannot_be_published_is_told_and_nothing_typed_is_lost(
    client: TestClient, alice: Browser, path: str, fields: dict[str, str], told: str
) -> None:
    refused = send(alice, path, 422, text="# <b>Kept</b>", summary="My words", **fields)
    for words in ("Nothing was changed", told, "# &lt;b&gt;Kept&lt;/b&gt;", "My words", 'aria-invalid="true"'):
        assert words in refused.text, words
    for typed in fields.values():
        assert typed in unescape(refused.text), typed
    assert readme(client, path) == CARD


def test_a_look_changes_nothing_and_shows_what_would(client: TestClient, alice: Browser, path: str) -> None:
    shown = send(alice, path, 200, how="preview", license="apache-2.0", text="# Better\r\n\r\n![p](a.png)").text
    preview = shown[shown.index('id="preview"') :]
    assert "<del>&#34;mit&#34;</del>" in preview and "<ins>&#34;apache-2.0&#34;</ins>" in preview
    assert 'src="/alice/m/resolve/main/a.png"' in preview
    assert 'id="m-license" value="apache-2.0"' in shown
    assert "license: apache-2.0 # why" in shown
    assert readme(client, path) == CARD
    again = form(shown, "/card/edit")["fields"]
    assert '"license": "apache-2.0"' in again["was"]
    other = send(alice, path, 200, how="preview", license="other").text
    assert "its name is missing" in other
    assert other.index('id="m-license_name"') < other.index("More fields")


def test_a_script_gets_the_look_alone(client: TestClient, alice: Browser, path: str) -> None:
    fields = form(alice.get(f"/{path}/card/edit"), "/card/edit")["fields"]
    sent = fields | {"how": "preview", "yaml": YAML, "text": "<script>alert(1)</script>\n\n**b** @alice"}
    answer = client.post(
        f"/{path}/card/edit", data=sent, headers=alice.headers | PART | {"HX-Target": "section#preview"}
    )
    assert answer.status_code == 200
    assert answer.text.strip().startswith('<section class="card-preview')
    assert "<strong>b</strong>" in answer.text and "<script" not in answer.text
    forged = client.post(f"/{path}/card/edit", data=sent | {"csrf": "x"}, headers=alice.headers | PART)
    assert forged.status_code == 403


@pytest.mark.parametrize("was", ["", "[", "[]", '{"license": 1, "x": {}}', "[" * 10_000, "null"])
def test_a_broken_memory_of_the_fields_changes_nothing(client: TestClient, alice: Browser, path: str, was: str) -> None:
    send(alice, path, was=was, license="apache-2.0")
    assert readme(client, path) == CARD


def test_who_may_not_write_proposes(client: TestClient, charlie: Browser, path: str) -> None:
    assert 'value="commit"' not in charlie.get(f"/{path}/card/edit")
    made = send(charlie, path, how="pull", license="apache-2.0")
    assert made.headers["location"] == f"/{path}/discussions/1"
    assert readme(client, path) == CARD
    assert "license: apache-2.0" in readme(client, path, "refs%2Fpr%2F1")


def test_a_card_that_changed_meanwhile_is_told(client: TestClient, cast: Cast, alice: Browser, path: str) -> None:
    seen = client.get(f"/api/models/{path}/commits/main").json()[0]["id"]
    committed(client, cast.alice, path, file("README.md", "# Another\n"))
    refused = send(alice, path, 412, parent=seen, license="apache-2.0")
    assert "moved on while this page was open" in refused.text
    assert readme(client, path) == "# Another\n"


def test_a_branch_has_a_card_of_its_own(client: TestClient, cast: Cast, alice: Browser, path: str) -> None:
    client.post(f"/api/models/{path}/branch/dev", headers=cast.alice.headers, json={})
    made = send(alice, path, query="?revision=dev", license="apache-2.0")
    assert made.headers["location"] == f"/{path}/blob/dev/README.md"
    assert readme(client, path) == CARD
    assert "apache-2.0" in readme(client, path, "dev")
    alice.get(f"/{path}/card/edit?revision=none", 404)


def test_a_card_with_broken_metadata_says_where_and_is_mended(
    app: Starlette, client: TestClient, alice: Browser, path: str
) -> None:
    broken = b"---\nlicense: mit\ntags: [a\n---\n# A model\n"
    given.commit(app, path, [Put("README.md", broken)])
    shown = alice.get(f"/{path}")
    assert "The metadata cannot be read" in shown and "line" in shown and "A model" in shown
    assert "The metadata is not YAML" in alice.get(f"/{path}/card/edit")
    send(alice, path, yaml="license: mit\ntags: [a]", text="# A model\n")
    assert readme(client, path) == "---\nlicense: mit\ntags: [a]\n---\n# A model\n"


@pytest.mark.parametrize("kind", ["dataset", "space"])
def test_other_kinds_have_their_fields(client: TestClient, cast: Cast, alice: Browser, kind: str) -> None:
    made = {"name": "d", "type": kind, "sdk": "static"}
    assert client.post("/api/repos/create", json=made, headers=cast.alice.headers).status_code == 200
    path = "alice/d"
    page = alice.get(f"/{kind}s/{path}/card/edit")
    for key in {"dataset": ("task_categories", "size_categories"), "space": ("sdk", "colorFrom", "emoji")}[kind]:
        assert f'id="m-{key}"' in page


# ---- words of a thread -----------------------------------------------------------------------------------------------


def test_words_are_shown_as_a_thread_would(client: TestClient, cast: Cast, charlie: Browser, path: str) -> None:
    opened(client, cast.alice, path)
    fields = form(charlie.get(f"/{path}/discussions/new"), "/new")["fields"]
    sent = {"csrf": fields["csrf"], "text": "See #1 and #2, @alice: **b** <img src=x onerror=y>"}
    answer = client.post(f"/{path}/preview", data=sent, headers=charlie.headers | PART | {"HX-Target": "div#words"})
    assert answer.text.strip().startswith('<div class="prose is-small">')
    assert f'href="/{path}/discussions/1"' in answer.text and "discussions/2" not in answer.text
    assert 'href="/alice"' in answer.text and "onerror" not in answer.text
    assert client.post(f"/{path}/preview", data=sent | {"csrf": ""}, headers=charlie.headers | PART).status_code == 403


def test_no_words_are_shown_about_what_one_may_not_read(
    client: TestClient, cast: Cast, charlie: Browser, path: str
) -> None:
    secret = repo(client, cast.alice, "secret", private=True)
    token = form(charlie.get(f"/{path}/discussions/new"), "/new")["fields"]["csrf"]
    for page in ("preview", "card/edit"):
        answer = client.post(f"/{secret}/{page}", data={"csrf": token, "text": "x"}, headers=charlie.headers | PART)
        assert answer.status_code == 404, page
