"""The hub's own encoder: sentences to vectors, from safetensors of the BERT kind (docs/decisions/0024)."""

import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from freehold.cards.memory import MB, Load, Need
from freehold.compute.rules import Job
from freehold.engines import sentences
from freehold.engines.rules import Ability, Engine, Model, Offer, Refusal, Setup

NAME = "encoder"
PROGRAM = "freehold.engines.programs.encoder"
#: Kinds of model that are computed alike: positions counted from zero, two kinds of sentence.
KINDS = frozenset({"bert"})
#: Heads whose weights are those of an encoder and more, which this engine does not compute.
OTHERS = ("ForSequenceClassification", "ForTokenClassification", "ForMaskedLM", "ForQuestionAnswering", "ForCausalLM")
ABILITIES: frozenset[Ability] = frozenset({"embeddings", "feature-extraction", "sentence-similarity"})
#: Python with numpy and the tokenizer, before a model is there. Measured, docs/fit.md.
RUNTIME_BYTES = 90 * MB
MARGIN = 0.25


def look(model: Model, setup: Setup) -> Sequence[Offer] | Refusal:
    config = model.settings.get("config.json")
    loads = [load for load in model.loads if load.form == "safetensors"]
    if not loads or not isinstance(config, Mapping):
        return Refusal(NAME, "It has no safetensors with a config.json.")
    if config.get("model_type") not in KINDS:
        return Refusal(NAME, f"It computes encoders of the kind {', '.join(sorted(KINDS))}, and this is none.")
    named = config.get("architectures") or []
    if (
        any(str(name).endswith(OTHERS) for name in named if isinstance(named, list))
        and "modules.json" not in model.files
    ):
        return Refusal(NAME, f"It is a {str(named[0])[:60]}, of which this engine knows the encoder only.")
    if "tokenizer.json" not in model.files:
        return Refusal(NAME, "It has no tokenizer.json, which transformers writes with save_pretrained.")
    making = sentences.making(model)
    if isinstance(making, str):
        return Refusal(NAME, making)
    weights = [path for path in sorted(model.files) if path.endswith(".safetensors") and "/" not in path]
    if loads[0].files == 1:  # the same in another precision may lie beside it
        weights = [loads[0].name]
    beside = [path for path in ("config.json", "tokenizer.json", "tokenizer_config.json") if path in model.files]
    pooling, is_normal = making
    tokens = sentences.max_tokens(model, setup)
    return [
        Offer(
            engine=NAME,
            file=loads[0].name,
            abilities=ABILITIES,
            paths=[*weights, *beside],
            need=_need(model, loads[0], tokens, setup.parallel),
            max_context_tokens=sentences.most_tokens(model),
            options={"pooling": pooling, "is_normal": is_normal, "max_tokens": tokens},
        )
    ]


def job(offer: Offer, setup: Setup, directory: Path, adapters: Mapping[str, Path]) -> Job:
    threads, settled = setup.threads or os.cpu_count() or 1, {**offer.options, **setup.options}
    options: dict[str, Any] = {
        "folder": os.fspath(directory),
        "weights": [path for path in offer.paths if path.endswith(".safetensors")],
        "pooling": settled.get("pooling", "mean"),
        "is_normal": settled.get("is_normal", True),
        "max_tokens": settled.get("max_tokens") or offer.max_context_tokens or 512,
        "alias": offer.file,
        "parallel": setup.parallel,
    }
    return Job(
        name=f"{offer.file} on the hub's own encoder",
        argv=[sys.executable, "-s", "-P", "-m", PROGRAM],
        options=options,
        environment={"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)},
        files=[directory / path for path in offer.paths],
        memory_bytes=offer.need.most_bytes if offer.need is not None else None,
        cpus=float(threads),
    )


def missing() -> str:
    if any(importlib.util.find_spec(name) is None for name in ("numpy", "tokenizers")):
        return "The encoder is not installed on this node: install freehold[serve]."
    return ""


ENGINE = Engine(
    name=NAME,
    title="Freehold's own encoder",
    formats=frozenset({"safetensors"}),
    look=look,
    job=job,
    missing=missing,
)


def _need(model: Model, load: Load, tokens: int, parallel: int) -> Need:
    """Weights as 32-bit numbers (read once, then kept: twice for a moment), and for each call a step of the longest
    sentences."""
    parameters = model.facts.get("parameters") or load.weights_bytes // 2
    steps = parallel * sentences.step_bytes(model, tokens)
    weights, overhead = 4 * parameters, RUNTIME_BYTES + load.weights_bytes + steps
    return Need(
        engine="ONNX Runtime",
        weights_bytes=weights,
        cache_bytes=0,
        overhead_bytes=overhead,
        margin_bytes=int((weights + overhead) * MARGIN),
        is_measured=False,
    )
