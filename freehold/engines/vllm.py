"""vLLM: many calls at a time on graphics cards, in an environment of its own (extra ``serve-gpu``)."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from freehold.compute.rules import Job
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
#: There once a driver is.
CARD = Path("/dev/nvidiactl")


def look(model: Model, setup: Setup) -> Sequence[Offer] | Refusal:
    return offers(NAME, "vLLM", model, setup)


def job(offer: Offer, setup: Setup, directory: Path, adapters: Mapping[str, Path]) -> Job:
    context = min(setup.context_tokens, offer.max_context_tokens or setup.context_tokens)
    words = ["-m", "vllm.entrypoints.cli.main", "serve", os.fspath(directory), "--served-model-name", ALIAS]
    words += ["--host", "127.0.0.1", "--port", "{port}", "--middleware", DOOR]
    words += ["--max-model-len", str(context), "--max-num-seqs", str(setup.parallel)]
    if adapters:
        words += ["--enable-lora", "--lora-modules", *(f"{name}={path}" for name, path in adapters.items())]
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
        memory_bytes=None,  # the card's is bounded by vLLM itself
        ready_s=READY_S,
        cpus=2.0,
        gpus=1.0,
    )


def worded(body: Mapping[str, Any], adapter: str, adapters: Sequence[str]) -> Mapping[str, Any]:
    return {**body, "model": adapter or ALIAS}


def missing() -> str:
    if not CARD.exists():
        return "vLLM needs a graphics card, and this node has none."
    return interpreters.why_not(NAME, SETTING)


ENGINE = Engine(
    name=NAME,
    title="vLLM",
    formats=frozenset({"safetensors"}),
    look=look,
    job=job,
    missing=missing,
    worded=worded,
    takes_adapters=True,
)
