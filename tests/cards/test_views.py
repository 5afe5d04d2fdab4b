"""The page of a file of weights: its header explored, or why not."""

import json
import re
import struct
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.cards.test_headers import gguf_file, safetensors_file, tensor
from tests.discover.conftest import Publish
from tests.fixtures.people import Cast

HTML = {"accept": "text/html"}
EVIL = "<script>alert(1)</script>\u202egnp.\x00"


def layers(count: int) -> dict[str, Any]:
    named = {f"model.layers.{n}.w": tensor("F16", [4, 4], 32 * n, 32 * n + 32) for n in range(count)}
    end = 32 * count
    return {"__metadata__": {"format": "pt"}, **named, "head": tensor("F32", [2], end, end + 8)}


def names_of(page: str) -> list[str]:
    """The tensors that a page lists, in its order."""
    return re.findall(r'<th scope="row"><bdi>([^<]+)</bdi></th><td class="mono faint">', page)


@pytest.fixture
def weights(cast: Cast, publish: Publish) -> str:
    """Address of the page of a file with 120 layers and a head."""
    publish(cast.alice.actor, "alice/m", {"model.safetensors": safetensors_file(layers(120), 120 * 32 + 8)})
    return "/alice/m/blob/main/model.safetensors"


def test_a_header_is_explored(client: TestClient, weights: str) -> None:
    page = client.get(weights, headers=HTML).text
    for said in ("121", "1,922", "120 layers", "F16, F32", "format: pt", "1–50 of 121", "model.layers.0.w", "4 × 4"):
        assert said in page, said


def test_tensors_are_searched_sorted_and_paged_by_the_address(client: TestClient, weights: str) -> None:
    found = client.get(f"{weights}?tensor=layers*.11", headers=HTML).text
    assert "11 tensors of 121" in found  # 11 and 110 to 119
    assert "model.layers.12.w" not in found
    last = client.get(f"{weights}?sort=name&page=3", headers=HTML).text
    assert "101–121 of 121" in last
    assert names_of(last) == [f"model.layers.{n}.w" for n in range(99, 120)]
    assert 'aria-sort="ascending"' in last
    smallest = client.get(f"{weights}?sort=bytes", headers=HTML).text
    assert names_of(smallest)[:2] == ["head", "model.layers.0.w"]
    assert "None of the 121 tensors matches" in client.get(f"{weights}?tensor=nothing", headers=HTML).text
    assert client.get(f"{weights}?sort=<&page=-1&tensor=%01", headers=HTML).status_code == 200


def test_a_gguf_shows_its_template_and_facts(client: TestClient, cast: Cast, publish: Publish) -> None:
    entries = {
        "general.architecture": "llama",
        "llama.context_length": 8192,
        "general.file_type": 3,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.tokens": ["<s>", "b"] * 40,
        "tokenizer.chat_template": "{% for message in messages %}\n{{ message }}",
        "general.description": "long " * 200,
    }
    data = gguf_file(entries, [("blk.0.w", [32], 3), ("blk.1.w", [32], 3), ("out", [4], 0)], 100)
    publish(cast.alice.actor, "alice/g", {"g.gguf": data})
    page = client.get("/alice/g/blob/main/g.gguf", headers=HTML).text
    for said in (
        "Q4_1",
        "llama",
        "8,192",
        "80 values",
        "{% for message in messages %}",
        "1,000 characters",
        "2 layers",
    ):
        assert said in page, said


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.safetensors", struct.pack("<Q", 100 << 20) + b"{}", "it claims 104,857,600 bytes"),
        ("b.safetensors", b"ab", "within its first 8 bytes"),
        ("c.gguf", b"GGUF" + struct.pack("<IQQ", 3, 1_000_000, 0), "it claims 1,000,000 tensors"),
        ("d.onnx", b"\xff" * 50, "a number in it has too many bytes"),
        ("model.safetensors.index.json", b'{"weight_map": {"a": 1}}', "no weight_map"),
    ],
)
def test_what_cannot_be_read_says_why(
    client: TestClient,
    cast: Cast,
    publish: Publish,
    name: str,
    data: bytes,
    why: str,
) -> None:
    publish(cast.alice.actor, "alice/bad", {name: data})
    page = client.get(f"/alice/bad/blob/main/{name}", headers=HTML).text
    assert "This header cannot be read" in page
    assert why in page


def test_names_of_strangers_are_shown_for_what_they_are(client: TestClient, cast: Cast, publish: Publish) -> None:
    tensors = {EVIL: tensor("F32", [1], 0, 4), "b": tensor("F32", [1], 4, 8), "__metadata__": {EVIL: EVIL}}
    publish(cast.alice.actor, "alice/evil", {"model.safetensors": safetensors_file(tensors, 8)})
    page = client.get("/alice/evil/blob/main/model.safetensors", headers=HTML).text
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u202egnp." in page


def test_a_model_in_parts_is_seen_whole(client: TestClient, cast: Cast, publish: Publish) -> None:
    names = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    files: dict[str, Any] = {
        name: safetensors_file({f"layers.{n}.w": tensor("F16", [50], 0, 100)}, 100) for n, name in enumerate(names)
    }
    index = {
        "metadata": {"total_size": 250},
        "weight_map": {"layers.0.w": names[0], "layers.1.w": names[1], "x": names[1]},
    }
    files["model.safetensors.index.json"] = json.dumps(index)
    publish(cast.alice.actor, "alice/parts", files)
    page = client.get("/alice/parts/blob/main/model.safetensors.index.json", headers=HTML).text
    for said in ("The whole model", names[1], "layers.1.w", "layers.0.w", "states 250 bytes", "names 3 tensors"):
        assert said in page, said


def test_a_pickle_is_called_one_and_never_loaded(client: TestClient, cast: Cast, publish: Publish) -> None:
    harmful = b"cposix\nsystem\n(S'touch /tmp/loaded'\ntR."
    publish(cast.alice.actor, "alice/p", {"model.pkl": harmful, "weights.bin": b"\x00\x01fastText"})
    page = client.get("/alice/p/blob/main/model.pkl", headers=HTML).text
    assert "This file is a pickle" in page
    assert "posix.system" in page
    assert "unusual" in page
    assert "This file is a pickle" not in client.get("/alice/p/blob/main/weights.bin", headers=HTML).text


def test_headers_of_a_private_model_are_for_those_who_may_read_it(
    client: TestClient,
    app: Starlette,
    cast: Cast,
    publish: Publish,
) -> None:
    data = safetensors_file({"secret.w": tensor("F32", [1], 0, 4)}, 4)
    publish(cast.alice.actor, "alice/hidden", {"model.safetensors": data}, private=True)
    app.state.worker.drain()
    assert client.get("/alice/hidden/blob/main/model.safetensors", headers=HTML).status_code in (401, 404)
