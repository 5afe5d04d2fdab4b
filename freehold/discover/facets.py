"""Facets: the questions a list can be narrowed by, with what each answer would leave.

Words of one question are alternatives (this licence or that one), questions add up. A word's number is what the list
holds when it is chosen: counted among everything else that is chosen, and only among what the visitor may know of.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.cards import memory
from freehold.discover import machines, queries, rules
from freehold.discover.rules import Listing

#: Words shown of one question before "more", and behind it.
SHORT, LONG = 8, 40
COMMERCIAL = "Commercial use"
#: Machines shown before "more".
SHORT_MACHINES = frozenset({"cpu-8", "cpu-16", "cpu-32", "gpu-24", "gpu-80"})
#: What questions are asked of which kind, in their order.
FAMILIES: Mapping[str, Sequence[str]] = {
    "model": ("Task", "Parameters", COMMERCIAL, "Fits on", "Library", "Format", "Licence", "Language"),
    "dataset": ("Task", "Rows", COMMERCIAL, "Format", "Modality", "Licence", "Language"),
    "space": ("Runs with", "Licence"),
    "kernel": ("Licence",),
}
_PREFIXES = {
    "license": "Licence",
    "language": "Language",
    "task_categories": "Task",
    "format": "Format",
    "modality": "Modality",
    "size_categories": "Rows",
}
_SDKS = frozenset({"gradio", "streamlit", "docker", "static"})


@dataclass(frozen=True)
class Word:
    """One answer: ``tag`` is what the address filters by."""

    tag: str
    label: str
    number: int
    is_chosen: bool


@dataclass(frozen=True)
class Facet:
    """One question and its answers, most frequent first; those in ``more`` wait behind a fold."""

    label: str
    words: Sequence[Word]
    more: Sequence[Word] = ()
    parameter: str = "filter"  #: of the address; of another one only one word can be chosen


@lru_cache(maxsize=8192)
def placed(kind: str, tag: str) -> tuple[str, str]:
    """The question a tag answers, and its words there; no question: it narrows a list as a tag."""
    prefix, _, rest = tag.partition(":")
    if rest:
        family = _PREFIXES.get(prefix, "")
        return family, rules.ROW_COUNTS.get(rest, rest) if family == "Rows" else rules.TASKS.get(rest, rest)
    if tag in rules.TASKS:
        return "Task", rules.TASKS[tag]
    if tag in rules.FORMATS:
        return "Format", tag
    if tag in rules.LIBRARIES:
        return "Library", tag
    if kind == "space" and tag in _SDKS:
        return "Runs with", tag
    return ("Language", tag) if kind == "model" and tag in rules.LANGUAGES else ("", tag)


def grouped(kind: str, tags: Sequence[str]) -> dict[str, list[str]]:
    """Chosen tags by question; each that answers none stands alone."""
    groups: dict[str, list[str]] = {}
    for tag in tags:
        family, _ = placed(kind, tag)
        groups.setdefault(family or f"tag {tag}", []).append(tag)
    return groups


def narrowed(listing: Listing, groups: Mapping[str, Sequence[str]], *, but: str = "") -> Listing:
    """``listing`` with the chosen tags, but those of one question."""
    tags = [
        [spelling for group in rules.tag_groups(listing.kind, words) for spelling in group]
        for family, words in groups.items()
        if family != but
    ]
    return replace(listing, tags=tags, cursor=None)


def of(db: Session, actor: Actor, listing: Listing, chosen: Sequence[str], machine: str = "") -> Sequence[Facet]:
    """The questions of a list. ``listing`` has everything but the ``chosen`` tags; ``machine`` is that of ``fits``."""
    groups = grouped(listing.kind, chosen)
    everything = queries.tagged(db, actor, narrowed(listing, groups))
    facets = []
    for family in FAMILIES[listing.kind]:
        mine = groups.get(family)
        counted = queries.tagged(db, actor, narrowed(listing, groups, but=family)) if mine else everything
        words = _words(listing.kind, family, counted, mine or ())
        if family == "Parameters":
            facets += _sizes(db, actor, narrowed(listing, groups))
        elif family == "Fits on":
            facets += _machines(db, actor, narrowed(listing, groups), machine)
        elif family == COMMERCIAL:
            facets += _answers(db, actor, narrowed(listing, groups))
        elif words:
            shown = [word for place, word in enumerate(words) if place < SHORT or word.is_chosen]
            facets.append(Facet(family, shown, [word for word in words[:LONG] if word not in shown]))
    return facets


def _sizes(db: Session, actor: Actor, listing: Listing) -> list[Facet]:
    """Classes of models by their parameters, the smallest first; one that holds none shows only when it is chosen."""
    classes = {word: rules.parameters(word) for word in rules.SIZE_CLASSES}
    numbers = queries.sized(db, actor, listing, list(classes.values()))
    words = [
        Word(word, rules.SIZE_CLASSES[word], number, bounds == listing.parameters)
        for (word, bounds), number in zip(classes.items(), numbers, strict=True)
        if number or bounds == listing.parameters
    ]
    return [Facet("Parameters", words, parameter="num_parameters")] if words else []


def _machines(db: Session, actor: Actor, listing: Listing, chosen: str) -> list[Facet]:
    """Machines by what fits on them for one user and 4,096 tokens; none where nothing is known to fit on any."""
    names = dict(machines.BUILT_IN) | ({chosen: machines.name(chosen)} if chosen else {})
    rooms = [memory.room_for_lists(machine) for spec in names if (machine := machines.parse(spec)) is not None]
    numbers = queries.fitting(db, actor, listing, rooms)
    words = [
        Word(spec, name, number, spec == chosen) for (spec, name), number in zip(names.items(), numbers, strict=True)
    ]
    if not any(word.number or word.is_chosen for word in words):
        return []
    shown = [word for word in words if word.tag in SHORT_MACHINES or word.is_chosen]
    return [Facet("Fits on", shown, [word for word in words if word not in shown], parameter="fits")]


def _answers(db: Session, actor: Actor, listing: Listing) -> list[Facet]:
    """May one use it commercially, as everybody may know it; one word alone, or several by the address."""
    numbers = queries.judged(db, actor, listing)
    words = [
        Word(answer, label, numbers.get(answer, 0), answer in listing.commercial)
        for answer, label in rules.COMMERCIAL.items()
        if answer in numbers or answer in listing.commercial
    ]
    return [Facet(COMMERCIAL, words, parameter="commercial")] if words else []


def _words(kind: str, family: str, counted: Mapping[str, int], chosen: Sequence[str]) -> list[Word]:
    places = ((tag, placed(kind, tag)) for tag in (*counted, *chosen))
    there = {tag: label for tag, (place, label) in places if place == family}
    words = [Word(tag, label, counted.get(tag, 0), tag in chosen) for tag, label in there.items()]
    if family == "Rows":
        return sorted(words, key=lambda word: rules.ROW_ORDER.get(word.tag.partition(":")[2], 99))
    return words
