"""The answers: how open each dimension of a repository is. Pure; docs/openness.md has the rules with their reasons."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from freehold.cards.openness import code, data, evaluation, licence, recipe, weights
from freehold.cards.openness.material import DIMENSIONS, Evidence, Material, Reading
from freehold.cards.rules import words

#: Keys of front matter that may say of a dimension that it is not given.
_FIELDS: Mapping[str, Sequence[str]] = {
    "weights": ("weights",),
    "code": ("training_code", "code"),
    "data": ("training_data", "train_data", "data", "datasets"),
    "recipe": ("recipe", "training"),
    "evaluation": ("evaluation",),
}
_SHUT = re.compile(
    r"(proprietary|closed|private|internal|undisclosed|confidential|withheld"
    r"|not[ -](released|disclosed|public|open))\b",
    re.IGNORECASE,
)


def openness(material: Material) -> Mapping[str, Reading]:
    """Every dimension that is asked of this kind, in order."""
    refusals = _refusals(material)
    if material.kind == "dataset":
        return {
            "data": data.of_set(material, refusals),
            "code": code.of_set(material, refusals),
            "recipe": recipe.of_set(material, refusals),
            "licence": licence.of(material),
        }
    asked = {
        "weights": weights.of,
        "code": code.of,
        "data": data.of,
        "recipe": recipe.of,
        "evaluation": evaluation.of,
    }
    found = {name: ask(material, refusals) for name, ask in asked.items()} | {"licence": licence.of(material)}
    return {name: found[name] for name in DIMENSIONS["model"]}


def opened(found: Mapping[str, Reading]) -> int:
    """How many dimensions are open: an order for lists, never an answer."""
    return sum(one.value == "open" for one in found.values())


def _refusals(material: Material) -> dict[str, Evidence]:
    """By dimension, what says that it is not given: a key of the card first, then a sentence of its text."""
    found = {
        dimension: Evidence("field", "", f"the card says: “{sentence}”")
        for dimension, sentence in material.told.saying.refusals.items()
    }
    for dimension, keys in _FIELDS.items():
        for key in keys:
            value = _said(material.data.get(key))
            if value:
                found[dimension] = Evidence("field", key, f"the card says {key}: {value}")
    return found


def _said(value: Any) -> str:
    return next((one[:80] for one in words(value)[:20] if _SHUT.match(one.strip())), "")
