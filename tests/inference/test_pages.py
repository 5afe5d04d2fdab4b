"""Endpoints as a browser sees them: deployed, changed and removed by forms, and shown to whom they are."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.core import clock
from freehold.core.database import Database
from freehold.inference import following, snippets
from freehold.inference.processes import Seen
from freehold.inference.tables import Endpoint
from tests.discover.conftest import Publish
from tests.discover.conftest import publish as publish  # the fixture
from tests.fixtures.hub import BASE_URL
from tests.fixtures.people import Cast
from tests.inference.conftest import ServeRow
from tests.people.test_pages import Browser
from tests.people.test_pages import browser as browser  # the fixture

NEW = "/endpoints/new?model=alice/tiny"


@pytest.fixture
def tiny(publish: Publish, cast: Cast, tiny_gguf: Path) -> str:
    return publish(cast.alice.actor, "alice/tiny", {"tiny.gguf": tiny_gguf.read_bytes()})


def deployed(client: TestClient, cast: Cast, **body: object) -> str:
    answer = client.post(
        "/api/endpoints", json={"model": "alice/tiny", "context": 256, **body}, headers=cast.alice.headers
    )
    assert answer.status_code == 201, answer.text
    return f"/endpoints/{answer.json()['id']}"


def test_a_model_is_deployed_from_its_page(
    app: Starlette, cast: Cast, browser: Callable[..., Browser], tiny: str, database: Database
) -> None:
    alice = browser(cast.alice)
    assert NEW in alice.see("/alice/tiny")
    page = alice.see(NEW)
    assert "llama.cpp" in page
    assert "tiny.gguf" in page
    assert tiny[:7] in page
    refused = alice.send("/endpoints", page=NEW, model="alice/tiny", context="many", name="mine")
    assert refused.status_code == 422
    assert "is no whole number" in refused.text
    assert 'value="mine"' in refused.text, "what was typed stays"
    made = alice.send("/endpoints", page=NEW, model="alice/tiny", context="256", temperature="0.3", keep_warm="1")
    assert made.status_code == 303
    shown = alice.see(made.headers["location"])
    for words in ("sleeping, loads at a call", "curl", "/v1/chat/completions", "InferenceClient", "Save settings"):
        assert words in shown
    with database.read() as db:
        row = db.scalars(select(Endpoint)).one()
        assert (row.name, row.defaults, row.keep_warm, row.context_tokens) == (
            "alice/tiny", {"temperature": 0.3}, True, 256,
        )  # fmt: skip
    assert "Answers here" in alice.see("/alice/tiny")
    again = alice.send("/endpoints", page=NEW, model="alice/tiny")
    assert again.status_code == 422
    assert "served name of another endpoint" in again.text


def test_a_page_of_a_model_that_does_not_fit_says_what_would(
    new_app: Callable[..., Starlette], cast: Cast, tiny: str
) -> None:
    alice = Browser(new_app(run_memory=45_000_000), cast.alice)
    page = alice.see(f"{NEW}&context=2048&parallel=64")
    assert "It does not fit as asked." in page and "What fits:" in page
    refused = alice.send("/endpoints", page=NEW, model="alice/tiny", context="2048", parallel="64")
    assert refused.status_code == 422 and "What fits:" in refused.text
    longer = alice.see(f"{NEW}&context=4000000&parallel=1")
    assert re.search(r"It reads [\d,]+ tokens at most, and gets as many", longer)


def test_one_that_is_not_signed_in_is_asked_to(
    app: Starlette, cast: Cast, browser: Callable[..., Browser], tiny: str
) -> None:
    nobody = browser()
    assert "/endpoints/new" not in nobody.see("/alice/tiny")
    assert nobody.client.get(NEW).headers["location"].startswith("/login?next=")
    assert "None yet" in nobody.see("/endpoints")


def test_its_owners_change_switch_and_remove_it(
    app: Starlette, client: TestClient, cast: Cast, browser: Callable[..., Browser], tiny: str, database: Database
) -> None:
    at, alice = deployed(client, cast), browser(cast.alice)
    form = {"context": "256", "parallel": "3", "replicas": "1", "idle": "5", "defaults": '{"top_p": 0.5}'}
    assert alice.send(at, page=at, **form).status_code == 303
    wrong = alice.send(at, page=at, **(form | {"defaults": "[1]"}))
    assert wrong.status_code == 422
    assert "are a JSON object" in wrong.text
    with database.read() as db:
        row = db.scalars(select(Endpoint)).one()
        assert (row.parallel, row.idle_s, row.defaults, row.keep_warm) == (3, 300, {"top_p": 0.5}, False)
    assert alice.send(f"{at}/switch", page=at).status_code == 303
    assert 'data-s="off">off<' in alice.see(at)
    assert alice.send(f"{at}/switch", page=at, on="1").status_code == 303
    missing = alice.send(f"{at}/adapters", page=at, adapter="alice/no-such")
    assert missing.status_code == 422
    assert 'name="idle" value="5"' in missing.text, "saving the settings now would lose none of them"
    assert alice.send(f"{at}/remove", page=at).status_code == 303
    alice.see(at, 404)


def test_a_newer_commit_is_offered_and_pinned(
    app: Starlette, client: TestClient, cast: Cast, browser: Callable[..., Browser], tiny: str, publish: Publish
) -> None:
    at, alice = deployed(client, cast), browser(cast.alice)
    assert "Answer from" not in alice.see(at)
    newer = publish(cast.alice.actor, "alice/tiny", {"README.md": "# Newer"})
    assert f"Answer from {newer[:7]}" in alice.see(at)
    assert alice.send(f"{at}/pin", page=at, revision=newer).status_code == 303
    assert "Answer from" not in alice.see(at)


#: Who sees an endpoint's page, its settings, and the endpoint on the list: of a private model, and of a public one.
SEEN = {
    ("alice/hidden", "alice"): (200, True),
    ("alice/hidden", "bob"): (404, False),
    ("alice/hidden", "anonymous"): (404, False),
    ("alice/hidden", "root"): (200, True),
    ("lab/open", "alice"): (200, True),
    ("lab/open", "bob"): (200, True),
    ("lab/open", "charlie"): (200, False),
    ("lab/open", "anonymous"): (200, False),
}


def test_pages_show_what_their_visitor_may_know(
    app: Starlette, cast: Cast, browser: Callable[..., Browser], serve_row: ServeRow
) -> None:
    ids = {
        name: serve_row(cast.alice.actor, name, private=name == "alice/hidden") for name in ("alice/hidden", "lab/open")
    }
    found = {}
    for name, who in SEEN:
        visitor = browser(getattr(cast, who) if who != "anonymous" else None)
        answer = visitor.client.get(f"/endpoints/{ids[name]}", headers={"accept": "text/html"})
        found[name, who] = (answer.status_code, "Save settings" in answer.text)
        assert (ids[name] in visitor.see("/endpoints")) == (answer.status_code == 200)
        if answer.status_code == 404:
            assert "alice/hidden" not in answer.text
    assert found == SEEN


def test_a_key_is_shown_nowhere(
    app: Starlette,
    cast: Cast,
    browser: Callable[..., Browser],
    serve_row: ServeRow,
    database: Database,
    client: TestClient,
) -> None:
    sealed = app.state.kit.sealer.seal("endpoint key x", "sk-very-secret")
    at = serve_row(cast.alice.actor, "alice/far", remote=True, sealed_key=sealed)
    page = browser(cast.alice).see(f"/endpoints/{at}")
    told = client.get(f"/api/endpoints/{at}", headers=cast.alice.headers)
    for text in (page, told.text):
        assert "sk-very-secret" not in text
        assert sealed not in text
    assert told.json()["hasKey"] is True


@pytest.mark.parametrize(
    "abilities",
    [["chat"], ["completions"], ["embeddings"], ["rerank"], ["classification"], ["text-to-speech"], []],
)
def test_code_to_copy_names_the_hub_and_the_model(abilities: list[str]) -> None:
    found = snippets.of(BASE_URL, "alice/tiny", abilities)
    assert found[0].key == "curl"
    assert all(BASE_URL in one.code for one in found)
    assert "alice/tiny" in found[0].code
    for one in found:
        if "python" in one.key or one.key == "hub":
            compile(one.code, one.key, "exec")
        assert not re.search(r"{{|}}", one.code)


def test_a_picture_is_sent_as_it_is() -> None:
    shell, python = (one.code for one in snippets.of(BASE_URL, "alice/tiny", ["image-to-text"]))
    assert "--data-binary @picture.png" in shell and "image/png" in shell
    assert 'client.image_to_text("picture.png")' in python and f"{BASE_URL}/models/alice/tiny" in python


def test_administrators_see_every_replica_and_others_none(
    app: Starlette, cast: Cast, browser: Callable[..., Browser], serve_row: ServeRow, database: Database
) -> None:
    endpoint = serve_row(cast.alice.actor, "alice/hidden", private=True)
    seen = Seen(endpoint, "alice/hidden", 0, "failed", clock.now(), "It was killed.", 5_000_000, 3, clock.now())
    with database.write() as db:
        following.tell(db, "other:8000", [seen])
    page = browser(cast.root).see("/admin/models")
    assert "other:8000" in page
    assert "It was killed." in page
    browser(cast.bob).see("/admin/models", 403)
    assert "It was killed." in browser(cast.alice).see(f"/endpoints/{endpoint}")
    with clock.frozen(clock.now() + timedelta(minutes=5)):
        assert "other:8000" not in browser(cast.root).see("/admin/models"), "that node fell silent"
