"""A new repository made in a browser: named, licensed, seen by whom its owner says, with a card to begin with."""

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.accounts.tables import Account
from freehold.cards import rules as cards
from freehold.content.rules import first_card
from freehold.repos import licences
from freehold.repos.rules import checked_name, suggested_name
from tests.fixtures.people import Cast
from tests.repos.test_pages import Browser


@pytest.fixture
def alice(app: Starlette, cast: Cast) -> Browser:
    return Browser(app, cast.alice)


def test_a_model_starts_with_a_card_and_its_first_steps(client: TestClient, alice: Browser) -> None:
    made = alice.send(
        "/new", kind="model", namespace="alice", name=" tiny ", licence="llama3.1", card="yes", visibility="public"
    )
    assert (made.status_code, made.headers["location"]) == (303, "/alice/tiny/upload/main")
    card = client.get("/alice/tiny/resolve/main/README.md").text
    assert card.startswith("---\nlicense: llama3.1\n---\n\n# tiny\n") and "## Limits" in card
    told = client.get("/api/models/alice/tiny").json()
    assert told["cardData"] == {"license": "llama3.1"} and "license:llama3.1" in told["tags"]
    steps = alice.see("/alice/tiny/upload/main")
    assert "Bring the first files" in steps and "alice/tiny is there" in steps and "hf upload alice/tiny ." in steps
    assert len(client.get("/api/models/alice/tiny/commits/main").json()) == 1


def test_without_a_card_there_is_none_unless_a_licence_is_named(client: TestClient, alice: Browser) -> None:
    for name, fields in (("bare", {}), ("licensed", {"licence": "mit"}), ("odd", {"licence": "<script>"})):
        assert alice.send("/new", kind="dataset", namespace="alice", name=name, **fields).status_code == 303
    files = {
        name: [one["path"] for one in client.get(f"/api/datasets/alice/{name}/tree/main").json()]
        for name in ("bare", "licensed", "odd")
    }
    assert files == {
        "bare": [".gitattributes"], "licensed": [".gitattributes", "README.md"], "odd": [".gitattributes"]
    }  # fmt: skip


def test_a_space_keeps_what_its_card_must_say(client: TestClient, alice: Browser) -> None:
    assert 'name="sdk"' in alice.see("/new?kind=space")
    alice.send("/new", kind="space", namespace="alice", name="my-app", sdk="gradio", licence="mit", card="yes")
    card = client.get("/spaces/alice/my-app/resolve/main/README.md").text
    assert 'title: "My App"' in card and "sdk: gradio" in card and "license: mit" in card
    refused = alice.send("/new", kind="space", namespace="alice", name="other", sdk="cobol", licence="mit")
    assert refused.status_code == 422 and 'value="mit" selected' in refused.text


@pytest.mark.parametrize("kind", ["model", "dataset", "space"])
@pytest.mark.parametrize("licence", ["", "cc-by-4.0"])
def test_a_first_card_is_one_that_may_be_published(kind: str, licence: str) -> None:
    found = cards.validate(first_card(kind, "n.o_rd-1", "docker" if kind == "space" else None, licence), kind)
    assert found.errors == () and found.data.get("license", "") == licence


def test_a_name_that_cannot_be_has_one_like_it(client: TestClient, alice: Browser) -> None:
    refused = alice.send("/new", kind="model", namespace="alice", name="Smol LM2", licence="mit", card="yes")
    assert refused.status_code == 422
    for words in ("was not created", "Smol-LM2", 'value="Smol LM2"', 'aria-invalid="true"', 'value="mit" selected'):
        assert words in refused.text, words
    assert alice.send("/new", kind="model", namespace="alice", name="a").status_code == 303
    taken = alice.send("/new", kind="model", namespace="alice", name="A")
    assert taken.status_code == 422 and "already" in taken.text


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [("Smol LM2", "Smol-LM2"), ("  --x..y--z.git ", "x.y-z"), ("Émile", "Emile"), ("日本", ""), ("a/b", "a-b"),
     ("x" * 200, "x" * 96), ("<b>&", "b"), (".git.git", ""), ("", "")],
)  # fmt: skip
def test_names_are_suggested(typed: str, suggested: str) -> None:
    assert suggested_name(typed) == suggested
    assert not suggested or checked_name(suggested)


def test_a_name_is_checked_while_it_is_typed(app: Starlette, client: TestClient, cast: Cast, alice: Browser) -> None:
    def ask(who: Browser, **query: str) -> dict[str, str]:
        answer = who.client.get("/new/name", params=query)
        assert answer.status_code == 200, answer.text
        found: dict[str, str] = answer.json()
        return found

    client.post("/api/repos/create", json={"name": "tiny", "private": True}, headers=cast.alice.headers)
    assert ask(alice, name="free") == {"problem": "", "suggestion": ""}
    assert "already" in ask(alice, name="Tiny")["problem"]
    assert ask(alice, name="a b", namespace="lab")["suggestion"] == "a-b"
    charlie = Browser(app, cast.charlie)
    others = [ask(charlie, name=name, namespace="alice") for name in ("tiny", "free")]
    assert others[0] == others[1] and others[0]["problem"], "which tells a stranger nothing"
    assert "Sign in" in TestClient(app, base_url="http://hub.test").get("/new/name?name=x").json()["problem"]


def test_an_organisation_says_what_is_usual(app: Starlette, cast: Cast, alice: Browser) -> None:
    with app.state.database.write() as db:
        db.query(Account).filter(Account.name == "lab").one().private_by_default = True
    shown = alice.see("/new?owner=lab")
    assert '<option data-usual="private" selected>lab' in shown
    assert 'value="private" id="v1" checked' in shown and 'value="public" id="v2" checked' in alice.see("/new")
    alice.send("/new", kind="model", namespace="lab", name="quiet")
    assert TestClient(app, base_url="http://hub.test").get("/api/models/lab/quiet").status_code == 401


def test_nobody_creates_elsewhere(app: Starlette, client: TestClient, cast: Cast) -> None:
    charlie = Browser(app, cast.charlie)
    assert ">lab<" not in charlie.see("/new").split('name="namespace"')[1].split("</select>")[0]
    assert charlie.send("/new", kind="model", namespace="lab", name="x").status_code == 422
    assert client.get("/api/models/lab/x").status_code == 401
    visitor = client.get("/new?kind=space", headers={"accept": "text/html"})
    assert visitor.headers["location"] == "/login?next=/new%3Fkind%3Dspace"
    assert client.post("/new", data={"name": "x"}).status_code in (401, 403)


def test_what_goes_is_said_before_a_repository_is_deleted(client: TestClient, cast: Cast, alice: Browser) -> None:
    alice.send("/new", kind="model", namespace="alice", name="tiny", card="yes")
    said = {"title": "A question", "description": "", "pullRequest": False}
    client.post("/api/models/alice/tiny/discussions", json=said, headers=cast.alice.headers)
    page = alice.see("/alice/tiny/settings").split('id="delete"')[1]
    assert "2 files with their history" in page and "1 discussion or pull request;" in page


def test_every_licence_is_named_once() -> None:
    listed = [name for group in licences.GROUPS.values() for name in group]
    assert sorted(listed) == sorted(licences.WORDS) == sorted(cards.LICENSES)
