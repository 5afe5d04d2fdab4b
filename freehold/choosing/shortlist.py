"""From candidates to a shortlist: what each takes, why it is on it, and what speaks for which. Pure.

The order: the most downloaded first, of one family (a model and its quantisations) one; equal ones by results of
evaluations, then by name. What is not known never counts as fitting.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from freehold.cards.facts import Facts
from freehold.cards.memory import load_of
from freehold.choosing import speed
from freehold.choosing.speed import Speed
from freehold.choosing.wishes import Wish
from freehold.discover import fitting
from freehold.discover.fitting import Asked, Fit, Way
from freehold.discover.machines import Choice
from freehold.discover.register import Row
from freehold.web import figures

MOST = 7
MAX_ALSO = 3


@dataclass(frozen=True)
class Candidate:
    """One model of the list that is left. ``family``: what it is a quantisation of, else itself."""

    row: Row
    facts: Facts
    family: str
    evaluated: Sequence[str]  #: names of what it was evaluated on


@dataclass(frozen=True)
class Pick:
    """One of the shortlist. ``way`` to load it is the largest that fits and is fast enough; None with ``fit`` where no
    machine was named. ``also``: others of its family that fit."""

    row: Row
    facts: Facts
    fit: Fit | None
    way: Way | None
    speed: Speed | None
    evaluated: Sequence[str]
    why: Sequence[str]
    also: Sequence[Row] = ()


@dataclass(frozen=True)
class LeftOut:
    """One that was looked at and is not on it, and why."""

    row: Row
    why: str


@dataclass(frozen=True)
class Chosen:
    picks: Sequence[Pick]
    left: Sequence[LeftOut]


def choose(candidates: Sequence[Candidate], wish: Wish, choice: Choice | None) -> Chosen:
    """The shortlist of these candidates, and those that a closer look ruled out."""
    kept: dict[str, Pick] = {}
    also: dict[str, list[Row]] = {}
    left: list[LeftOut] = []
    order = sorted(candidates, key=lambda one: (-one.row.downloads, not one.evaluated, one.row.path.lower()))
    for candidate in order:
        looked = _looked(candidate, wish, choice)
        if isinstance(looked, str):
            left.append(LeftOut(candidate.row, looked))
        elif candidate.family in kept:
            also.setdefault(candidate.family, []).append(candidate.row)
        elif len(kept) < MOST:
            kept[candidate.family] = looked
    picks = [replace(one, also=also.get(family, [])[:MAX_ALSO]) for family, one in kept.items()]
    return Chosen(picks, left)


def _looked(candidate: Candidate, wish: Wish, choice: Choice | None) -> Pick | str:
    """The candidate at the length and on the machine that were asked for; why not, where it is not one."""
    facts = candidate.facts
    if wish.tokens and (facts.context_length or 0) < wish.tokens:
        return "how much it reads at once is not known" if not facts.context_length else "it reads less at once"
    if choice is None:
        return Pick(
            candidate.row, facts, None, None, None, candidate.evaluated, _why(candidate, wish, None, None, None)
        )
    loads = [load_of(one) for one in facts.details.get("loads", ())]
    fit = fitting.of(loads, Asked(choice.address, 1, _asked_tokens(facts, wish), choice))
    if fit is None or fit.best.verdict == "unknown":
        return "what it takes in memory is not known"
    if fit.best.verdict != "yes":
        total = figures.size(fit.best.need.total_bytes)
        return f"at this length it takes {total} of {figures.size(fit.usable_bytes)}"
    way, rate = fit.best, None
    if wish.use is not None and wish.use.writes:
        rates = [(one, speed.estimate(fit.machine, one.need, _active(facts))) for one in _fitting(fit)]
        way, rate = _fast_enough(rates, wish.words_a_second) or rates[0]
        if wish.words_a_second and (rate is None or rate.middle < wish.words_a_second):
            return "how fast it writes is not known" if rate is None else _slow(rates)
    return Pick(candidate.row, facts, fit, way, rate, candidate.evaluated, _why(candidate, wish, fit, way, rate))


def _fitting(fit: Fit) -> list[Way]:
    """Every way that fits, the largest first."""
    ways = [one for one in (fit.best, *fit.rest) if one.verdict == "yes"]
    return sorted(ways, key=lambda one: -one.need.weights_bytes)


def _fast_enough(rates: Sequence[tuple[Way, Speed | None]], words: int) -> tuple[Way, Speed | None] | None:
    return next((one for one in rates if one[1] is not None and one[1].middle >= words), None)


def _slow(rates: Sequence[tuple[Way, Speed | None]]) -> str:
    fastest = max(rate.middle for _, rate in rates if rate is not None)
    return f"it writes about {speed.said(fastest)} words a second"


def _asked_tokens(facts: Facts, wish: Wish) -> int:
    """As lists count where no length was asked for: no more than it reads."""
    if wish.tokens:
        return wish.counted_tokens if not facts.context_length else min(wish.counted_tokens, facts.context_length)
    return min(wish.counted_tokens, facts.context_length or wish.counted_tokens)


def _active(facts: Facts) -> float:
    if facts.parameters and facts.active_parameters:
        return facts.active_parameters / facts.parameters
    return 1.0


def _why(candidate: Candidate, wish: Wish, fit: Fit | None, way: Way | None, rate: Speed | None) -> list[str]:
    row, facts = candidate.row, candidate.facts
    told = []
    if fit is not None and way is not None:
        taken = f"{figures.size(way.need.total_bytes)} of {figures.size(fit.usable_bytes)}"
        told.append(f"takes {taken} on {fit.machine_name} as {way.label}")
    answer = {"yes": "yes", "conditions": "with conditions", "no": "no"}.get(row.verdict, "unresolved")
    by = f", by {row.licence} and all that it was made from" if row.verdict in ("yes", "conditions") else ""
    told.append(f"commercial use: {answer}{by}")
    if facts.context_length and (wish.use is None or wish.use.reads):
        told.append(f"reads {facts.context_length:,} tokens at once")
    if rate is not None:
        told.append(speed.told(rate))
    told.append(f"{figures.plural(row.downloads, 'download')} in 30 days")
    if candidate.evaluated:
        told.append(f"evaluated on {', '.join(candidate.evaluated[:3])}")
    else:
        told.append("no results of evaluations are kept with it")
    return told


# ---- what speaks for which ---------------------------------------------------------------------------------


def trade_offs(picks: Sequence[Pick]) -> list[str]:
    """What sets one apart from the others, in sentences; nothing where there is nothing to weigh."""
    if len(picks) < 2:
        return []
    told = []
    largest = _best(picks, {one.row.path: one.facts.parameters for one in picks}, most=True)
    if largest:
        told.append(
            f"{largest[0]} has the most parameters ({figures.short(int(largest[1]))}): more often the better answers."
        )
    smallest = _best(picks, {one.row.path: _taken(one) for one in picks}, most=False)
    if smallest:
        told.append(f"{smallest[0]} takes the least memory ({figures.size(int(smallest[1]))}).")
    fastest = _best(picks, {one.row.path: one.speed.middle if one.speed else None for one in picks}, most=True)
    if fastest:
        told.append(f"{fastest[0]} writes the fastest (about {speed.said(fastest[1])} words a second).")
    longest = _best(picks, {one.row.path: one.facts.context_length for one in picks}, most=True)
    if longest:
        told.append(f"{longest[0]} reads the most at once ({int(longest[1]):,} tokens).")
    free = [one.row.path for one in picks if one.row.verdict == "yes"]
    if 0 < len(free) < len(picks):
        told.append(f"Commercial use without conditions: {_listed(free)} alone.")
    evaluated = [one.row.path for one in picks if one.evaluated]
    if 0 < len(evaluated) < len(picks):
        told.append(f"Results of evaluations are kept with {_listed(evaluated)} alone.")
    return told


def _best(picks: Sequence[Pick], numbers: Mapping[str, float | int | None], *, most: bool) -> tuple[str, float] | None:
    """The one that stands out; None where two are as good, or one is not known."""
    known = [(path, float(number)) for path, number in numbers.items() if number is not None]
    if len(known) < len(picks):
        return None
    ordered = sorted(known, key=lambda one: one[1], reverse=most)
    return ordered[0] if ordered[0][1] != ordered[1][1] else None


def _taken(one: Pick) -> int | None:
    return one.way.need.total_bytes if one.way is not None else None


def _listed(paths: Sequence[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{', '.join(paths[:-1])} and {paths[-1]}"
