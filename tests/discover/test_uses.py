"""Lines to paste: right for what is there, and never a stranger's words in a shell."""

import ast
import shlex
from types import SimpleNamespace
from typing import Any

import pytest

from freehold.cards.reading import CommitCard
from freehold.cards.tags import read
from freehold.discover import uses
from freehold.discover.facts import Facts
from freehold.gitkit.objects import Entry

pytestmark = pytest.mark.rules
HUB = "https://hub.example"


def lines(kind: str, files: list[str], *, card: dict[str, Any] | None = None, **given: Any) -> dict[str, str]:
    config = {"model_type": "bert"} if "config.json" in files else {}
    entries = tuple(Entry(path, "file", "0" * 40, 0o100644, 10 + len(path), None) for path in files)
    words = read(kind, card or {}, "", files, config)
    known = Facts("c" * 40, entries, CommitCard(card or {}, config or None, words, ""), 100, {})
    repo: Any = SimpleNamespace(kind=kind, path="ann/thing")
    told = {"needs_token": False, **given}
    return {use.key: use.text for use in uses.lines(uses.Given(repo, known, HUB, **told))}


@pytest.mark.parametrize(
    ("kind", "files", "expected"),
    [
        ("model", ["config.json", "model.safetensors"], ["transformers", "hf", "huggingface-hub", "curl", "git"]),
        ("model", ["a.Q8_0.gguf", "a.Q4_K_M.gguf"], ["llama-cpp", "xllamacpp", "hf", "huggingface-hub", "curl", "git"]),
        ("model", ["model.onnx"], ["onnxruntime", "hf", "huggingface-hub", "curl", "git"]),
        ("dataset", ["d/a.csv"], ["datasets", "pandas", "duckdb", "polars", "hf", "huggingface-hub", "curl", "git"]),
        ("dataset", ["notes.txt"], ["hf", "huggingface-hub", "curl", "git"]),
        ("space", ["app.py"], ["hf", "huggingface-hub", "curl", "git"]),
        ("model", [], ["hf", "huggingface-hub", "git"]),
    ],
)
def test_there_are_lines_for_what_is_there(kind: str, files: list[str], expected: list[str]) -> None:
    assert list(lines(kind, files)) == expected


def test_the_usual_quantisation_is_taken() -> None:
    assert "a.Q4_K_M.gguf" in lines("model", ["a.Q8_0.gguf", "a.Q4_K_M.gguf"])["llama-cpp"]


def test_a_token_is_asked_for_where_one_is_needed() -> None:
    told = lines("dataset", ["a.parquet"], needs_token=True)
    assert "polars" not in told, "it takes a token to the public hub only"
    assert all("HF_TOKEN" in text for key, text in told.items() if key != "git")
    assert "token" in told["git"]


@pytest.mark.parametrize(
    "name",
    ["$(reboot).gguf", "a'; rm -rf ~ #.gguf", "-m.gguf", "\x1b[201~\nreboot\n.gguf", '"); x(".gguf', "\u202egg.gguf"],
)
def test_a_hostile_file_name_stays_a_name(name: str) -> None:
    told = lines("model", [name, "d.csv"]) | lines("dataset", [name.replace(".gguf", ".csv")])
    for key, text in told.items():
        assert all(line.isprintable() for line in text.split("\n")), key
        if key in ("llama-cpp", "curl", "hf", "git"):
            words = shlex.split(text, comments=True)
            assert "reboot" not in words
        if text.startswith("import"):
            tree = ast.parse(text)
            named = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
            assert not any(isinstance(call, ast.Name) and call.id == "x" for call in named), key
    if not name.isprintable() or name.startswith("-"):
        assert "llama-cpp" not in told


def test_an_adapter_takes_its_base_where_it_is() -> None:
    files = ["adapter_config.json", "adapter_model.safetensors"]
    here = lines("model", files, base="ann/base", has_base=True)["peft"]
    assert "from_pretrained('ann/base')\n" in here
    elsewhere = lines("model", files, base="x'); import os #", has_base=False)["peft"]
    assert "not on this hub" in elsewhere
    assert sum(isinstance(node, ast.Import) for node in ast.walk(ast.parse(elsewhere))) == 1


def test_a_subset_is_named_where_none_is_the_default() -> None:
    assert "load_dataset(\"ann/thing\", 'en')" in lines("dataset", ["a.csv"], subset="en")["datasets"]
