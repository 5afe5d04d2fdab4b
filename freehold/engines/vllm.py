"""vLLM: many calls at a time on graphics cards, in an environment of its own (extra ``serve-gpu``).

Its words are those of vLLM 0.33, and a test holds them to what that parses (tests/engines/vllm_flags.json).
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from freehold.cards import memory
from freehold.cards.memory import Load
from freehold.compute.rules import CardNeed, Job
from freehold.engines import interpreters
from freehold.engines.rules import Engine, Model, Offer, Refusal, Setup
from freehold.engines.transformers import offers

NAME = "vllm"
SETTING = "FREEHOLD_VLLM_PYTHON"
PROGRAM = "freehold.engines.programs.foreign"
DOOR = "freehold_door.Door"
#: What it calls the model: names of calls are the hub's.
ALIAS = "model"
READY_S = 900.0  # it compiles for the card
#: Of an adapter, beside its weights.
ADAPTER, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
#: Cards that one model is spread over, at most.
MAX_CARDS = 16
#: How a model writes that it calls a tool, by what its template has of it, and who reads that in vLLM.
TOOLS = (("<function=", "qwen3_coder"), ("<tool_call>", "hermes"), ("[TOOL_CALLS]", "mistral"),
         ("<|python_tag|>", "llama3_json"))  # fmt: skip
TEMPLATES = ("chat_template.jinja", "tokenizer_config.json")
#: Ranks that it takes as the highest of adapters. Source: vLLM, config/lora.py (MaxLoRARanks).
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)


def look(model: Model, setup: Setup) -> Sequence[Offer] | Refusal:
    found = offers(NAME, "vLLM", model, setup)
    if isinstance(found, Refusal):
        return found
    load = next(load for load in model.loads if load.form == "safetensors")
    context = min(setup.context_tokens, model.facts.get("context_length") or setup.context_tokens)
    needs = _on_cards(load, model.settings["config.json"], setup.parallel, context)
    return [replace(offer, need=memory.beside_cards("vLLM"), on_cards=needs) for offer in found]


def job(offer: Offer, setup: Setup, directory: Path, adapters: Mapping[str, Path]) -> Job:
    context = min(setup.context_tokens, offer.max_context_tokens or setup.context_tokens)
    words = ["-m", "vllm.entrypoints.cli.main", "serve", os.fspath(directory), "--served-model-name", ALIAS]
    words += ["--host", "127.0.0.1", "--port", "{port}", "--middleware", DOOR]
    words += ["--max-model-len", str(context), "--max-num-seqs", str(setup.parallel)]
    words += ["--max-num-batched-tokens", str(max(setup.parallel, min(memory.BATCH, setup.parallel * context)))]
    # What it was given, which is known where it runs; by itself it takes nine tenths of one card.
    words += ["--gpu-memory-utilization", "{share}", "--tensor-parallel-size", "{cards}"]
    words += ["--enable-prompt-tokens-details"]  # else nobody learns what it had read before
    if "chat" in offer.abilities and (reads := _reads_tools(directory)):
        words += ["--enable-auto-tool-choice", "--tool-call-parser", reads]
    if adapters:
        words += ["--enable-lora", "--max-loras", str(at_once(len(adapters), setup.parallel))]
        words += ["--max-cpu-loras", str(len(adapters)), "--max-lora-rank", str(_rank(adapters.values()))]
        words += ["--lora-modules", *(json.dumps({"name": name, "path": os.fspath(path.parent)})
                                      for name, path in adapters.items())]  # fmt: skip
    options = {
        "name": "vLLM",
        "argv": [interpreters.of(NAME), "-s", *words],
        # Both ask for it: ours before every path, vLLM's own before those below /v1.
        "environment": {
            **interpreters.DOOR,
            "FREEHOLD_ENGINE_KEY": "{key}",
            "VLLM_API_KEY": "{key}",
            "VLLM_NO_USAGE_STATS": "1",
        },
        "health": "/health",
    }
    return Job(
        name=f"{offer.file} on vLLM",
        argv=[sys.executable, "-s", "-P", "-m", PROGRAM],
        options=options,
        files=[directory / path for path in offer.paths],
        ready_s=READY_S,
        cpus=2.0,
    )


def worded(body: Mapping[str, Any], adapter: str, adapters: Sequence[str]) -> Mapping[str, Any]:
    return {**body, "model": adapter or ALIAS}


def constrained(body: Mapping[str, Any]) -> dict[str, Any]:
    """``body`` with its grammar or schema, as llama.cpp's callers say it, in vLLM's words: it would see neither."""
    kept = {name: value for name, value in body.items() if name not in ("grammar", "json_schema")}
    for name, word in (("grammar", "grammar"), ("json_schema", "json")):
        if body.get(name) and "structured_outputs" not in kept:
            kept["structured_outputs"] = {word: body[name]}
    return kept


def adapters_in(model: Model) -> Sequence[str]:
    """As PEFT writes them; no pickle."""
    folders = {path.rpartition("/")[0] for path in model.files if path.rpartition("/")[2] == ADAPTER}
    return [path for path in model.files if path.rpartition("/")[2] == WEIGHTS and path.rpartition("/")[0] in folders]


def missing() -> str:
    return interpreters.why_not(NAME, SETTING)


ENGINE = Engine(
    name=NAME,
    title="vLLM",
    formats=frozenset({"safetensors"}),
    look=look,
    job=job,
    missing=missing,
    worded=worded,
    adapters_in=adapters_in,
    adapter_form=f"{WEIGHTS} beside its {ADAPTER}",
    beside_adapters=(ADAPTER,),
)


def at_once(adapters: int, parallel: int) -> int:
    """Of so many adapters, those that are on a card at a time: no more calls than that are under way."""
    return min(adapters, parallel)


def _reads_tools(directory: Path) -> str:
    """The one of vLLM's readers that knows how this model calls tools; '': none, and it refuses calls with tools."""
    for name in TEMPLATES:
        try:
            text = (directory / name).read_text(errors="replace")
        except OSError:
            continue
        if found := next((reader for mark, reader in TOOLS if mark in text), ""):
            return found
    return ""


def _on_cards(load: Load, config: Mapping[str, Any], parallel: int, context: int) -> Sequence[CardNeed]:
    """One card, or as many as divide the heads: then each has as many of them."""
    nested = config.get("text_config")
    said = nested if isinstance(nested, Mapping) else config
    heads = said.get("num_attention_heads") or said.get("n_head") or 1
    pairs = said.get("num_key_value_heads") or heads
    if type(heads) is not int or type(pairs) is not int:
        heads = pairs = 1
    needs, count = [], 1
    while count <= MAX_CARDS and heads % count == 0:
        each_bytes, is_all = memory.on_each_card(load, parallel, context, count, pairs, "vLLM")
        needs.append(CardNeed(count, each_bytes, is_whole=not is_all))
        count *= 2
    return needs


def _rank(adapters: Iterable[Path]) -> int:
    """The lowest that it takes for all of ``adapters``, by what each one's own file says. It takes 16 unless told."""
    highest = max(map(_rank_of, adapters))
    return next((rank for rank in RANKS if rank >= highest), RANKS[-1])


def _rank_of(adapter: Path) -> int:
    try:
        said = json.loads((adapter.parent / ADAPTER).read_bytes())
        ranks = [said["r"], *said.get("rank_pattern", {}).values()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return 1  # it says itself what is wrong with the file
    return max((rank for rank in ranks if type(rank) is int), default=1)
