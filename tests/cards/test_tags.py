"""Tags: the public grammar, derived only from what was read."""

from typing import Any

import pytest

from freehold.cards.summary import MAX_CHARACTERS, first_words
from freehold.cards.tags import read


def _tags(
    kind: str, data: dict[str, Any], files: tuple[str, ...] = (), config: dict[str, Any] | None = None
) -> set[str]:
    return set(read(kind, data, "", files, config or {}).tags)


def test_a_model_card_becomes_the_tags_that_clients_filter_by() -> None:
    data = {
        "license": "mit",
        "language": ["en", "de"],
        "datasets": ["squad"],
        "tags": ["chat"],
        "base_model": "demo/base",
        "pipeline_tag": "text-generation",
        "library_name": "transformers",
    }
    assert _tags("model", data) == {
        "transformers",
        "text-generation",
        "chat",
        "en",
        "de",
        "dataset:squad",
        "base_model:demo/base",
        "base_model:finetune:demo/base",
        "license:mit",
        "region:us",
    }


@pytest.mark.parametrize(
    ("files", "config", "library", "task"),
    [
        (
            ("model.safetensors", "config.json"),
            {"model_type": "llama", "architectures": ["LlamaForCausalLM"]},
            "transformers",
            "text-generation",
        ),
        (
            ("modules.json", "config.json", "model.safetensors"),
            {"model_type": "bert"},
            "sentence-transformers",
            "sentence-similarity",
        ),
        (("x.Q4_1.gguf",), {}, "gguf", None),
        (("det.onnx",), {}, "onnx", None),
        (("adapter_config.json", "adapter_model.safetensors"), {}, "peft", None),
        (("notes.txt",), {}, None, None),
    ],
)
def test_files_show_the_library_and_the_task(
    files: tuple[str, ...], config: dict[str, Any], library: str | None, task: str | None
) -> None:
    found = read("model", {}, "", files, config)
    assert (found.library_name, found.pipeline_tag) == (library, task)


@pytest.mark.parametrize(
    ("data", "files", "relation"),
    [
        ({}, ("a.gguf",), "quantized"),
        ({}, ("adapter_config.json",), "adapter"),
        ({"base_model": ["a/a", "b/b"]}, (), "merge"),
        ({}, ("model.safetensors",), "finetune"),
        ({"base_model_relation": "merge"}, ("a.gguf",), "merge"),
    ],
)
def test_how_a_model_came_from_its_base(data: dict[str, Any], files: tuple[str, ...], relation: str) -> None:
    assert any(tag.startswith(f"base_model:{relation}:") for tag in _tags("model", {"base_model": "a/a"} | data, files))


def test_a_data_set_has_prefixed_tags() -> None:
    data = {"language": "en", "size_categories": ["1K<n<10K"], "task_categories": ["text-classification"]}
    assert _tags("dataset", data, ("data/train-0.parquet", "README.md")) == {
        "language:en",
        "size_categories:1K<n<10K",
        "task_categories:text-classification",
        "format:parquet",
        "region:us",
    }


def test_papers_in_the_text_are_tags() -> None:
    assert "arxiv:2502.02737" in read("model", {}, "See https://arxiv.org/abs/2502.02737.", (), {}).tags


def test_values_of_the_wrong_shape_are_left_out() -> None:
    assert _tags("model", {"license": 3, "tags": {"a": 1}, "language": [1, None], "base_model": {}}) == {"region:us"}


@pytest.mark.parametrize(
    ("body", "summary"),
    [
        (
            "# Title\n\n[![b](https://x/y)](z)\n\nA **small** [model](x.md) for `tests`.\nIt works.\n\nMore.",
            "A small model for tests. It works.",
        ),
        ("| a |\n|---|\n", ""),
        ("", ""),
    ],
)
def test_the_first_words_of_a_card(body: str, summary: str) -> None:
    assert first_words(body) == summary


def test_long_first_words_are_cut_at_a_word() -> None:
    cut = first_words("word " * 100)
    assert len(cut) <= MAX_CHARACTERS
    assert cut.endswith("word…")


@pytest.mark.parametrize(
    ("config", "task"),
    [
        ({"architectures": ["T5ForConditionalGeneration"], "model_type": "t5"}, "text2text-generation"),
        (
            {"architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper"},
            "automatic-speech-recognition",
        ),
        (
            {"architectures": ["LlavaForConditionalGeneration"], "model_type": "llava", "vision_config": {}},
            "image-text-to-text",
        ),
        ({"architectures": ["NeverSeenForConditionalGeneration"], "model_type": "never-seen"}, None),
        ({"architectures": ["NeverSeenForConditionalGeneration"], "model_type": ["t5"]}, None),
    ],
)
def test_what_generates_is_told_by_what_it_takes(config: dict[str, Any], task: str | None) -> None:
    assert read("model", {}, "", ["config.json"], config).pipeline_tag == task
