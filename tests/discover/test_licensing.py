"""May one use it commercially: on pages, in lists, and followed up when what it rests on changes."""

import re
from typing import Any

from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.cards.tables import RepoVerdict
from freehold.cards.tasks import verdicts_backfill
from freehold.repos.tables import Repo
from tests.discover.conftest import Publish
from tests.discover.test_lineage import card, side
from tests.fixtures.people import Cast, Person

ASKED = "May I use it commercially?"


def kept(app: Starlette, path: str, kind: str = "model") -> str | None:
    """The verdict that lists know, once all tasks are done."""
    app.state.worker.drain()
    query = select(RepoVerdict.answer).join(Repo, Repo.id == RepoVerdict.repo_id)
    with app.state.database.read() as db:
        found: str | None = db.scalar(query.where(Repo.path_key == path, Repo.kind == kind))
        return found


def panel(client: TestClient, address: str, person: Person) -> str:
    text = side(client, address, person)
    return re.sub(r" ([;,.])", r"\1", text[text.index(ASKED) : text.index("How this is read")])


def test_the_panel_says_what_the_answer_rests_on(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/base", card(license="llama2"))
    publish(cast.alice.actor, "alice/tuned", card(base_model="alice/base", license="mit", datasets="lab/data"))
    publish(cast.alice.actor, "lab/data", card(license="cc-by-4.0"), kind="dataset")
    publish(cast.alice.actor, "lab/small", card(base_model="alice/tuned", license="mit"))
    text = panel(client, "/lab/small", cast.anonymous)
    assert text.startswith(f"{ASKED} with conditions lab/small mit fine-tuned from alice/tuned mit fine-tuned from.")
    assert "Limits: pass the same terms on" in text
    assert "contradiction The card says mit; alice/base is under llama2, which permits less." in text
    assert "lab/data cc-by-4.0 yes" in text
    assert "Llama 2 Community License, sections 1 and 2" in text
    assert panel(client, "/datasets/lab/data", cast.anonymous).startswith(f"{ASKED} yes lab/data cc-by-4.0")


def test_a_hidden_base_is_unresolved_and_keeps_its_licence(
    app: Starlette, client: TestClient, cast: Cast, publish: Publish
) -> None:
    publish(cast.alice.actor, "lab/hush", card(license="cc-by-nc-4.0"), private=True)
    publish(cast.alice.actor, "lab/tuned", card(base_model="lab/hush", license="mit"))
    publish(cast.charlie.actor, "charlie/guess", card(base_model="lab/hush", license="mit"))
    text = panel(client, "/lab/tuned", cast.anonymous)
    assert text.startswith(f"{ASKED} unresolved")
    assert "a repository you may not see" in text
    for address in ("/lab/tuned", "/charlie/guess"):
        shown = panel(client, address, cast.charlie)
        assert "unresolved" in shown
        assert "cc-by-nc" not in shown and "NonCommercial" not in shown
    assert "a repository you may not see" not in panel(client, "/charlie/guess", cast.charlie)
    assert panel(client, "/lab/tuned", cast.bob).startswith(f"{ASKED} no")
    assert kept(app, "lab/tuned") == "unresolved"


def test_verdicts_follow_what_they_rest_on(app: Starlette, client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/q", card(base_model="alice/t", license="mit"))
    publish(cast.alice.actor, "alice/t", card(base_model="alice/b", license="mit"))
    assert kept(app, "alice/q") == "unresolved"
    publish(cast.alice.actor, "alice/b", card(license="apache-2.0"))
    assert kept(app, "alice/q") == "yes"
    publish(cast.alice.actor, "alice/b", card(license="cc-by-nc-4.0"))
    assert kept(app, "alice/q") == "no"
    publish(cast.alice.actor, "alice/b", card(license="gemma"))
    assert kept(app, "alice/q") == "conditions"
    hide: dict[str, Any] = {"private": True}
    assert client.put("/api/models/alice/b/settings", json=hide, headers=cast.alice.headers).status_code == 200
    assert kept(app, "alice/q") == "unresolved"
    assert client.put("/api/models/alice/b/settings", json={"private": False}, headers=cast.alice.headers).is_success
    moved = {"fromRepo": "alice/b", "toRepo": "alice/other", "type": "model"}
    assert client.post("/api/repos/move", json=moved, headers=cast.alice.headers).status_code == 200
    assert kept(app, "alice/q") == "conditions"
    gone = {"name": "other", "organization": "alice", "type": "model"}
    assert client.request("DELETE", "/api/repos/delete", json=gone, headers=cast.alice.headers).status_code == 200
    assert kept(app, "alice/q") == "unresolved"


def test_what_an_adapter_is_for_is_read_from_its_files(app: Starlette, cast: Cast, publish: Publish) -> None:
    config = '{"peft_type": "LORA", "base_model_name_or_path": "Alice/Base"}'
    publish(cast.alice.actor, "alice/lora", card(license="mit") | {"adapter_config.json": config})
    assert kept(app, "alice/lora") == "unresolved"
    publish(cast.alice.actor, "alice/base", card(license="cc-by-nc-4.0"))
    assert kept(app, "alice/lora") == "no"
    publish(cast.alice.actor, "alice/blind", card(license="mit") | {"adapter_config.json": '{"peft_type": "LORA"}'})
    assert kept(app, "alice/blind") == "unresolved"


def test_names_that_lead_nowhere_and_too_many_are_no_yes(app: Starlette, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/b", card(license="mit"))
    cards = {
        "plain": card(license="mit", base_model="gpt2"),
        "odd": card(license="mit", base_model="[alice/b, {a: b}]"),
        "data": card(license="mit", datasets="squad"),
        "many": card(license="mit", base_model=f"[{', '.join(['alice/b'] * 10_000)}]"),
        "self": card(license="mit", base_model="alice/self"),
    }
    for name, files in cards.items():
        publish(cast.alice.actor, f"alice/{name}", files)
        assert kept(app, f"alice/{name}") == "unresolved", name
    publish(cast.alice.actor, "alice/fine", card(license="mit", base_model="[alice/b, Alice/B]"))
    assert kept(app, "alice/fine") == "yes"


def test_a_chain_deeper_than_is_followed_is_unresolved(app: Starlette, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/m0", card(license="mit"))
    for number in range(1, 15):
        publish(cast.alice.actor, f"alice/m{number}", card(license="mit", base_model=f"alice/m{number - 1}"))
    assert kept(app, "alice/m12") == "yes"
    assert kept(app, "alice/m13") == "unresolved"


def test_what_an_older_table_said_is_judged_anew(app: Starlette, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/m", card(license="mit"))
    assert kept(app, "alice/m") == "yes"
    rejudge = verdicts_backfill(app.state.database)
    with app.state.database.write() as db:
        row = db.scalars(select(RepoVerdict)).one()
        row.version, row.answer = 1, "no"
    assert rejudge.turn() == 1
    assert kept(app, "alice/m") == "yes"
    assert verdicts_backfill(app.state.database).turn() == 0


def test_the_table_of_licences_is_a_page(client: TestClient) -> None:
    text = client.get("/-/licences", headers={"accept": "text/html"}).text
    rows = re.findall(r'<tr id="([^"]+)">', text)
    assert {"apache-2.0", "llama3.1", "cc-by-nc-4.0", "qwen-research", "openrail++"} <= set(rows)
    assert "CC BY-NC 4.0, sections 1(i) and 2(a)(1)" in text


def test_lists_are_narrowed_by_the_verdict(app: Starlette, client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/free", card(license="mit"))
    publish(cast.alice.actor, "alice/shut", card(license="cc-by-nc-4.0"))
    publish(cast.alice.actor, "alice/gem", card(license="gemma"))
    publish(cast.alice.actor, "alice/silent", card(tags="[a]"))
    publish(cast.alice.actor, "lab/hush", card(license="mit"), private=True)
    app.state.worker.drain()
    page = client.get("/models", headers={"accept": "text/html"}).text
    found = re.search(r"Commercial use<.*?</details>", page, re.DOTALL)
    assert found is not None
    told = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0]))
    assert "Yes 1 With conditions 1 Unresolved 1 No 1" in told  # lab/hush counts for its people alone
    page = client.get("/models?commercial=yes", headers={"accept": "text/html"} | cast.bob.headers).text
    assert "lab/hush" in re.sub(r"</?[^>]+>", "", page) and "alice/shut" not in re.sub(r"<[^>]+>", "", page)
    listed = client.get("/api/models?commercial=yes,conditions").json()
    assert {one["id"] for one in listed} == {"alice/free", "alice/gem"}
    assert client.get("/api/models?commercial=maybe").status_code == 400
    nothing = client.get("/datasets?commercial=no", headers={"accept": "text/html"}).text
    assert "Commercial use" in nothing and "matches this filter" in nothing
