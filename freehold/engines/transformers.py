"""transformers' own server: what has no other form. Slow to start, needs torch, and reads nearly everything."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from freehold.cards import memory
from freehold.compute.rules import CardNeed, Job
from freehold.engines import interpreters
from freehold.engines.rules import Ability, Engine, Model, Offer, Refusal, Setup

NAME = "transformers"
SETTING = "FREEHOLD_TRANSFORMERS_PYTHON"
NEEDED = ("transformers", "torch", "uvicorn", "fastapi")
PROGRAM = "freehold.engines.programs.foreign"
ARGUMENTS = ("--host", "127.0.0.1", "--port", "{port}", "--no-trust-remote-code", "--no-enable-cors")
READY_S = 300.0


#: Where it computes, and how it calls that. Its torch may know no cards, so somebody has to want one.
DEVICES = {"processor": "cpu", "card": "cuda:0"}


def look(model: Model, setup: Setup) -> Sequence[Offer] | Refusal:
    found = offers(
        NAME, "transformers", model, setup, "It answers one call after another, and starts in about half a minute."
    )
    if isinstance(found, Refusal) or setup.options.get("device") != "card":
        return found
    load = next(load for load in model.loads if load.form == "safetensors")
    context = min(setup.context_tokens, model.facts.get("context_length") or setup.context_tokens)
    each_bytes, is_all = memory.on_each_card(load, setup.parallel, context, 1, 1, "transformers")
    needs = [CardNeed(1, each_bytes, is_whole=not is_all)]
    return [replace(offer, need=memory.beside_cards("transformers"), on_cards=needs) for offer in found]


def job(offer: Offer, setup: Setup, directory: Path, adapters: Mapping[str, Path]) -> Job:
    threads = setup.threads or os.cpu_count() or 1
    python = interpreters.of(NAME, NEEDED)
    device = DEVICES.get(str({**offer.options, **setup.options}.get("device")), DEVICES["processor"])
    options = {
        "name": "transformers",
        "argv": [python, "-s", "-m", "freehold_door", "serve", os.fspath(directory), *ARGUMENTS, "--device", device],
        "environment": {"FREEHOLD_ENGINE_KEY": "{key}", **interpreters.DOOR},
        "health": "/health",
    }
    return Job(
        name=f"{offer.file} on transformers",
        argv=[sys.executable, "-s", "-P", "-m", PROGRAM],
        options=options,
        environment={"OMP_NUM_THREADS": str(threads), "TRANSFORMERS_OFFLINE": "1"},
        files=[directory / path for path in offer.paths],
        memory_bytes=offer.need.most_bytes if offer.need is not None else None,
        ready_s=READY_S,
        cpus=float(threads),
    )


def worded(body: Mapping[str, Any], adapter: str, adapters: Sequence[str]) -> Mapping[str, Any]:
    """It serves the one model it was started with where a call names none, and refuses any name but that folder's."""
    return {**body, "model": None}


def missing() -> str:
    return interpreters.why_not(NAME, SETTING, NEEDED)


ENGINE = Engine(
    name=NAME,
    title="transformers",
    formats=frozenset({"safetensors"}),
    look=look,
    job=job,
    missing=missing,
    worded=worded,
    options={"device": tuple(DEVICES)},
)


# ---- what vLLM asks as well -----------------------------------------------------------------------------------------


def offers(
    engine: str, reckoned_as: memory.Engine, model: Model, setup: Setup, *notes: str
) -> Sequence[Offer] | Refusal:
    """All safetensors of a model that writes text, as one offer. ``reckoned_as``: by ``cards.memory``."""
    if setup.file.endswith((".gguf", ".onnx")):
        return Refusal(engine, f"It reads safetensors, and {setup.file} is what was asked for.")
    found = written_by_words(engine, model)
    if isinstance(found, Refusal):
        return found
    load = next(load for load in model.loads if load.form == "safetensors")
    context = min(setup.context_tokens, model.facts.get("context_length") or setup.context_tokens)
    return [
        Offer(
            engine=engine,
            file=load.name,
            abilities=found,
            paths=paths(model),
            need=memory.need(load, setup.parallel, context, engine=reckoned_as),
            max_context_tokens=model.facts.get("context_length"),
            notes=list(notes),
        )
    ]


def written_by_words(engine: str, model: Model) -> frozenset[Ability] | Refusal:
    """What a model of safetensors does that writes text; or why it is none that such an engine takes."""
    config = model.settings.get("config.json")
    if not any(load.form == "safetensors" for load in model.loads) or not isinstance(config, Mapping):
        return Refusal(engine, "It has no safetensors with a config.json.")
    if config.get("auto_map"):
        return Refusal(engine, "It brings code of its own, which this hub does not run.")
    named = config.get("architectures")
    architecture = str(named[0]) if isinstance(named, list) and named else ""
    if not architecture.endswith(("ForCausalLM", "ForConditionalGeneration")):
        return Refusal(
            engine, f"It is {architecture[:60] or 'of no architecture that is named'}, which writes no text."
        )
    if not {"tokenizer.json", "tokenizer.model", "vocab.json"} & model.files.keys():
        return Refusal(engine, "It has no tokenizer.")
    if config.get("model_type") == "whisper":
        return frozenset({"transcription"})
    said = model.settings.get("tokenizer_config.json")
    talks = "chat_template.jinja" in model.files or (isinstance(said, Mapping) and said.get("chat_template"))
    return frozenset({"chat", "completions"}) if talks else frozenset({"completions"})


def paths(model: Model) -> Sequence[str]:
    """The weights, and everything small beside them: which of it a model reads, its code knows. No pickles."""
    small = (".json", ".txt", ".jinja", ".model")
    return sorted(path for path in model.files if "/" not in path and path.endswith((".safetensors", *small)))
