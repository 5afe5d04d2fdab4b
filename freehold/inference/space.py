"""What of a node a replica may have: memory of the machine, and of its graphics cards. Who goes for whom. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from freehold.cards.memory import BESIDE_CARD_BYTES
from freehold.compute import seating
from freehold.compute.graphics import GraphicsCard
from freehold.compute.rules import CardNeed, Given
from freehold.inference.processes import Process
from freehold.web import figures

#: What takes less, in words.
LESS = "A shorter context, fewer calls at a time or a quantised file takes less."


@dataclass(frozen=True)
class Seat:
    """What a replica has of the node: ``bytes`` of its memory, and graphics cards where it runs on them."""

    bytes: int
    given: Given | None = None


@dataclass(frozen=True)
class Space:
    """``budget_bytes`` of memory that models take together, and ``cards``. ``is_here`` False: they run on a cluster,
    which knows its cards by itself."""

    budget_bytes: int
    cards: Sequence[GraphicsCard] = ()
    is_here: bool = True

    def seat(self, need_bytes: int, needs: Sequence[CardNeed], others: Iterable[Process] = ()) -> Seat | None:
        """Beside ``others``; None: there is no room now."""
        others = list(others)
        given = None
        if needs and self.is_here:
            given = seating.seat(self.cards, needs, taken(others))
            if given is None:
                return None
            need_bytes += _beside(given)
        used = sum(one.memory_bytes() for one in others)
        return Seat(need_bytes, given) if used + need_bytes <= self.budget_bytes else None

    def to_go(
        self, need_bytes: int, needs: Sequence[CardNeed], others: Sequence[Process], idle: Sequence[Process]
    ) -> Sequence[Process]:
        """Of ``idle``, the longest unused first, those that must end for a seat; none where that would not do.

        What was used last stays where it can: also what is used little stays, where it has nothing that is lacking.
        """
        for number in range(1, len(idle) + 1):
            going = list(idle[:number])
            if self.seat(need_bytes, needs, [one for one in others if one not in going]) is None:
                continue
            for one in reversed(idle[:number]):
                fewer = [other for other in going if other is not one]
                if self.seat(need_bytes, needs, [other for other in others if other not in fewer]) is not None:
                    going = fewer
            return going
        return ()

    def lacks(self, need_bytes: int, needs: Sequence[CardNeed]) -> str:
        """Why it could never be here, though nothing else were: a part of a sentence about it; or ''."""
        if self.seat(need_bytes, needs) is not None:
            return ""
        if needs and self.is_here:
            if not self.cards:
                return "runs on a graphics card, and this node has none"
            given = seating.seat(self.cards, needs, {})
            if given is None:
                return f"takes up to {said_needs(needs)}, and this node has {said_cards(self.cards)}"
            need_bytes += _beside(given)
        return f"takes up to {figures.size(need_bytes)}, and models have {figures.size(self.budget_bytes)} on this node"

    def is_full(self, need_bytes: int, needs: Sequence[CardNeed], others: Sequence[Process]) -> str:
        """Why it is not here now, beside ``others``: a part of a sentence about it."""
        beside = "there is no room beside what answers or is kept loaded"
        if needs and self.is_here and seating.seat(self.cards, needs, taken(others)) is None:
            return (
                f"takes up to {said_needs(needs)}, and {beside}: models hold {_said_taken(self.cards, taken(others))}"
            )
        used = sum(one.memory_bytes() for one in others)
        held = f"{figures.size(used)} of {figures.size(self.budget_bytes)} are taken"
        return f"takes up to {figures.size(need_bytes)}, and {beside}: {held}"


def _beside(given: Given) -> int:
    """Of the machine's memory, for each further card."""
    return (len(given.indices) - 1) * BESIDE_CARD_BYTES


def taken(processes: Iterable[Process]) -> dict[int, int]:
    """Bytes of each card that ``processes`` have, by its index."""
    found: dict[int, int] = {}
    for one in processes:
        for index in one.given.indices if one.given else ():
            found[int(index)] = found.get(int(index), 0) + one.given.each_bytes  # type: ignore[union-attr]
    return found


def said_needs(needs: Sequence[CardNeed]) -> str:
    """ "17.4 GB of a graphics card, or 9.1 GB of each of 2"; the first two of them."""
    words: list[str] = []
    for need in sorted(needs, key=lambda one: one.count)[:2]:
        of = f"of each of {need.count}" if words else "of a graphics card"
        words.append(f"{figures.size(need.each_bytes)}{' and more' if need.is_whole else ''} {of}")
    return ", or ".join(words)


def said_cards(cards: Sequence[GraphicsCard]) -> str:
    """ "2 × NVIDIA L4, of which models have 20.3 GB each"."""
    kinds: dict[tuple[str, int], int] = {}
    for card in cards:
        kinds[card.name, seating.usable_bytes(card)] = kinds.get((card.name, seating.usable_bytes(card)), 0) + 1
    words = [
        f"{f'{count} × ' if count > 1 else ''}{name}, of which models have {figures.size(usable)}"
        f"{' each' if count > 1 else ''}"
        for (name, usable), count in kinds.items()
    ]
    return "; ".join(words[:4])


def _said_taken(cards: Sequence[GraphicsCard], held: Mapping[int, int]) -> str:
    words = [
        f"{figures.size(held[card.index])} of {figures.size(seating.usable_bytes(card))} of card {card.index}"
        for card in cards
        if card.index in held
    ]
    return ", ".join(words[:8])
