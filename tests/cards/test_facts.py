"""What files come to: the table of facts against what a person reads in the same files."""

import json
from typing import Any

import pytest

from freehold.cards import facts
from freehold.cards.facts import Facts, FileTold, Sources

pytestmark = pytest.mark.rules

LENGTH = "max_position_embeddings"
SCALING = "rope_scaling"
ORIGINAL = "original_max_position_embeddings"


def told(form: str = "safetensors", **more: Any) -> dict[str, Any]:
    return {"parameters": {"BF16": 1000}, "experts": 0, **more}


def of_config(config: Any, **more: Any) -> Facts:
    return facts.of(Sources("model", [("config.json", 10)], config=json.dumps(config), **more))


def model(config: Any, header: dict[str, Any], path: str = "model.safetensors") -> Facts:
    form = path.rpartition(".")[2]
    return of_config(config, headers=[FileTold(path, form, header)], chosen=[path])


@pytest.mark.parametrize(
    ("config", "tokens"),
    [
        ({LENGTH: 512}, 512),
        ({"n_positions": 1024}, 1024),
        ({"text_config": {LENGTH: 131072}}, 131072),
        ({LENGTH: 4096, SCALING: {"type": "linear", "factor": 4.0}}, 16384),
        # YaRN: as Qwen2.5 is told to be set, and as DeepSeek states it
        ({LENGTH: 32768, SCALING: {"rope_type": "yarn", "factor": 4, ORIGINAL: 32768}}, 131072),
        ({LENGTH: 163840, SCALING: {"type": "yarn", "factor": 40, ORIGINAL: 4096}}, 163840),
        ({LENGTH: 131072, SCALING: {"rope_type": "llama3", "factor": 8.0, ORIGINAL: 8192}}, 131072),
        ({LENGTH: 131072, SCALING: {"type": "longrope", "short_factor": [1.0]}}, 131072),
        ({LENGTH: 4096, SCALING: {"type": "linear", "factor": 1e300}}, 4096),
        ({LENGTH: "4096"}, None),
        ({LENGTH: True}, None),
        ({LENGTH: -1}, None),
        ([], None),
    ],
)  # fmt: skip
def test_context_with_its_scaling(config: Any, tokens: int | None) -> None:
    assert of_config(config).context_length == tokens


def test_a_gguf_says_its_own_context() -> None:
    header = told(facts={"architecture": "llama", "context_length": 8192, "tokenizer": "gpt2"}, quantisation="Q4_1")
    found = model({LENGTH: 2048}, header, "m.gguf")
    assert (found.context_length, found.architecture, found.tokenizer) == (8192, "llama", "gpt2")
    assert found.quantisations == ["Q4_1"]
    assert found.details["gguf"] == {"total": 1000, "architecture": "llama", "context_length": 8192}


def test_of_experts_only_those_that_are_asked_count_as_active() -> None:
    config = {"model_type": "mixtral", "num_local_experts": 8, "num_experts_per_tok": 2}
    found = model(config, told(experts=800))
    assert (found.parameters, found.active_parameters) == (1000, 400)
    assert model({"num_local_experts": 8}, told(experts=800)).active_parameters is None
    assert model(config, told()).active_parameters is None


@pytest.mark.parametrize("method", ["gptq", "awq", "bitsandbytes"])
def test_packed_values_do_not_count_as_parameters(method: str) -> None:
    config = {"quantization_config": {"quant_method": method, "load_in_4bit": True}}
    found = model(config, told())
    assert found.parameters is None
    assert found.details["safetensors"]["total"] == 1000  # what clients ask for: values as stored


def test_a_part_that_cannot_be_read_makes_the_whole_unknown() -> None:
    parts = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    headers = [FileTold(parts[0], "safetensors", told()), FileTold(parts[1], "safetensors", {}, "it is no JSON")]
    found = of_config({}, headers=headers, chosen=parts)
    assert found.parameters is None
    assert found.details["problems"] == [[parts[1], "it is no JSON"]]


def test_an_adapter_names_its_base() -> None:
    found = of_config({}, adapter=json.dumps({"peft_type": "LORA", "r": 16, "base_model_name_or_path": "org/base"}))
    assert found.adapter_base == "org/base"
    assert found.details["adapter"] == {"kind": "LORA", "rank": 16}


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("pytorch_model.bin", True),
        ("pytorch_model-00001-of-00002.bin", True),
        ("sub/training_args.bin", True),
        ("a.pt", True),
        ("x.PKL", True),
        ("model.bin", False),  # fastText, CTranslate2, whisper.cpp: many things are called so
        ("pickle.md", False),
    ],
)
def test_pickles_are_known_by_their_names(path: str, is_one: bool) -> None:
    found = facts.of(Sources("model", [(path, 1)]))
    assert found.has_pickle is is_one
    assert ("pickle" in found.formats) is is_one


def test_a_data_set_tells_formats_and_bytes_and_no_rows_that_nobody_counted() -> None:
    found = facts.of(Sources("dataset", [("data/a.parquet", 10), ("b.csv", 5), ("README.md", 1), (".x.json", 1)]))
    assert (found.formats, found.size_bytes, found.rows) == (["csv", "parquet"], 17, None)


@pytest.mark.parametrize("text", ["{", "[]", "1", '"x"', "[" * 100_000, '{"model_type": 3, "num_experts": []}'])
def test_no_configuration_makes_it_crash(text: str) -> None:
    found = facts.of(Sources("model", [], config=text, adapter=text, tokenizer=text))
    assert found.parameters is None
    assert found.context_length is None


@pytest.mark.parametrize(
    ("values", "parameters", "quantisations"),
    [
        ({"F32": 1000, "I64": 5000}, 1000, []),
        # what is quantised counts tied embeddings twice: how many parameters it has is not told
        ({"F32": 10, "U8": 300, "I8": 900}, None, ["INT8"]),
        ({"F32": 10, "U4": 900}, None, ["INT4"]),
        ({"F32": 1000, "U8": 12}, 1012, []),
    ],
)
def test_an_onnx_file_that_was_quantised(
    values: dict[str, int], parameters: int | None, quantisations: list[str]
) -> None:
    found = model({}, {"parameters": values}, "model.onnx")
    assert (found.parameters, list(found.quantisations)) == (parameters, quantisations)
