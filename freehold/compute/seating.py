"""Which graphics cards of a machine a job is given, beside others that are there. Pure."""

from collections.abc import Mapping, Sequence

from freehold.compute.graphics import GraphicsCard
from freehold.compute.rules import CardNeed, Given

#: Of a card's memory: driver and screen keep some, and engines find less free than there is (``cards.memory``, too).
KEPT_SHARE = 0.10
#: Of what a job may take of a card, what no share counts: what its driver keeps for whoever computes there (0.55 GB),
#: and the steps that vLLM records at its start (0.2 GB for 30 layers). Measured: docs/fit.md, "On a card".
UNCOUNTED_BYTES = 750_000_000


def usable_bytes(card: GraphicsCard) -> int:
    """What jobs may take of it together."""
    return int(card.memory_bytes * (1 - KEPT_SHARE))


def seat(cards: Sequence[GraphicsCard], needs: Sequence[CardNeed], taken: Mapping[int, int]) -> Given | None:
    """The fewest cards on which it fits, those with the least room to spare; None: there are none.

    ``taken``: bytes that others have of each card, by index. Cards that work together are of one kind: the slowest and
    the smallest of them would set the pace and the bound for all.
    """
    for need in sorted(needs, key=lambda one: one.count):
        kinds: dict[tuple[int, str], list[GraphicsCard]] = {}
        for card in cards:
            free = usable_bytes(card) - taken.get(card.index, 0)
            if free >= need.each_bytes and not (need.is_whole and taken.get(card.index)):
                kinds.setdefault((card.memory_bytes, card.name), []).append(card)
        for kind in sorted(kinds):
            if len(kinds[kind]) >= need.count:
                fullest = sorted(kinds[kind], key=lambda card: (-taken.get(card.index, 0), card.index))[: need.count]
                return _given(need, fullest)
    return None


def _given(need: CardNeed, cards: Sequence[GraphicsCard]) -> Given:
    each = usable_bytes(cards[0]) if need.is_whole else need.each_bytes
    counted = each if need.is_whole else max(each - UNCOUNTED_BYTES, each // 2)
    return Given(tuple(sorted(card.index for card in cards)), each, counted / cards[0].memory_bytes)
