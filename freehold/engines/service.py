"""Which engines there are, and which of them can serve a model. A new one is a file of this room and a line here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from freehold.engines import encoder, interpreters, llama, onnx, onnx_text, remote, transformers, vllm
from freehold.engines.errors import NoSuchEngine
from freehold.engines.rules import Engine, Model, Offer, Refusal, Setup

#: In the order of preference: the first that can serve a model is proposed.
ENGINES: Mapping[str, Engine] = {
    one.ENGINE.name: one.ENGINE for one in (llama, vllm, onnx, encoder, transformers, onnx_text, remote)
}


@dataclass(frozen=True)
class Choices:
    """What engines make of a model: ``offers``, the best first, and why each of the others cannot."""

    offers: Sequence[Offer]
    refusals: Sequence[Refusal]


def know(*, transformers_python: str, vllm_python: str) -> None:
    """Engines with an environment of their own are started by these Pythons. Done once, at the start of a node."""
    interpreters.know({transformers.NAME: transformers_python, vllm.NAME: vllm_python})


def named(name: str) -> Engine:
    """The engine of this name. Raises :class:`NoSuchEngine`."""
    try:
        return ENGINES[name]
    except KeyError:
        raise NoSuchEngine(name, list(ENGINES)) from None


def choices(model: Model, setup: Setup | None = None, engine: str = "") -> Choices:
    """What can serve ``model`` as ``setup`` says, on this node. ``engine``: only this one is asked, where it is named.

    Raises :class:`NoSuchEngine`.
    """
    asked = [named(engine)] if engine else [one for one in ENGINES.values() if not one.is_remote]
    offers: list[Offer] = []
    refusals: list[Refusal] = []
    for one in asked:
        found = one.look(model, setup or Setup())
        if isinstance(found, Refusal):
            refusals.append(found)
        elif why := one.missing():
            refusals.append(Refusal(one.name, why))
        else:
            offers += found
    return Choices(offers, refusals)
