"""Text by ONNX Runtime: graphs that keep what they read, as optimum and transformers.js publish them; on processors.

It comes after the engines that also bind an answer to a form or call tools, where the model has files for them.
"""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from freehold.cards import memory, shape
from freehold.cards.memory import Load, Need
from freehold.cards.shape import Layers, Shape
from freehold.compute.rules import Job
from freehold.engines import onnx
from freehold.engines.rules import Ability, Engine, Model, Offer, Refusal, Setup

NAME = "onnx-text"
PROGRAM = "freehold.engines.programs.onnx_text"
#: What a graph may take besides what it kept. A graph of two branches says by ``use_cache_branch`` which.
_TAKEN = frozenset({"input_ids", "attention_mask", "position_ids", "use_cache_branch", "num_logits_to_keep"})
_PAST = re.compile(r"past_key_values\.\d{1,4}\.(?:key|value)")
_BYTES = {"F32": 4, "F16": 2}
_BESIDE = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
NOTE = "It calls no tools and binds no answer to a form: llama.cpp does, from a GGUF file."


def look(model: Model, setup: Setup) -> Sequence[Offer] | Refusal:
    """One offer for each precision that is published, the smallest first."""
    graphs = {path: told.get("graph", {}) for path, told in model.headers.items() if path.endswith(".onnx")}
    if not graphs:
        return Refusal(NAME, "It has no ONNX file that can be read; optimum-cli export onnx makes one.")
    if setup.file and setup.file not in graphs:
        return Refusal(NAME, f"It has no {setup.file}; it has {', '.join(sorted(graphs)[:10])}.")
    if "tokenizer.json" not in model.files:
        return Refusal(NAME, "It has no tokenizer.json, which transformers writes with save_pretrained.")
    asked = [setup.file] if setup.file else sorted(path for path in graphs if "with_past" not in path)
    problems = {path: _problem(graphs[path]) for path in asked}
    offers = [_offer(model, setup, path, graphs[path]) for path, problem in problems.items() if not problem]
    if not offers:
        return Refusal(NAME, next(iter(problems.values()), "It has no graph that reads a text from its beginning."))
    return sorted(offers, key=lambda one: one.need.weights_bytes if one.need else 0)


def job(offer: Offer, setup: Setup, directory: Path, adapters: Mapping[str, Path]) -> Job:
    threads = setup.threads or os.cpu_count() or 1
    options = {
        **offer.options,
        "files": {"model": offer.file},
        "folder": os.fspath(directory),
        "threads": threads,
        "context_tokens": min(setup.context_tokens, offer.max_context_tokens or setup.context_tokens),
        "alias": Path(offer.file).name,
        "parallel": setup.parallel,
    }
    return Job(
        name=f"{Path(offer.file).name} on ONNX Runtime",
        argv=[sys.executable, "-s", "-P", "-m", PROGRAM],
        options=options,
        environment={"OMP_NUM_THREADS": str(threads)},
        files=[directory / path for path in offer.paths],
        memory_bytes=offer.need.most_bytes if offer.need is not None else None,
        cpus=float(threads),
    )


ENGINE = Engine(
    name=NAME,
    title="ONNX Runtime, writing",
    formats=frozenset({"onnx"}),
    look=look,
    job=job,
    missing=onnx.missing,
)


# ---- what a graph is ------------------------------------------------------------------------------------------------


def _problem(graph: Mapping[str, Any]) -> str:
    """Why it writes no text here; '' where it does."""
    inputs, outputs = _ports(graph, "inputs"), _ports(graph, "outputs")
    past = [name for name in inputs if name not in _TAKEN]
    if "input_ids" not in inputs or "logits" not in outputs:
        return "It takes no tokens, or gives no scores of the next one: it writes no text."
    if not past:
        return "It keeps nothing of what it read, and would read it all again for each token: export it with a cache."
    if "encoder_hidden_states" in inputs:
        return "It writes of what an encoder read, which this engine does not do."
    if unknown := [name for name in past if not _PAST.fullmatch(name)]:
        return f"It takes {', '.join(unknown)[:200]}, which this engine does not make."
    if any(_kept_values(inputs[name]) is None for name in past):
        return "It keeps what it read in a form that this engine does not know."
    return ""


def _ports(graph: Mapping[str, Any], name: str) -> dict[str, tuple[str, Sequence[str]]]:
    """Names of what goes in or out, with its type and its dimensions as text."""
    return {str(one[0]): (str(one[1]), [str(side) for side in one[2]]) for one in graph.get(name, ()) if len(one) == 3}


def _kept_values(port: tuple[str, Sequence[str]]) -> tuple[int, int] | None:
    """Numbers that are kept of each token, and bytes of one: (users, heads, tokens, width) of floats. None: unknown."""
    kind, sides = port
    if kind not in _BYTES or len(sides) != 4 or not (sides[1].isdecimal() and sides[3].isdecimal()):
        return None
    values = int(sides[1]) * int(sides[3])
    return (values, _BYTES[kind]) if 0 < values <= shape.MAX_VALUES else None


def _offer(model: Model, setup: Setup, path: str, graph: Mapping[str, Any]) -> Offer:
    said = model.settings.get("tokenizer_config.json")
    talks = "chat_template.jinja" in model.files or (isinstance(said, Mapping) and said.get("chat_template"))
    abilities: frozenset[Ability] = frozenset({"chat", "completions"}) if talks else frozenset({"completions"})
    weights = [one for one in model.files if one == path or one.startswith((f"{path}_data", f"{path}.data"))]
    limit = model.facts.get("context_length")
    return Offer(
        engine=NAME,
        file=path,
        abilities=abilities,
        paths=[path, *(one for one in weights if one != path), *(one for one in _BESIDE if one in model.files)],
        need=_need(model, setup, graph, sum(model.files[one] for one in weights), limit),
        max_context_tokens=limit,
        notes=[NOTE],
    )


def _need(model: Model, setup: Setup, graph: Mapping[str, Any], weights_bytes: int, limit: int | None) -> Need:
    """By the formula of all engines, from what the graph itself says that it keeps."""
    inputs, (_, scores) = _ports(graph, "inputs"), _ports(graph, "outputs")["logits"]
    kept = [found for name, port in inputs.items() if _PAST.fullmatch(name) and (found := _kept_values(port))]
    config = model.settings.get("config.json")
    built = shape.of_config(config if isinstance(config, Mapping) else {})
    words = int(scores[-1]) if scores and scores[-1].isdecimal() else built.vocabulary
    load = Load(
        form="onnx",
        name="",
        weights_bytes=weights_bytes,
        shape=Shape(
            [Layers(1, sum(values for values, _ in kept))],
            hidden=built.hidden,
            feed_forward=built.feed_forward,
            vocabulary=words,
        ),
        value_bytes=max(size for _, size in kept),
    )
    return memory.need(load, setup.parallel, min(setup.context_tokens, limit or setup.context_tokens))
