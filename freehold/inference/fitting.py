"""Whether an engine's offer fits on this node, and what would fit instead. Pure but for what is asked of engines."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from freehold.engines import service as engines
from freehold.engines.rules import Model, Offer, Refusal, Setup
from freehold.inference.node import Room
from freehold.web import figures

#: Lengths of text and numbers of calls that are tried where more is too much.
SHORTER = (16_384, 8_192, 4_096, 2_048, 1_024, 512)
FEWER = (4, 2, 1)
#: Offers that are looked at of one model.
MAX_OFFERS = 64


@dataclass(frozen=True)
class Choice:
    """An offer held against this node. ``bytes``: what it takes at most; None: unknown, then it may be tried."""

    offer: Offer
    setup: Setup
    bytes: int | None
    fits: bool


@dataclass(frozen=True)
class Found:
    """What can serve a model: ``best`` first, or None where nothing fits; ``refusals`` why engines cannot."""

    best: Choice | None
    choices: Sequence[Choice]
    refusals: Sequence[Refusal]
    instead: Sequence[str] = ()  #: what would fit where nothing does, in words


def of(model: Model, setup: Setup, room: Room, engine: str = "") -> Found:
    """What engines offer, the first engine's largest that fits as the best. Raises ``engines.NoSuchEngine``."""
    found = engines.choices(model, setup, engine)
    choices = [_held(offer, setup, room) for offer in found.offers[:MAX_OFFERS]]
    if not any(one.fits for one in choices) and "precision" not in setup.options:
        # Full precision is proposed to small models only where there is room for it.
        plain = replace(setup, options={**setup.options, "precision": "stored"})
        again = [
            _held(offer, plain, room) for offer in engines.choices(model, plain, engine).offers if _is_stored(offer)
        ]
        choices = again or choices
    fitting = [one for one in choices if one.fits]
    first = fitting[0].offer.engine if fitting else ""
    mine = [one for one in fitting if one.offer.engine == first]
    best = max(mine, key=lambda one: one.bytes or 0, default=None)
    instead = [] if best is not None or not choices else _instead(model, setup, room, engine)
    return Found(best, choices, found.refusals, instead)


def _held(offer: Offer, setup: Setup, room: Room) -> Choice:
    most = offer.need.most_bytes if offer.need is not None else None
    least = offer.need.least_bytes if offer.need is not None else 0
    return Choice(offer, setup, most, (least if most is None else most) <= room.budget_bytes)


def _is_stored(offer: Offer) -> bool:
    return bool(offer.options.get("precision") == "stored")


def _instead(model: Model, setup: Setup, room: Room, engine: str) -> list[str]:
    """Smaller wishes that fit, each the largest of its kind."""

    def fits(tried: Setup) -> Offer | None:
        offers = engines.choices(model, tried, engine).offers
        return next((one for one in reversed(offers) if _held(one, tried, room).fits), None)

    shorter = [replace(setup, context_tokens=n) for n in SHORTER if n < setup.context_tokens]
    fewer = [replace(setup, parallel=n) for n in FEWER if n < setup.parallel]
    other = [replace(setup, file="")] if setup.file else []
    found: list[str] = []
    for kind, setups in (("context", shorter), ("parallel", fewer), ("file", other)):
        for tried in setups:
            offer = fits(tried)
            if offer is not None:
                found.append(_said(kind, tried, offer))
                break
    return found


def _said(kind: str, setup: Setup, offer: Offer) -> str:
    takes = f" (up to {figures.size(offer.need.most_bytes)})" if offer.need and offer.need.most_bytes else ""
    if kind == "context":
        return f"a context of {setup.context_tokens:,} tokens{takes}"
    if kind == "parallel":
        calls = "one call" if setup.parallel == 1 else f"{setup.parallel} calls"
        return f"{calls} at a time{takes}"
    return f"{offer.file}{takes}"
