"""What is told of the insides: headers of weights, evaluation results, leaderboards, scans that nobody made."""

import json
import struct

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.discover.conftest import Publish
from tests.fixtures.people import Cast


def safetensors(name: str, values: int) -> bytes:
    header = json.dumps({name: {"dtype": "F32", "shape": [values], "data_offsets": [0, 4 * values]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4 * values)


PARTS = {"a": "m-1.safetensors", "b": "m-2.safetensors"}
INDEX = json.dumps({"metadata": {"total_size": 40}, "weight_map": PARTS})
META = "/api/models/alice/tiny/safetensors-metadata"


def test_headers_of_all_parts_in_one_call(client: TestClient, cast: Cast, publish: Publish) -> None:
    files = {
        "x/m.index.json": INDEX,
        "x/m-1.safetensors": safetensors("a", 4),
        "x/m-2.safetensors": safetensors("b", 6),
    }
    publish(cast.alice.actor, "alice/tiny", files)
    told = client.get(f"{META}/x/m.index.json").json()
    assert told["index"] == {"metadata": {"total_size": 40}}
    assert told["headers"]["m-2.safetensors"]["b"]["shape"] == [6]
    assert set(client.get(f"{META}/x/m-1.safetensors").json()["headers"]) == {"m-1.safetensors"}


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (INDEX, 404),  # its parts are not there
        ("{}", 400),
        ("[1]", 400),
        ('{"weight_map": {"a": 5}}', 400),
        ('{"weight_map": {"a": ["x"]}}', 400),
        ('{"weight_map": {"a": "../../etc/passwd"}}', 404),
        ('{"weight_map": {"a": "README.md"}}', 400),
        ("[" * 100_000, 400),
    ],
)
def test_an_index_that_lies(client: TestClient, cast: Cast, publish: Publish, index: str, expected: int) -> None:
    publish(cast.alice.actor, "alice/tiny", {"i.json": index, "README.md": "words"})
    assert client.get(f"{META}/i.json").status_code == expected
    assert client.get(f"{META}/nothing.json").headers["x-error-code"] == "EntryNotFound"


def test_headers_are_for_readers(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/tiny", {"m.safetensors": safetensors("a", 1)}, gated="manual")
    assert client.get(f"{META}/m.safetensors", headers=cast.charlie.headers).headers["x-error-code"] == "GatedRepo"


def result(dataset: str, value: object, task: str = "main", **more: object) -> str:
    return json.dumps([{"dataset": {"id": dataset, "task_id": task}, "value": value, **more}])  # JSON is YAML


@pytest.fixture
def benchmark(cast: Cast, publish: Publish) -> str:
    """Bob's benchmark and five models that were measured on it, one of them private, one made from another."""
    publish(cast.bob.actor, "bob/bench", {"eval.yaml": "tasks:\n- id: main\n- id: other\n"}, kind="dataset")
    publish(cast.alice.actor, "alice/best", {".eval_results/b.yaml": result("Bob/Bench", 90, notes="with tools")})
    publish(cast.alice.actor, "alice/equal", {".eval_results/b.yaml": result("bob/bench", 90.0)})
    publish(cast.alice.actor, "alice/other", {".eval_results/b.yaml": result("bob/bench", 99, task="other")})
    publish(cast.alice.actor, "alice/words", {".eval_results/b.yaml": result("bob/bench", "good")})
    publish(cast.alice.actor, "alice/hidden", {".eval_results/b.yaml": result("bob/bench", 95)}, private=True)
    card = "---\nbase_model: alice/best\n---\n"
    publish(cast.charlie.actor, "charlie/tuned", {".eval_results/b.yaml": result("bob/bench", 91), "README.md": card})
    return "/api/datasets/bob/bench/leaderboard"


def test_a_leaderboard_shows_what_the_visitor_may_know_of(client: TestClient, cast: Cast, benchmark: str) -> None:
    rows = client.get(benchmark).json()
    assert [(row["rank"], row["modelId"], row["value"]) for row in rows] == [
        (1, "alice/best", 90),
        (1, "alice/equal", 90),
    ]
    assert rows[0]["author"]["type"] == "user"
    assert (rows[0]["verified"], rows[0]["notes"], rows[0]["filename"]) == (False, "with tools", "b.yaml")
    hers = client.get(benchmark, headers=cast.alice.headers).json()
    assert [row["modelId"] for row in hers] == ["alice/hidden", "alice/best", "alice/equal"]
    derived = client.get(f"{benchmark}?base_model=false").json()
    assert [(row["rank"], row["modelId"]) for row in derived][:2] == [(1, "charlie/tuned"), (2, "alice/best")]
    assert [row["modelId"] for row in client.get(f"{benchmark}?task_id=other").json()] == ["alice/other"]


def test_a_data_set_that_is_no_benchmark_has_none(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.bob.actor, "bob/data", {"a.txt": "x"}, kind="dataset")
    answer = client.get("/api/datasets/bob/data/leaderboard")
    assert answer.status_code == 404
    assert "eval.yaml" in answer.headers["x-error-message"]


def test_results_are_told_as_clients_read_them(client: TestClient, benchmark: str) -> None:
    told = client.get("/api/models/alice/best?expand=evalResults&expand=childrenModelCount").json()
    assert told["evalResults"][0]["data"]["dataset"] == {"id": "Bob/Bench", "task_id": "main"}
    assert (told["evalResults"][0]["filename"], told["childrenModelCount"]) == ("b.yaml", 1)
    listed = client.get("/api/models?expand=evalResults&search=best").json()
    assert listed[0]["evalResults"] == told["evalResults"]


@pytest.mark.parametrize("text", ["[", "- 5", "a: b", "- dataset: {id: 5, task_id: x}\n  value: 1", "", "- &a [*a]"])
def test_a_file_of_results_that_cannot_be_read_tells_nothing(
    client: TestClient, cast: Cast, publish: Publish, text: str
) -> None:
    publish(cast.alice.actor, "alice/tiny", {".eval_results/x.yaml": text, "README.md": "words"})
    assert client.get("/api/models/alice/tiny?expand=evalResults").json()["evalResults"] == []


def test_nothing_is_called_safe_that_nobody_scanned(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/tiny", {"m.bin": ("a" * 64, 9)})
    expected = {"scansDone": False, "filesWithIssues": []}
    assert client.get("/api/models/alice/tiny/scan").json() == expected
    assert client.get("/api/models/alice/tiny?securityStatus=true").json()["securityRepoStatus"] == expected
    entries = client.get("/api/models/alice/tiny/tree/main?expand=true").json()
    assert {entry["securityFileStatus"]["status"] for entry in entries} == {"unscanned"}


def test_spaces_are_searched_by_name(client: TestClient, app: Starlette, cast: Cast, publish: Publish) -> None:
    card = "---\ntitle: Draws cats\nemoji: 🐈\nsdk: gradio\n---\n"
    publish(cast.alice.actor, "alice/cats", {"README.md": card, "app.py": "x"}, kind="space", sdk="gradio")
    publish(cast.alice.actor, "alice/hidden-cats", {"app.py": "x"}, kind="space", sdk="gradio", private=True)
    (found,) = client.get("/api/spaces/semantic-search?q=cat&includeNonRunning=true").json()
    assert (found["id"], found["title"], found["emoji"], found["sdk"]) == ("alice/cats", "Draws cats", "🐈", "gradio")
    assert found["runtime"]["stage"] == "STOPPED"
    assert "semanticRelevancyScore" not in found
    assert client.get("/api/spaces/semantic-search?q=cat&sdk=docker").json() == []
