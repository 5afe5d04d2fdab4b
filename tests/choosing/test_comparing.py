"""Repositories side by side: what the columns say, what is said of those that are not there, and files of it."""

import csv
import html
import io
import re
from typing import Any

import pytest
from sqlalchemy import update
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.testclient import TestClient

from freehold.choosing import rules
from freehold.choosing.cells import Cell, marked
from freehold.repos.tables import Repo
from tests.choosing.conftest import Publish, card, scored, tensors
from tests.fixtures.each import each
from tests.fixtures.people import Cast, Person

OPEN = "How open it is"
ABSENT = "There is no model of this name here as far as you see."


def told(client: TestClient, query: str, person: Person, status: int = 200) -> dict[str, Any]:
    answer = client.get(f"/api/compare?{query}", headers=person.headers)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def rows(found: dict[str, Any], group: str = "") -> dict[str, list[str]]:
    """What is said, by label: of all groups but that of openness, whose labels are others' too, or of one."""
    groups = [one for one in found["groups"] if one["label"] == group or (not group and one["label"] != OPEN)]
    return {row["label"]: [cell["value"] for cell in row["cells"]] for one in groups for row in one["rows"]}


def page(client: TestClient, query: str, person: Person, status: int = 200) -> str:
    answer = client.get(f"/compare?{query}", headers={"accept": "text/html"} | person.headers)
    assert answer.status_code == status, answer.text
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", answer.text)))


# ---- addresses ---------------------------------------------------------------------------------------------


@pytest.mark.rules
def test_an_address_says_all_of_a_comparison() -> None:
    asked = rules.read(QueryParams("models=a/b&models=/A/B,c/d&datasets=e/f&models=datasets/g/h&machine=cpu-8&x=1"))
    assert [(name.kind, name.path) for name in asked.names] == [
        ("model", "a/b"), ("model", "c/d"), ("dataset", "g/h"), ("dataset", "e/f"),
    ]  # fmt: skip
    assert asked.folded == ["A/B"]
    again = rules.read(QueryParams(asked.address().partition("?")[2]))
    assert (again.names, again.more) == (asked.names, asked.more)
    assert "only=differences" in asked.toggled()
    assert rules.read(QueryParams("datasets=e/f")).kind == "dataset"
    assert len(rules.read(QueryParams(f"models={','.join(f'a/{n}' for n in range(5000))}")).names) == rules.MAX_NAMES


@pytest.mark.rules
@pytest.mark.parametrize(
    ("numbers", "best"),
    [((1, 3, None), [1]), ((3, 3), []), ((3,), []), ((None, 2, None), []), ((1, 2, 2), [1, 2])],
)
def test_the_best_is_marked_only_where_there_is_one(numbers: tuple[float | None, ...], best: list[int]) -> None:
    found = marked([Cell("x", number=number, best="highest") for number in numbers])
    assert [at for at, cell in enumerate(found) if cell.best] == best


# ---- columns -----------------------------------------------------------------------------------------------


def test_models_stand_side_by_side_with_where_each_thing_is_from(
    client: TestClient, cast: Cast, publish: Publish
) -> None:
    config = {"config.json": '{"model_type": "llama", "max_position_embeddings": 2048}'}
    base = card(license="llama2", pipeline_tag="text-generation", language="en") | {"model.safetensors": tensors(500)}
    publish(cast.alice.actor, "alice/base", base | config | {".eval_results/b.yaml": scored(70)})
    tuned = card(base_model="alice/base", license="mit", pipeline_tag="text-generation")
    publish(
        cast.alice.actor,
        "alice/tuned",
        tuned | {".eval_results/b.yaml": scored(75.5), ".eval_results/c.yaml": scored(1, task="other")},
    )
    found = told(client, "models=alice/base&models=alice/tuned", cast.anonymous)
    said = rows(found)
    assert said["Task"] == ["Text generation", "Text generation"]
    assert said["Parameters"] == ["500", "not known"]
    assert said["Context"] == ["2,048 tokens", "not known"]
    assert said["Licence"] == ["llama2", "mit"]
    assert said["Commercial use"] == ["with conditions", "with conditions"]
    assert said["Decided by"] == ["its own licence", "alice/base"]
    assert said["Made from"] == ["no base is named", "alice/base"]
    assert said["Made from it here"] == ["1 fine-tune", ""]
    assert said["lab/bench · main"] == ["70", "75.5"]
    assert "lab/bench · other" not in said
    assert rows(found, OPEN)["Weights"] == ["open", "unknown"]
    cells = {row["label"]: row["cells"] for group in found["groups"] if group["label"] != OPEN for row in group["rows"]}
    assert [cell.get("evidence") for cell in cells["Parameters"]] == ["computed", "unknown"]
    assert cells["Commercial use"][1]["mark"] == "conditions"
    assert cells["Decided by"][1]["why"].startswith("fine-tuned from: ")
    assert [cell.get("best") for cell in cells["lab/bench · main"]] == [None, "highest"]
    assert all(not cell.get("best") for cell in cells["Parameters"])
    assert "1 score more that only one of them has" in page(client, "models=alice/base,alice/tuned", cast.anonymous)


