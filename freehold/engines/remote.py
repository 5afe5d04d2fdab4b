"""Any address that speaks OpenAI's API: no process, no files; the hub keeps the key, and calls go out from it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from freehold.compute.rules import Job
from freehold.engines.rules import Ability, Engine, Model, Offer, Refusal, Setup

NAME = "remote"
#: What such an address may do. Which of it this one does, whoever sets it up says.
ABILITIES: frozenset[Ability] = frozenset({"chat", "completions", "embeddings", "rerank", "transcription"})


def look(model: Model, setup: Setup) -> Sequence[Offer] | Refusal:
    return Refusal(NAME, "It answers elsewhere: an address is given to it, not a repository.")


def offer(model: str, abilities: frozenset[Ability]) -> Offer:
    """For ``model`` as the other side calls it. Takes no memory here."""
    return Offer(engine=NAME, file="", abilities=abilities & ABILITIES, paths=(), need=None, max_context_tokens=None,
                 options={"model": model})  # fmt: skip


def job(offer: Offer, setup: Setup, directory: Path, adapters: Mapping[str, Path]) -> Job:
    raise AssertionError("a remote endpoint has no process")


def worded(body: Mapping[str, Any], adapter: str, adapters: Sequence[str]) -> Mapping[str, Any]:
    """As it is: the name that the other side knows is set by whoever calls it."""
    return body


ENGINE = Engine(
    name=NAME,
    title="Another address",
    formats=frozenset(),
    look=look,
    job=job,
    missing=lambda: "",
    worded=worded,
    is_remote=True,
)
