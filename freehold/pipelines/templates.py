"""Places in prompts, ``{{steps.draft.text}}``, and conditions on steps, ``steps.mood.label is angry``. Pure."""

import re
from collections.abc import Callable, Collection, Mapping

from freehold.pipelines.errors import OutOfBounds
from freehold.pipelines.rules import MAX_TEXT, Gave
from freehold.routing import conditions
from freehold.routing.errors import BadRoute

FIELDS = ("text", "label", "score", "passed", "skipped")
_PLACE = re.compile(r"\{\{([^{}]{0,200})\}\}")
_STEP = re.compile(r"steps\.([a-z][a-z0-9_-]{0,39})\.([a-z]+)")
_IS = re.compile(r"(not +)?steps\.([a-z][a-z0-9_-]{0,39})\.([a-z]+) +is +([^<>=]{1,200})")


def problem(text: str, known: Collection[str]) -> str:
    """Why ``text`` cannot be filled with what ``known`` steps gave; '' where it can."""
    for found in _PLACE.finditer(text):
        said = _place_problem(found[1].strip(), known)
        if said:
            return said
    return ""


def fill(text: str, asked: str, gave: Mapping[str, Gave]) -> str:
    """``text`` with its places filled: once, so that what models say is no template. Raises :class:`OutOfBounds`."""
    filled = _PLACE.sub(lambda found: _value(found[1].strip(), asked, gave), text)
    if len(filled) > MAX_TEXT:
        raise OutOfBounds(f"A prompt comes to over {MAX_TEXT:,} characters, the most of a step.")
    return filled


def condition_problem(when: str, known: Collection[str]) -> str:
    """Why ``when`` is no condition; '' where it is."""
    for part in _parts(when):
        found = _IS.fullmatch(part)
        if found is None:
            if "steps." in part:
                return f"{part[:80]!r} is no condition. Write steps.NAME.FIELD is VALUE."
            try:
                conditions.parse(part)
            except BadRoute as err:
                return err.message
        elif said := _place_problem(f"steps.{found[2]}.{found[3]}", known):
            return said
    return ""


def holds(when: str, gave: Mapping[str, Gave], facts: Callable[[], conditions.Facts]) -> bool:
    """Whether every part of a condition holds; one without a step is of the call."""
    for part in _parts(when):
        found = _IS.fullmatch(part)
        if found is None:
            if not conditions.holds(part, facts()):
                return False
            continue
        words = {word.strip().lower() for word in found[4].split(",")}
        if (gave[found[2]].said(found[3]).strip().lower() in words) is bool(found[1]):
            return False
    return True


def _parts(when: str) -> list[str]:
    return [part.strip() for part in re.split(r"\s+and\s+", when.strip())] if when.strip() else []


def _place_problem(place: str, known: Collection[str]) -> str:
    if place == "input":
        return ""
    found = _STEP.fullmatch(place)
    if found is None:
        return f"{{{{{place[:60]}}}}} is nothing. Places are {{{{input}}}} and {{{{steps.NAME.text}}}}."
    if found[1] not in known:
        return f"no step before this one is called {found[1]!r}."
    return "" if found[2] in FIELDS else f"a step has no {found[2]!r}; it has {', '.join(FIELDS)}."


def _value(place: str, asked: str, gave: Mapping[str, Gave]) -> str:
    found = _STEP.fullmatch(place)
    return asked if found is None else gave[found[1]].said(found[2])
