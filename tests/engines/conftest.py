"""Engines that serve a file or a folder, for all tests of a module that ask for the same."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
from tokenizers import models, normalizers, pre_tokenizers, processors

from freehold.compute import service as compute
from freehold.compute.rules import Running
from freehold.engines import service
from freehold.engines.rules import Setup
from scripts.looking import model_of

VOCABULARY = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "river", "city", "the", "a", "is", "##s")


@pytest.fixture(scope="module")
def of_folder() -> Iterator[Callable[..., Running]]:
    """``of_folder(folder)``: the engine that is proposed for the files in it, at work."""
    running: dict[Path, Running] = {}

    def found(folder: Path, setup: Setup | None = None) -> Running:
        if folder not in running:
            setup = setup or Setup(threads=1)
            (offer, *_) = service.choices(model_of(folder=folder), setup).offers
            running[folder] = compute.start(service.named(offer.engine).job(offer, setup, folder, {}))
        return running[folder]

    yield found
    for one in running.values():
        one.stop()


def write_tokenizer(folder: Path) -> None:
    """Words of :data:`VOCABULARY`, as BERT's tokenizers have them."""
    found = tokenizers.Tokenizer(
        models.WordPiece({word: at for at, word in enumerate(VOCABULARY)}, unk_token="[UNK]")  # type: ignore[call-arg]
    )
    found.normalizer = normalizers.BertNormalizer()
    found.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    found.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    found.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"pad_token": "[PAD]"}))


def write_safetensors(path: Path, tensors: Mapping[str, Any]) -> None:
    header: dict[str, Any] = {}
    data = b""
    for name, values in tensors.items():
        kind = {"float32": "F32", "float16": "F16"}[str(values.dtype)]
        header[name] = {
            "dtype": kind,
            "shape": list(values.shape),
            "data_offsets": [len(data), len(data) + values.nbytes],
        }
        data += values.tobytes()
    said = json.dumps(header).encode()
    path.write_bytes(len(said).to_bytes(8, "little") + said + data)


def bert_tensors(hidden: int = 16, inner: int = 32, layers: int = 2, positions: int = 32) -> dict[str, Any]:
    random = np.random.default_rng(5)
    found: dict[str, Any] = {}

    def weight(name: str, *shape: int) -> None:
        found[name] = (random.standard_normal(shape) * 0.5).astype(np.float32)

    def norm(name: str) -> None:
        found[f"{name}.weight"], found[f"{name}.bias"] = np.ones(hidden, np.float32), np.zeros(hidden, np.float32)

    weight("embeddings.word_embeddings.weight", len(VOCABULARY), hidden)
    weight("embeddings.position_embeddings.weight", positions, hidden)
    weight("embeddings.token_type_embeddings.weight", 2, hidden)
    norm("embeddings.LayerNorm")
    for layer in range(layers):
        name = f"encoder.layer.{layer}."
        for part, out, into in (
            ("attention.self.query", hidden, hidden),
            ("attention.self.key", hidden, hidden),
            ("attention.self.value", hidden, hidden),
            ("attention.output.dense", hidden, hidden),
            ("intermediate.dense", inner, hidden),
            ("output.dense", hidden, inner),
        ):
            weight(f"{name}{part}.weight", out, into)
            weight(f"{name}{part}.bias", out)
        norm(f"{name}attention.output.LayerNorm")
        norm(f"{name}output.LayerNorm")
    return found


BERT = {
    "model_type": "bert",
    "architectures": ["BertModel"],
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 32,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
}
