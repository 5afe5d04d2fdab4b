"""Facets: the questions a list can be narrowed by, with what each answer would leave.

Words of one question are alternatives (this licence or that one), questions add up. A word's number is what the list
holds when it is chosen: counted among everything else that is chosen, and only among what the visitor may know of.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import lru_cache

from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.discover import answers, counting, machines, questions, rules
from freehold.discover.answers import UNKNOWN, Answer
from freehold.discover.machines import Choice
from freehold.discover.questions import Question, Range, Tags, Words
from freehold.discover.rules import NO_MACHINES, Listing

#: Words shown of one question before "more", and behind it.
SHORT, LONG = 8, 40
#: Machines shown before "more".
SHORT_MACHINES = frozenset({"cpu-8", "cpu-16", "cpu-32", "gpu-24", "gpu-80"})

#: A list, the questions whose answers are counted in it, and their classes.
Counted = tuple[Listing, Sequence[Question], counting.Classes]


@dataclass(frozen=True)
class Word:
    """One answer: ``tag`` is what the address says of it."""

    tag: str
    label: str
    number: int
    is_chosen: bool


@dataclass(frozen=True)
class Facet:
    """One question and its answers, in their order or the most frequent first; those in ``more`` wait behind a fold.

    ``chosen``: what is asked for, in words. ``is_open``: its answers are counted and shown; else ``words`` is empty.
    ``fields``: what stands in its fields for the lowest and the highest, where it has such. ``group``: the name under
    which it is folded together with others, each ``short`` there; empty: it stands by itself.
    """

    name: str
    label: str
    words: Sequence[Word] = ()
    more: Sequence[Word] = ()
    parameter: str = "filter"  #: of the address
    chosen: str = ""
    is_open: bool = True
    is_folded: bool = False  #: on lists of its kind, until somebody asks for it
    fields: tuple[str, str] | None = None
    unit: str = ""
    group: str = ""
    short: str = ""


@lru_cache(maxsize=8192)
def placed(kind: str, tag: str) -> tuple[str, str]:
    """The question that a tag answers, by name, and its words there; no question: it narrows a list as a tag."""
    for question in questions.QUESTIONS:
        value = question.value
        if not isinstance(value, Tags):
            continue
        if value.prefix and tag.startswith(value.prefix) and len(tag) > len(value.prefix):
            rest = tag[len(value.prefix) :]
            return question.name, value.names.get(rest, rest)
        if tag in value.words and kind in question.kinds:
            return question.name, value.names.get(tag, tag)
    return "", tag.partition(":")[2] or tag


def label(name: str) -> str:
    """What a question is called; empty: there is none of this name."""
    return next((one.label for one in questions.QUESTIONS if one.name == name), "")


def grouped(kind: str, tags: Sequence[str]) -> dict[str, list[str]]:
    """Chosen tags by question; each that answers none stands alone."""
    groups: dict[str, list[str]] = {}
    for tag in tags:
        name, _ = placed(kind, tag)
        groups.setdefault(name or f"tag {tag}", []).append(tag)
    return groups


def narrowed(listing: Listing, groups: Mapping[str, Sequence[str]], *, but: str = "") -> Listing:
    """``listing`` with the chosen tags, but without what is asked of one question."""
    tags = [
        [spelling for group in rules.tag_groups(listing.kind, words) for spelling in group]
        for name, words in groups.items()
        if name != but
    ]
    asked = {name: answer for name, answer in listing.answers.items() if name != but}
    return replace(listing, tags=tags, answers=asked, cursor=None)


def of(
    db: Session,
    actor: Actor,
    listing: Listing,
    chosen: Sequence[str],
    opened: Set[str] = frozenset(),
    own: Mapping[str, Choice] = NO_MACHINES,
    parts: Sequence[Counted] | None = None,
) -> Sequence[Facet]:
    """The questions of a list. ``listing`` has everything but the ``chosen`` tags.

    Counted are those that stand open on every list and those ``opened`` by name. ``own``: the reader's machines.
    ``parts``: what :func:`counted` gave for the same, where it is known already.
    """
    groups = grouped(listing.kind, chosen)
    numbers: dict[str, Mapping[str, int]] = {}
    bounds: dict[str, Mapping[str, Answer]] = {}
    for some, shown, each in counted(listing, chosen, opened, own) if parts is None else parts:
        numbers |= counting.counted(db, actor, some, shown, each)
        bounds |= each
    facets = []
    for question in questions.asked_of(listing.kind):
        mine, answer = groups.get(question.name, ()), listing.answers.get(question.name)
        if question.name in numbers:
            words = _words(listing.kind, question, numbers[question.name], bounds[question.name], mine, answer)
            if words or not question.is_open:
                facets.append(_facet(question, words, answer, told(listing.kind, question, mine, answer)))
        else:
            said = told(listing.kind, question, mine, answer)
            facets.append(
                Facet(
                    question.name,
                    question.label,
                    parameter=question.parameter,
                    chosen=said,
                    is_open=False,
                    is_folded=True,
                    group=question.group,
                    short=question.short,
                )
            )
    return facets


def counted(listing: Listing, chosen: Sequence[str], opened: Set[str], own: Mapping[str, Choice]) -> Sequence[Counted]:
    """What :func:`of` counts."""
    groups = grouped(listing.kind, chosen)
    shown = [one for one in questions.asked_of(listing.kind) if one.is_open or one.name in opened]
    bounds = {one.name: classes(one, listing.answers.get(one.name), own) for one in shown}
    answered = [one for one in shown if one.name in groups or one.name in listing.answers]
    rest = [one for one in shown if one not in answered]
    parts: list[Counted] = []
    if rest:
        parts.append((narrowed(listing, groups), rest, {one.name: bounds[one.name] for one in rest}))
    for one in answered:
        parts.append((narrowed(listing, groups, but=one.name), [one], {one.name: bounds[one.name]}))
    return parts


def told(kind: str, question: Question, tags: Sequence[str], answer: Answer | None) -> str:
    """What is asked for, in words."""
    value = question.value
    if isinstance(value, Tags):
        return " or ".join(placed(kind, tag)[1] for tag in tags)
    if answer is None:
        return ""
    if isinstance(value, Range) and value.unit == "machine":
        return answer.name or machines.name(answer.text)
    return answers.said(answer, value.classes if isinstance(value, Range) else value.names, value.unknown)


def classes(
    question: Question, answer: Answer | None = None, own: Mapping[str, Choice] = NO_MACHINES
) -> Mapping[str, Answer]:
    """The classes of a range with their bounds, besides what is asked for where that is a machine."""
    value = question.value
    if not isinstance(value, Range):
        return {}
    if value.unit == "machine":
        words = [*[one.address for one in own.values() if one.says_more][:LONG], *value.classes]
        words += [answer.text] if answer is not None else []
        found = {word: answers.machine(question.name, word, own) for word in dict.fromkeys(words)}
    else:
        found = {word: answers.bounds(question.name, word, value.unit, may_be_unknown=False) for word in value.classes}
    return {word: answer for word, answer in found.items() if answer is not None}


def _words(
    kind: str,
    question: Question,
    numbers: Mapping[str, int],
    bounds: Mapping[str, Answer],
    tags: Sequence[str],
    answer: Answer | None,
) -> list[Word]:
    """The answers of a question: those that would leave something, and those that are chosen."""
    value = question.value
    if isinstance(value, Tags):
        return _of_tags(kind, question.name, value, numbers, tags)
    chosen = set(answer.words) if answer is not None else set()
    if isinstance(value, Range):
        names = {word: value.classes.get(word) or one.name or machines.name(word) for word, one in bounds.items()}
        if answer is not None and answer.has_bounds:
            at = answer.at_least, answer.at_most
            # Of two machines with as much room only the one that was asked for is chosen.
            is_named = value.unit == "machine" and answer.text in bounds
            same = {} if is_named else {word for word, one in bounds.items() if (one.at_least, one.at_most) == at}
            chosen |= {answer.text, *same}
    else:
        names = dict(value.names) or {word: word for word in (*numbers, *chosen) if word != UNKNOWN}
    if value.unknown:
        names[UNKNOWN] = value.unknown
    words = [Word(word, label, numbers.get(word, 0), word in chosen) for word, label in names.items()]
    if isinstance(value, Range) and value.unit == "machine":
        return words if any(word.number or word.is_chosen for word in words) else []
    return [word for word in words if word.number or word.is_chosen]


def _of_tags(kind: str, name: str, value: Tags, numbers: Mapping[str, int], chosen: Sequence[str]) -> list[Word]:
    places = ((tag, placed(kind, tag)) for tag in dict.fromkeys((*numbers, *chosen)))
    words = [Word(tag, label, numbers.get(tag, 0), tag in chosen) for tag, (place, label) in places if place == name]
    if value.is_ordered:
        order = list(value.names)
        place = {word: order.index(rest) for word in numbers if (rest := word[len(value.prefix) :]) in value.names}
        return sorted(words, key=lambda word: place.get(word.tag, len(order)))
    return words


def _facet(question: Question, words: Sequence[Word], answer: Answer | None, chosen: str) -> Facet:
    value = question.value
    is_machine = isinstance(value, Range) and value.unit == "machine"
    if isinstance(value, Range) and is_machine:
        own = [word for word in words if word.tag not in value.classes][:SHORT]
        shown = [word for word in words if word.tag in SHORT_MACHINES or word in own or word.is_chosen]
    elif isinstance(value, Words) and value.names:
        shown = list(words)
    else:
        shown = [word for place, word in enumerate(words) if place < SHORT or word.is_chosen]
    more = [word for word in words[:LONG] if word not in shown]
    fields = answers.ends(answer) if isinstance(value, Range) and not is_machine else None
    unit = value.unit if isinstance(value, Range) else ""
    return Facet(
        name=question.name,
        label=question.label,
        words=shown,
        more=more,
        parameter=question.parameter,
        chosen=chosen,
        is_folded=not question.is_open,
        fields=fields,
        unit=unit,
        group=question.group,
        short=question.short,
    )
