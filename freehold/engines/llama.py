"""llama.cpp: GGUF on processors, for talking, embeddings and ranking; with LoRA adapters beside the base."""

import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from freehold.cards import loads, memory
from freehold.cards.memory import Load, Need
from freehold.compute.rules import Job
from freehold.engines.rules import Ability, Engine, Model, Offer, Refusal, Setup

NAME = "llama.cpp"
PROGRAM = "freehold.engines.programs.llama"
#: Architectures of encoders: they read a text as a whole, and write none. Source: llama.cpp, llama-arch.cpp.
_ENCODERS = frozenset(
    {"bert", "modern-bert", "nomic-bert", "nomic-bert-moe", "neo-bert", "jina-bert-v2", "jina-bert-v3", "eurobert"}
    | {"gemma-embedding", "llama-embed", "t5encoder"}
)
#: What ``pooling_type`` says of a model made for embeddings, and for ranking. Source: llama.h, enum llama_pooling_type.
_NO_POOLING, _RANK = 0, 4


def look(model: Model, setup: Setup) -> Sequence[Offer] | Refusal:
    """One offer for each quantisation that can be served, the smallest first."""
    mine = [load for load in model.loads if load.form == "gguf" and setup.file in ("", load.name)]
    if not mine:
        return Refusal(NAME, _no_file(model, setup))
    offers = [offer for load in mine if (offer := _offer(model, setup, load)) is not None]
    if not offers:
        return Refusal(NAME, "Its GGUF files hold no vocabulary, so they are no language models by themselves.")
    return offers


def job(offer: Offer, setup: Setup, directory: Path, adapters: Mapping[str, Path]) -> Job:
    settled = {**offer.options, **setup.options}
    context = min(setup.context_tokens, offer.max_context_tokens or setup.context_tokens)
    options: dict[str, Any] = {
        "model": os.fspath(directory / offer.paths[0]),
        "adapters": [os.fspath(path) for path in adapters.values()],
        "alias": Path(offer.file).name or "model",
        "mode": _mode(offer.abilities),
        "context_tokens": context,
        "parallel": setup.parallel,
        "threads": setup.threads or os.cpu_count() or 1,
        "made": os.fspath(setup.cache) if setup.cache and settled.get("precision") == "full" else "",
    }
    return Job(
        name=f"{Path(offer.file).name} on llama.cpp",
        argv=[sys.executable, "-s", "-P", "-m", PROGRAM],
        options=options,
        environment={"GGML_NO_BACKTRACE": "1"},  # it would look for a debugger
        files=[directory / path for path in offer.paths],
        memory_bytes=offer.need.most_bytes if offer.need is not None else None,
        cpus=float(options["threads"]),
    )


def worded(body: Mapping[str, Any], adapter: str, adapters: Sequence[str]) -> Mapping[str, Any]:
    """Which adapter counts is decided by the name that was called, never by the body."""
    kept = {key: value for key, value in body.items() if key not in ("lora", "id_slot")}
    if not adapters:
        return kept
    return {**kept, "lora": [{"id": at, "scale": float(name == adapter)} for at, name in enumerate(adapters)]}


def adapters_in(model: Model) -> Sequence[str]:
    return [path for path, told in model.headers.items() if told.get("dimensions", {}).get("type") == "adapter"]


def missing() -> str:
    if importlib.util.find_spec("xllamacpp") is None:
        return "llama.cpp is not installed on this node: install freehold[serve]."
    return ""


ENGINE = Engine(
    name=NAME,
    title="llama.cpp",
    formats=frozenset({"gguf"}),
    look=look,
    job=job,
    missing=missing,
    worded=worded,
    options={"precision": ("stored", "full")},
    adapters_in=adapters_in,
    adapter_form="a GGUF file",
)


def _no_file(model: Model, setup: Setup) -> str:
    ggufs = [load.name for load in model.loads if load.form == "gguf"]
    if setup.file and ggufs:
        return f"It has no {setup.file}; it has {', '.join(ggufs[:10])}."
    problems = dict(model.facts.get("details", {}).get("problems", ()))
    for path, why in problems.items():
        if path.endswith(".gguf"):
            return f"{path} cannot be read: {why}."
    return "It has no GGUF file; one can be made from its safetensors with llama.cpp's convert_hf_to_gguf.py."


def _offer(model: Model, setup: Setup, load: Load) -> Offer | None:
    paths = _paths(model, load)
    told = model.headers.get(paths[0], {}) if paths else {}
    dimensions: Mapping[str, Any] = told.get("dimensions", {})
    if not paths or (told and not dimensions.get("tokens")):
        return None
    context = min(setup.context_tokens, load.context or setup.context_tokens)
    abilities = _abilities(told)
    settled, full = _precision(model, setup, load, paths)
    need = memory.need(load if full is None else replace(load, weights_bytes=full), setup.parallel, context)
    if _mode(abilities) != "chat":
        need = _at_once(need, load, context)
    notes = []
    if settled == "full":
        notes.append("Its weights are computed as 16-bit numbers: a model so small wanders when more is rounded.")
    return Offer(
        engine=NAME,
        file=load.name,
        abilities=abilities,
        paths=paths,
        need=need,
        max_context_tokens=load.context,
        options={"precision": settled},
        notes=notes,
    )


def _paths(model: Model, load: Load) -> Sequence[str]:
    """The file, or all parts of it in order; loads bear the name that their parts share."""
    if load.name in model.files:
        return [load.name]
    return sorted(path for path in model.files if path.startswith(f"{load.name}-") and path.endswith(".gguf"))


def _abilities(told: Mapping[str, Any]) -> frozenset[Ability]:
    facts, dimensions = told.get("facts", {}), told.get("dimensions", {})
    pooling = dimensions.get("pooling_type")
    if pooling == _RANK:
        return frozenset({"rerank"})
    if facts.get("architecture") in _ENCODERS or pooling not in (None, _NO_POOLING):
        return frozenset({"embeddings", "feature-extraction", "sentence-similarity"})
    return frozenset({"chat", "completions"}) if facts.get("chat_template") else frozenset({"completions"})


def _mode(abilities: frozenset[Ability]) -> str:
    if "rerank" in abilities:
        return "rerank"
    return "embeddings" if "embeddings" in abilities else "chat"


def _precision(model: Model, setup: Setup, load: Load, paths: Sequence[str]) -> tuple[str, int | None]:
    """What was chosen, or is best; and bytes of the weights in full precision where that is it."""
    told = model.headers.get(paths[0], {})
    full_bytes = loads.in_full(load.weights_bytes, told) if len(paths) == 1 else 0
    chosen = setup.options.get("precision")
    if chosen is None:
        chosen = "full" if loads.is_small(told) else "stored"
    return ("full", full_bytes) if full_bytes and chosen == "full" else ("stored", None)


def _at_once(need: Need, load: Load, context: int) -> Need:
    """An encoder computes a whole text in one step, where others go 512 tokens at a time."""
    if context <= memory.STEP:
        return need
    hidden, inner = load.shape.hidden or 0, load.shape.feed_forward or 4 * (load.shape.hidden or 0)
    more = (context - memory.STEP) * 4 * (3 * inner + 5 * hidden) + context * context * 4
    return replace(need, overhead_bytes=need.overhead_bytes + more)
