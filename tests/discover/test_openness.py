"""How open is it: on pages, over the API, and kept up with what it rests on."""

import re
from typing import Any

from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.cards.tables import RepoOpenness
from freehold.cards.tasks import openness_backfill
from freehold.repos.tables import Repo
from tests.cards.test_headers import safetensors_file
from tests.discover.conftest import CONFIG, Publish
from tests.discover.test_lineage import card, side
from tests.fixtures.people import Cast, Person

ASKED = "How open is it?"
TENSOR = {"a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}
WEIGHTS: dict[str, Any] = {"model.safetensors": safetensors_file(TENSOR, 16), "config.json": CONFIG}
ROWS = {"train.csv": "depth,hour\n" + "2.31,4\n" * 40}


def kept(app: Starlette, path: str, kind: str = "model") -> dict[str, str]:
    """What lists know, once all tasks are done."""
    app.state.worker.drain()
    query = select(RepoOpenness).join(Repo, Repo.id == RepoOpenness.repo_id)
    with app.state.database.read() as db:
        row = db.scalar(query.where(Repo.path_key == path, Repo.kind == kind))
        return row.values() if row is not None else {}


def panel(client: TestClient, address: str, person: Person) -> str:
    text = side(client, address, person)
    return re.sub(r" ([;,.])", r"\1", text[text.index(ASKED) :])


def told(client: TestClient, path: str, person: Person, kind: str = "models") -> dict[str, Any]:
    answer = client.get(f"/api/{kind}/{path}/openness", headers=person.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["dimensions"]
    return found


def test_the_panel_says_six_answers_and_what_they_rest_on(
    client: TestClient, cast: Cast, publish: Publish, app: Starlette
) -> None:
    publish(cast.alice.actor, "lab/tides", card(license="cc-by-4.0") | ROWS, kind="dataset")
    app.state.worker.drain()
    files = card(license="mit", datasets="lab/tides") | WEIGHTS | {"train.py": "print('train')\n" * 20}
    publish(cast.alice.actor, "lab/gauge", files)
    text = panel(client, "/lab/gauge", cast.anonymous)
    assert text.startswith(
        f"{ASKED} Weights open Code open Data open Recipe partly Evaluation unknown Licence open Open weights under an "
        "open licence; the data is here; the code that runs and made it is here; the recipe is told in part; no "
        "evaluation is told. What this rests on Weights: open"
    )
    assert "model.safetensors its header could be read" in text
    assert "lab/tides data there: open; licence: open" in text
    page = client.get("/lab/gauge", headers={"accept": "text/html"}).text
    assert 'href="/lab/gauge/blob/main/train.py"' in page and 'href="/-/licences#mit"' in page
    rows = panel(client, "/datasets/lab/tides", cast.anonymous)
    assert rows.startswith(f"{ASKED} Data open Code unknown Origin unknown Licence open")
    assert kept(app, "lab/gauge") == {
        "weights": "open",
        "code": "open",
        "data": "open",
        "recipe": "partly",
        "evaluation": "unknown",
        "licence": "open",
    }
    rules = client.get("/-/openness", headers={"accept": "text/html"}).text
    assert "How openness is read" in rules


def test_a_neighbour_that_one_may_not_see_is_not_named_and_does_not_count(
    app: Starlette, client: TestClient, cast: Cast, publish: Publish
) -> None:
    publish(cast.alice.actor, "lab/hush", card(license="mit") | ROWS, kind="dataset", private=True)
    publish(cast.alice.actor, "lab/made", card(license="mit", datasets="lab/hush") | WEIGHTS)
    publish(cast.charlie.actor, "charlie/guess", card(license="mit", datasets="lab/hush") | WEIGHTS)
    assert kept(app, "lab/made")["data"] == "partly"
    assert told(client, "lab/made", cast.bob)["data"]["value"] == "open"
    for person in (cast.anonymous, cast.charlie):
        seen = told(client, "lab/made", person)["data"]
        assert seen["value"] == "partly"
        assert seen["evidence"] == [{"kind": "hidden", "what": "", "words": "trained on a repository you may not see"}]
        # Whoever writes a card must not be able to ask with it which private repositories there are.
        guess, nothing = (told(client, "charlie/guess", person)["data"] for _ in range(2))
        assert guess["evidence"][0]["kind"] == "absent" and guess == nothing
    assert client.get("/api/datasets/lab/hush/openness", headers=cast.charlie.headers).status_code == 404
    assert client.get("/api/models/lab/none/openness", headers=cast.charlie.headers).status_code == 404


def test_openness_follows_what_it_rests_on(app: Starlette, client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/m", card(license="mit", datasets="alice/d") | WEIGHTS)
    assert kept(app, "alice/m")["data"] == "partly"
    publish(cast.alice.actor, "alice/d", card(license="mit") | ROWS, kind="dataset")
    assert kept(app, "alice/m")["data"] == "open"
    gate = {"gated": "manual"}
    assert client.put("/api/datasets/alice/d/settings", json=gate, headers=cast.alice.headers).status_code == 200
    assert kept(app, "alice/d", "dataset")["data"] == "partly"
    assert kept(app, "alice/m")["data"] == "partly"
    assert client.put("/api/datasets/alice/d/settings", json={"gated": False}, headers=cast.alice.headers).is_success
    assert kept(app, "alice/m")["data"] == "open"
    gone = {"name": "d", "organization": "alice", "type": "dataset"}
    assert client.request("DELETE", "/api/repos/delete", json=gone, headers=cast.alice.headers).status_code == 200
    assert kept(app, "alice/m")["data"] == "partly"
    assert client.put("/api/models/alice/m/settings", json=gate, headers=cast.alice.headers).status_code == 200
    assert kept(app, "alice/m")["weights"] == "partly"


def test_a_base_counts_for_what_came_of_it(app: Starlette, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/tuned", card(license="mit", base_model="alice/base", datasets="alice/d") | WEIGHTS)
    publish(cast.alice.actor, "alice/d", card(license="mit") | ROWS, kind="dataset")
    publish(cast.alice.actor, "alice/base", card(license="mit") | WEIGHTS)
    assert kept(app, "alice/tuned")["data"] == "partly"
    publish(cast.alice.actor, "alice/base", card(license="mit", datasets="alice/d"))
    assert kept(app, "alice/tuned")["data"] == "open"
    # A circle settles, and is never more open for being one.
    publish(cast.alice.actor, "alice/base", card(license="mit", base_model="alice/tuned"))
    assert kept(app, "alice/tuned")["data"] == "partly"


def test_what_older_rules_read_is_read_anew(app: Starlette, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/m", card(license="mit") | WEIGHTS)
    assert kept(app, "alice/m")["licence"] == "open"
    with app.state.database.write() as db:
        row = db.scalars(select(RepoOpenness)).one()
        row.version, row.licence = 1, "closed"
    assert openness_backfill(app.state.database).turn() == 1
    assert kept(app, "alice/m")["licence"] == "open"
    assert openness_backfill(app.state.database).turn() == 0


def test_an_index_that_names_more_than_there_is(app: Starlette, cast: Cast, publish: Publish) -> None:
    index = '{"weight_map": {"a": "model.safetensors", "b": "rest.safetensors"}}'
    publish(cast.alice.actor, "alice/m", card(license="mit") | WEIGHTS | {"model.safetensors.index.json": index})
    assert kept(app, "alice/m")["weights"] == "partly"
    publish(cast.alice.actor, "alice/m", {"model.safetensors.index.json": "[[[" * 9_999})
    assert kept(app, "alice/m")["weights"] == "open"


def test_lists_are_narrowed_by_dimensions(app: Starlette, client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/d", card(license="mit") | ROWS, kind="dataset")
    publish(cast.alice.actor, "alice/open", card(license="mit", datasets="alice/d") | WEIGHTS)
    publish(cast.alice.actor, "alice/shut", card(license="cc-by-nc-4.0", datasets="[proprietary]") | WEIGHTS)
    publish(cast.alice.actor, "lab/hush", card(license="mit") | WEIGHTS, private=True)
    app.state.worker.drain()

    def listed(query: str, person: Person = cast.anonymous) -> list[str]:
        answer = client.get(f"/api/models?{query}", headers=person.headers)
        assert answer.status_code == 200, answer.text
        return sorted(one["id"] for one in answer.json())

    assert listed("open_weights=open") == ["alice/open", "alice/shut"]
    assert listed("open_weights=open&open_data=open") == ["alice/open"]
    assert listed("open_data=closed,unknown", cast.bob) == ["alice/shut", "lab/hush"]
    assert listed("openness=min:3") == ["alice/open"]
    page = client.get("/models?open=open_data,openness", headers={"accept": "text/html"}).text
    assert "How many are open" in page and 'href="/models?open_data=closed&amp;open=open_data%2Copenness"' in page
