"""Whether an engine's offer fits on this node, and what would fit instead. Pure but for what is asked of engines."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from freehold.compute.rules import Given
from freehold.engines import service as engines
from freehold.engines.rules import Model, Offer, Refusal, Setup
from freehold.inference.node import Room
from freehold.inference.space import Space, said_needs
from freehold.web import figures

#: Lengths of text and numbers of calls that are tried where more is too much.
SHORTER = (16_384, 8_192, 4_096, 2_048, 1_024, 512)
FEWER = (4, 2, 1)
#: Offers that are looked at of one model.
MAX_OFFERS = 64


@dataclass(frozen=True)
class Choice:
    """An offer held against this node. ``bytes``: what it takes at most; None: unknown, then it may be tried.

    ``given``: the graphics cards it would have here, if nothing else were, where it runs on cards.
    """

    offer: Offer
    setup: Setup
    bytes: int | None
    fits: bool
    given: Given | None = None

    @property
    def on_cards(self) -> str:
        """What it takes of graphics cards, in words; empty: it runs on processors."""
        if self.given is None:
            return said_needs(self.offer.on_cards)
        count = len(self.given.indices)
        of = f"each of {count} graphics cards" if count > 1 else "a graphics card"
        return f"{figures.size(self.given.each_bytes)} of {of}"


@dataclass(frozen=True)
class Found:
    """What can serve a model: ``best`` first, or None where nothing fits; ``refusals`` why engines cannot."""

    best: Choice | None
    choices: Sequence[Choice]
    refusals: Sequence[Refusal]
    instead: Sequence[str] = ()  #: what would fit where nothing does, in words


def of(model: Model, setup: Setup, room: Room, engine: str = "") -> Found:
    """What engines offer, the first engine's largest that fits as the best. Raises ``engines.NoSuchEngine``."""
    found = _offered(model, setup, room, engine)
    choices = [_held(offer, setup, room) for offer in found.offers[:MAX_OFFERS]]
    if not any(one.fits for one in choices) and "precision" not in setup.options:
        # Full precision is proposed to small models only where there is room for it.
        plain = replace(setup, options={**setup.options, "precision": "stored"})
        again = [
            _held(offer, plain, room) for offer in _offered(model, plain, room, engine).offers if _is_stored(offer)
        ]
        choices = again or choices
    fitting = [one for one in choices if one.fits]
    first = fitting[0].offer.engine if fitting else ""
    mine = [one for one in fitting if one.offer.engine == first]
    best = max(mine, key=lambda one: one.bytes or 0, default=None)
    instead = [] if best is not None or not choices else _instead(model, setup, room, engine)
    return Found(best, choices, found.refusals, instead)


def space(room: Room) -> Space:
    """What replicas share of it."""
    return Space(room.budget_bytes, room.cards, room.is_here)


def least_bytes(offer: Offer) -> int:
    """What it takes of the machine's memory at most, or at least where that is all that is known."""
    if offer.need is None:
        return 0
    return offer.need.least_bytes if offer.need.most_bytes is None else offer.need.most_bytes


def _offered(model: Model, setup: Setup, room: Room, engine: str) -> engines.Choices:
    """As engines say; what runs on cards alone is refused where there are none."""
    found = engines.choices(model, setup, engine)
    if room.cards or not room.is_here:
        return found
    mine = [one for one in found.offers if not one.on_cards]
    names = dict.fromkeys(one.engine for one in found.offers if one.on_cards)
    refusals = [Refusal(name, "It runs on a graphics card, and this node has none.") for name in names]
    return engines.Choices(mine, [*found.refusals, *refusals])


def _held(offer: Offer, setup: Setup, room: Room) -> Choice:
    most = offer.need.most_bytes if offer.need is not None else None
    seat = space(room).seat(least_bytes(offer), offer.on_cards)
    return Choice(offer, setup, most, seat is not None, seat.given if seat else None)


def _is_stored(offer: Offer) -> bool:
    return bool(offer.options.get("precision") == "stored")


def _instead(model: Model, setup: Setup, room: Room, engine: str) -> list[str]:
    """Smaller wishes that fit, each the largest of its kind."""

    def fits(tried: Setup) -> Choice | None:
        offers = _offered(model, tried, room, engine).offers
        held = (_held(one, tried, room) for one in reversed(offers))
        return next((one for one in held if one.fits), None)

    shorter = [replace(setup, context_tokens=n) for n in SHORTER if n < setup.context_tokens]
    fewer = [replace(setup, parallel=n) for n in FEWER if n < setup.parallel]
    other = [replace(setup, file="")] if setup.file else []
    found: list[str] = []
    for kind, setups in (("context", shorter), ("parallel", fewer), ("file", other)):
        for tried in setups:
            choice = fits(tried)
            if choice is not None:
                found.append(_said(kind, tried, choice))
                break
    return found


def _said(kind: str, setup: Setup, choice: Choice) -> str:
    most = choice.on_cards or (figures.size(choice.bytes) if choice.bytes else "")
    takes = f" (up to {most})" if most else ""
    if kind == "context":
        return f"a context of {setup.context_tokens:,} tokens{takes}"
    if kind == "parallel":
        calls = "one call" if setup.parallel == 1 else f"{setup.parallel} calls"
        return f"{calls} at a time{takes}"
    return f"{choice.offer.file}{takes}"
