"""What can be asked of the tallies, which stretches of time that means, and what counts as rising or falling. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from freehold.core.errors import BadRequest
from freehold.trends import dimensions
from freehold.trends.adding import begins

MEASURES = {"downloads": "Downloads", "new": "New ones", "there": "Number there is", "likes": "Likes"}
SPANS = {"4w": "4 weeks", "3m": "3 months", "1y": "1 year", "all": "All"}
GRAINS = {"day": "day", "week": "week", "month": "month"}
#: How many stretches of each grain a span has, the usual grain first; of all time, so many at most.
STRETCHES: Mapping[str, Mapping[str, int]] = {
    "4w": {"day": 28, "week": 4},
    "3m": {"week": 13, "day": 91, "month": 3},
    "1y": {"month": 12, "week": 52},
    "all": {"month": 120, "week": 520},
}
#: What a kind is asked for first.
USUAL = {"model": ("task", "downloads"), "dataset": ("task", "downloads"), "space": ("sdk", "new")}
MAX_WORD = dimensions.MAX_CHARACTERS


@dataclass(frozen=True)
class Question:
    """What is asked: of which kind, divided by what, measured how, over which span, by which stretches.

    ``is_share``: of all of the kind, rather than the numbers themselves. ``word`` is looked at more closely, where it
    is not None.
    """

    kind: str = "model"
    by: str = "task"
    measure: str = "downloads"
    is_share: bool = True
    span: str = "4w"
    grain: str = "day"
    word: str | None = None

    def but(self, **changes: object) -> "Question":
        """The same with these changes; what another kind or span does not have becomes its usual."""
        if changes.get("kind", self.kind) != self.kind or changes.get("by", self.by) != self.by:
            changes = {"word": None, **changes}
        if "span" in changes and "grain" not in changes:
            changes["grain"] = next(iter(STRETCHES[str(changes["span"])]))
        return settled(replace(self, **changes))  # type: ignore[arg-type]

    def pairs(self) -> list[tuple[str, str]]:
        """As an address says it, without what an address need not say."""
        by, measure = USUAL[self.kind]
        found = [
            ("kind", self.kind, "model"),
            ("by", self.by, by),
            ("measure", self.measure, measure),
            ("as", "share" if self.is_share else "number", "share"),
            ("span", self.span, "4w"),
            ("grain", self.grain, next(iter(STRETCHES[self.span]))),
        ]
        told = [(name, value) for name, value, usual in found if value != usual]
        return told + ([("word", self.word)] if self.word is not None else [])

    def address(self, path: str = "/trends") -> str:
        query = urlencode(self.pairs())
        return f"{path}?{query}" if query else path


def question(query: QueryParams) -> Question:
    """What an address asks. Raises ``BadRequest`` for words that mean nothing here."""
    kind = _one_of(query, "kind", tuple(USUAL), "model")
    by, measure = USUAL[kind]
    span = _one_of(query, "span", tuple(SPANS), "4w")
    word = query.get("word")
    return settled(
        Question(
            kind=kind,
            by=_one_of(query, "by", tuple(one.name for one in dimensions.DIMENSIONS), by),
            measure=_one_of(query, "measure", tuple(MEASURES), measure),
            is_share=_one_of(query, "as", ("share", "number"), "share") == "share",
            span=span,
            grain=_one_of(query, "grain", tuple(GRAINS), next(iter(STRETCHES[span]))),
            word=None if word is None else word[:MAX_WORD],
        )
    )


def settled(asked: Question) -> Question:
    """What a kind or a span does not have becomes its usual."""
    by, measure = USUAL[asked.kind]
    if asked.by not in dimensions.of(asked.kind):
        asked = replace(asked, by=by, word=None)
    if asked.measure == "downloads" and measure != "downloads":  # nobody downloads a Space
        asked = replace(asked, measure=measure)
    if asked.grain not in STRETCHES[asked.span]:
        asked = replace(asked, grain=next(iter(STRETCHES[asked.span])))
    return asked


def _one_of(query: QueryParams, name: str, words: Sequence[str], usual: str) -> str:
    found = query.get(name) or usual
    if found not in words:
        raise BadRequest(f"{name} is one of {', '.join(words)}; {found[:40]!r} is not.")
    return found


# ---- stretches of time -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stretches:
    """First days, as numbers: what is ``shown``, and of that what is compared with what lay ``before``.

    Both are as long; empty where too little is known to compare. ``is_so_far``: the only stretch is not over yet.
    """

    shown: Sequence[int]
    now: Sequence[int] = ()
    before: Sequence[int] = ()
    is_so_far: bool = False


def stretches(asked: Question, today: date, known_from: int | None, first: int | None) -> Stretches:
    """The stretches of a question: whole ones alone, up to the last that is over.

    ``first`` is the first day of anything, ``known_from`` the first whose numbers are known (None: nothing is yet).
    Where what lay before the span is not known, what is known is cut in half, and the halves are compared.
    """
    current = begins(asked.grain, today.toordinal())
    if known_from is None or first is None:
        return Stretches([current], is_so_far=True)
    most = STRETCHES[asked.span][asked.grain]
    start = begins(asked.grain, max(known_from, 1))
    if start < known_from:
        start = next_stretch(asked.grain, start)
    whole = list(_back(asked.grain, current, start, 2 * most))
    if not whole:
        return Stretches([current], is_so_far=True)
    shown = whole[-most:]
    # The stretch in which everything began was hardly a whole one.
    fair = whole[1:] if asked.grain != "day" and whole[0] == begins(asked.grain, first) and len(whole) > 2 else whole
    half = min(most, len(fair) // 2) if asked.span != "all" else len(fair) // 2
    if not half:
        return Stretches(shown)
    return Stretches(shown, fair[-half:], fair[-2 * half : -half])


def _back(grain: str, current: int, start: int, most: int) -> Sequence[int]:
    found: list[int] = []
    at = current
    while len(found) < most and at > start:
        at = begins(grain, at - 1)
        found.append(at)
    return found[::-1]


def next_stretch(grain: str, at: int) -> int:
    """The first day of the stretch after the one that begins at ``at``."""
    return begins(grain, at + {"day": 1, "week": 7, "month": 31}[grain])


# ---- rising and falling ----------------------------------------------------------------------------------------

#: How sure a reading is: of a hundred steady words, one is called rising or falling.
SURENESS = 2.576
#: What the cautious reading of a change must reach before it is one.
LEAST_CHANGE = math.log(1.05)
#: A word whose change lies between these for sure is steady.
STEADY = math.log(1.25)
#: Where few stretches tell how much numbers scatter, they scatter at least so much more than pure chance.
USUAL_SPREAD, FEW = 4.0, 10


@dataclass(frozen=True)
class Change:
    """A change as the logarithm of a ratio: the likeliest, and the bounds it lies between.

    ``way`` is ``up``, ``down``, ``flat``, or ``unclear`` where that cannot be told.
    """

    ratio: float
    low: float
    high: float

    @staticmethod
    def factor(logarithm: float) -> float:
        """The same as a plain ratio, as far as one can be told."""
        return math.exp(max(-30.0, min(logarithm, 30.0)))

    @property
    def way(self) -> str:
        if self.low > LEAST_CHANGE:
            return "up"
        if self.high < -LEAST_CHANGE:
            return "down"
        return "flat" if self.low > -STEADY and self.high < STEADY else "unclear"


def spread(halves: Sequence[Sequence[int]], of: Sequence[Sequence[int]] | None = None) -> float:
    """How much more the stretches of a word scatter than pure chance would, 1 at least (quasi-Poisson).

    ``halves`` are its numbers by stretch, now and before; ``of`` those of all, where shares are compared: what moves
    all alike, a weekend say, is no scatter then. One loud day widens the bounds, and so is no rise.
    """
    freedom, misfit = sum(len(half) - 1 for half in halves), 0.0
    for place, half in enumerate(halves):
        whole = of[place] if of else [1] * len(half)
        part = sum(half) / (sum(whole) or 1)
        expected = [part * number for number in whole]
        misfit += sum((number - e) ** 2 / e for number, e in zip(half, expected, strict=True) if e)
    own = misfit / freedom if freedom > 0 else 0.0
    return max(own, 1.0 if freedom >= FEW else USUAL_SPREAD)


def change(now: int, before: int, *, of: tuple[int, int] | None, spread: float) -> Change:
    """From ``before`` to ``now``; ``of``: as shares of all then and all now, (now, before).

    The ratio is smoothed by half a one on either side, and its bounds are those of two Poisson numbers.
    """
    a, b = now + 0.5, before + 0.5
    ratio, variance = math.log(a / b), 1 / a + 1 / b
    if of is not None:
        whole_now, whole_before = max(of[0], now) + 1.0, max(of[1], before) + 1.0
        ratio -= math.log(whole_now / whole_before)
        variance -= 1 / whole_now + 1 / whole_before
    return _bounded(ratio, spread * max(variance, 0.0))


def change_of_stock(new: int, before: int, *, of: tuple[int, int] | None, spread: float) -> Change:
    """From ``before`` there were to ``new`` more; ``of``: new of all, and all before. Only what is new is by chance."""
    n, b = new + 0.5, before + 0.5
    a = n + b
    ratio, variance = math.log(a / b), n / a**2
    if of is not None:
        whole_new, whole_before = max(of[0], new) + 1.0, max(of[1], before) + 1.0
        whole = whole_new + whole_before
        ratio -= math.log(whole / whole_before)
        variance = n * (1 / a - 1 / whole) ** 2 + max(0.0, whole_new - n) / whole**2
    return _bounded(ratio, spread * variance)


def _bounded(ratio: float, variance: float) -> Change:
    reach = SURENESS * math.sqrt(variance)
    return Change(ratio, ratio - reach, ratio + reach)