def test_only_what_differs_is_shown_on_request(client: TestClient, cast: Cast, publish: Publish) -> None:
    for name, licence in (("one", "mit"), ("two", "apache-2.0")):
        publish(cast.alice.actor, f"alice/{name}", card(license=licence, pipeline_tag="fill-mask"))
    found = told(client, "models=alice/one&models=alice/two&only=differences", cast.anonymous)
    assert set(rows(found)) >= {"Licence"}
    assert "Task" not in rows(found)
    assert "Task" in found["alike"]
    assert "Alike in all, and left out: Task" in page(
        client, "models=alice/one&models=alice/two&only=differences", cast.anonymous
    )


def test_what_fits_is_asked_on_a_machine_of_ones_choice(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/one", card(license="mit"))
    query = "models=alice/one&machine=gpu-24&users=3&tokens=2000"
    assert told(client, query, cast.anonymous)["fit"] == {"machine": "gpu-24", "users": 3, "tokens": 2000}
    answer = client.get(f"/compare?{query}", headers={"accept": "text/html"})
    assert answer.cookies["machine"] == "gpu-24"
    assert '<option value="gpu-24" selected>' in answer.text


def test_data_sets_are_compared_too(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(
        cast.alice.actor,
        "alice/logs",
        {"README.md": "---\nlicense: mit\nsize_categories: 1K<n<10K\n---\n"},
        kind="dataset",
    )
    publish(cast.alice.actor, "alice/notes", {"a.csv": "a,b\n1,2\n"}, kind="dataset")
    publish(cast.alice.actor, "alice/tuned", card(datasets="alice/logs"))
    found = told(client, "datasets=alice/logs&datasets=alice/notes", cast.anonymous)
    assert [column["path"] for column in found["columns"]] == ["alice/logs", "alice/notes"]
    assert rows(found)["Models trained on it"] == ["1", "—"]
    assert "Parameters" not in rows(found)


# ---- what is not there -------------------------------------------------------------------------------------


def test_one_that_is_absent_hidden_or_of_another_kind_is_said_and_the_rest_is_shown(
    client: TestClient, cast: Cast, publish: Publish
) -> None:
    publish(cast.alice.actor, "alice/open", card(license="mit"))
    publish(cast.alice.actor, "lab/hush", card(license="mit", language="xx"), private=True)
    publish(cast.alice.actor, "alice/data", card(license="mit"), kind="dataset")
    publish(cast.alice.actor, "lab/secrets", card(license="mit"), kind="dataset", private=True)
    query = "models=alice/open,lab/hush,lab/nothing,alice/data,lab/secrets"
    for person in (cast.charlie, cast.anonymous):
        found = told(client, query, person)
        assert [column["path"] for column in found["columns"]] == ["alice/open"]
        problems = {one["asked"]: one["problem"] for one in found["absent"]}
        assert problems == {
            "lab/hush": ABSENT,
            "lab/nothing": ABSENT,
            "alice/data": "This is a data set; models are compared here.",
            "lab/secrets": ABSENT,
        }
        assert "xx" not in page(client, query, person)
    for person in (cast.alice, cast.bob, cast.root):
        found = told(client, query, person)
        assert [column["path"] for column in found["columns"]] == ["alice/open", "lab/hush"]


def test_a_hidden_base_is_told_as_its_page_tells_it(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "lab/hush", card(license="mit"), private=True)
    publish(cast.alice.actor, "lab/open", card(base_model="lab/hush", license="mit"))
    publish(cast.charlie.actor, "charlie/fishing", card(base_model="lab/hush", license="mit"))
    said = rows(told(client, "models=lab/open&models=charlie/fishing", cast.anonymous))
    assert said["Made from"] == ["a repository you may not see", "lab/hush"]
    assert said["Decided by"] == ["a repository you may not see", "lab/hush"]
    assert rows(told(client, "models=lab/open", cast.bob))["Made from"] == ["lab/hush"]


def test_one_that_was_renamed_is_shown_once_under_its_present_name(
    client: TestClient, cast: Cast, publish: Publish
) -> None:
    publish(cast.alice.actor, "alice/old", card(license="mit"))
    moved = {"fromRepo": "alice/old", "toRepo": "alice/new", "type": "model"}
    assert client.post("/api/repos/move", json=moved, headers=cast.alice.headers).status_code == 200
    found = told(client, "models=Alice/Old&models=alice/new", cast.anonymous)
    assert [(column["path"], column["note"]) for column in found["columns"]] == [("alice/new", "formerly Alice/Old")]


def test_one_that_was_deleted_is_absent(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/gone", card(license="mit"))
    gone = {"name": "gone", "organization": "alice", "type": "model"}
    assert client.request("DELETE", "/api/repos/delete", json=gone, headers=cast.alice.headers).status_code == 200
    assert told(client, "models=alice/gone", cast.alice)["absent"][0]["problem"] == ABSENT


def test_one_that_is_shut_says_nothing_of_its_files(
    app: Starlette, client: TestClient, cast: Cast, publish: Publish
) -> None:
    publish(cast.alice.actor, "alice/shut", card(license="mit", language="xx"))
    with app.state.database.write() as db:
        db.execute(update(Repo).values(is_disabled=True))
    assert "Languages" not in rows(told(client, "models=alice/shut", cast.alice))
    assert rows(told(client, "models=alice/shut", cast.root))["Languages"] == ["xx"]


def test_more_than_five_are_refused_with_a_form_to_choose(client: TestClient, cast: Cast) -> None:
    query = "&".join(f"models=a/{n}" for n in range(6))
    answer = told(client, query, cast.anonymous, status=422)
    assert answer["error"] == "6 are named; up to 5 are compared at once. Leave out 1."
    text = page(client, query, cast.anonymous, status=422)
    assert "6 are named; up to 5 are compared at once. Leave out 1." in text
    assert "Which 5?" in text


@each(
    "query",
    [
        "models=%3Cscript%3Ealert(1)%3C/script%3E/x",
        f"models={'x' * 60_000}",
        "models=a/b/c/d",
        "models=/&models=%2e%2e/%2e%2e",
        "models=%E2%80%AEevil/x",
        "models=a/b&machine=tpu-9",
        "models=,,,&datasets=",
    ],
)
def test_what_makes_no_sense_is_harmless(client: TestClient, cast: Cast, query: str) -> None:
    answer = client.get(f"/compare?{query}", headers={"accept": "text/html"})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert told(client, query, cast.anonymous)["columns"] == []


# ---- files -------------------------------------------------------------------------------------------------


def test_a_comparison_is_a_sheet_and_a_table_of_markdown(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/one", card(license="other", license_name="=cmd|'/C calc'!A1"))
    publish(cast.alice.actor, "alice/two", card(license="other", license_name="a | b <b>"))
    query = "models=alice/one&models=alice/two&format="
    answer = client.get(f"/api/compare?{query}csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "comparison.csv" in answer.headers["content-disposition"]
    lines = {line[1]: line for line in csv.reader(io.StringIO(answer.text)) if line[0] != OPEN}
    assert lines["row"] == ["group", "row", "alice/one", "alice/one: evidence", "alice/two", "alice/two: evidence"]
    assert lines["Licence"][2:] == ["'=cmd|'/C calc'!A1", "declared", "a | b <b>", "declared"]
    markdown = client.get(f"/api/compare?{query}markdown").text
    assert markdown.startswith("|  | alice/one | alice/two |\n| --- | --- | --- |\n")
    assert r"a \| b \<b\> (declared) |" in markdown
    assert told(client, f"{query}xml", cast.anonymous, status=400)["error"].startswith("format is json")
