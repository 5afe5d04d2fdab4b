"""Which files make the model, and what is told of them."""

import pytest
from starlette.testclient import TestClient

from freehold.cards.inspecting import chosen
from freehold.gitkit.objects import Entry
from tests.cards.test_headers import gguf_file, safetensors_file, tensor
from tests.discover.conftest import Publish
from tests.fixtures.people import Cast

PART = "m-0000{}-of-00002.safetensors"


@pytest.mark.parametrize(
    ("names", "ending", "taken"),
    [
        (["model.safetensors", "other.safetensors"], "safetensors", ["model.safetensors"]),
        ([PART.format(1), PART.format(2)], "safetensors", [PART.format(1), PART.format(2)]),
        ([PART.format(1)], "safetensors", []),
        (["a.safetensors", "b.safetensors"], "safetensors", []),
        (["a.safetensors"], "safetensors", ["a.safetensors"]),
        (["sub/a.safetensors"], "safetensors", []),
        (["m.Q4_1.gguf", "m.Q8_0.gguf", "mmproj-m.gguf"], "gguf", ["m.Q4_1.gguf"]),
        (["README.md"], "gguf", []),
    ],
)  # fmt: skip
def test_the_names_say_which_files_make_the_model(names: list[str], ending: str, taken: list[str]) -> None:
    files = [Entry(name, "file", "0" * 40, 0o100644, 1, None) for name in names]
    assert [entry.path for entry in chosen(files, ending)] == taken


def test_info_tells_parameters_counted_in_the_files(client: TestClient, cast: Cast, publish: Publish) -> None:
    parts = {
        f"model-0000{part}-of-00002.safetensors": safetensors_file({"w": tensor("F16", [50], 0, 100)}, 100)
        for part in (1, 2)
    }
    publish(cast.alice.actor, "alice/split", dict(parts))
    info = client.get("/api/models/alice/split").json()
    assert info["safetensors"] == {"parameters": {"F16": 100}, "total": 100}
    assert "gguf" not in info


def test_info_tells_what_a_gguf_file_says(client: TestClient, cast: Cast, publish: Publish) -> None:
    data = gguf_file({"general.architecture": "llama", "llama.context_length": 8192}, [("w", [10, 10], 0)], 400)
    publish(cast.alice.actor, "alice/small", {"small.gguf": data})
    expanded = client.get("/api/models/alice/small?expand=gguf").json()
    assert expanded["gguf"] == {"total": 100, "architecture": "llama", "context_length": 8192}
    page = client.get("/alice/small").text
    assert "8,192 tokens" in page
    assert "llama" in page


def test_what_contradicts_itself_or_is_not_here_is_left_out(client: TestClient, cast: Cast, publish: Publish) -> None:
    publish(cast.alice.actor, "alice/broken", {"model.safetensors": b"not at all", "x.gguf": ("c" * 64, 10)})
    info = client.get("/api/models/alice/broken").json()
    assert "safetensors" not in info
    assert "gguf" not in info
    assert "not stated" in client.get("/alice/broken").text
