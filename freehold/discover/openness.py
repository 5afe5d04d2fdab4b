"""How open is it, as a page draws it: six marks with their words, a sentence, and what each rests on. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from freehold.cards.openness.material import Evidence, Reading
from freehold.cards.openness.summary import sentence
from freehold.repos.rules import page_path
from freehold.web.dialect import Heading

LABELS: Mapping[str, str] = {
    "weights": "Weights",
    "code": "Code",
    "data": "Data",
    "recipe": "Recipe",
    "evaluation": "Evaluation",
    "licence": "Licence",
}
#: What a recipe is called where data was made and nothing trained.
OF_SETS: Mapping[str, str] = {"recipe": "Origin"}
#: Map-key squares: full, half, crossed, dotted.
MARKS: Mapping[str, str] = {"open": "yes", "partly": "conditions", "closed": "no", "unknown": "unresolved"}


@dataclass(frozen=True)
class Ground:
    """One thing that an answer rests on. ``name`` leads to ``address``; either may be empty."""

    name: str
    address: str
    words: str
    is_code: bool  #: whether the name is one to copy: a path, a key


@dataclass(frozen=True)
class Answer:
    """One dimension: the word of its value beside the mark, and what it rests on."""

    label: str
    word: str
    mark: str
    short: str
    grounds: Sequence[Ground]


@dataclass(frozen=True)
class Openness:
    """The panel. ``summary`` says all answers in a sentence."""

    summary: str
    answers: Sequence[Answer]


def panel(kind: str, address: str, found: Mapping[str, Reading], headings: Sequence[Heading] = ()) -> Openness:
    """The panel of a repository at ``address``; ``headings`` are those of its card, where it is shown."""
    labels = {**LABELS, **(OF_SETS if kind == "dataset" else {})}
    ids = {heading.text.strip().lower(): heading.id for heading in headings}
    return Openness(
        summary=sentence(kind, found),
        answers=[
            Answer(
                label=labels[name],
                word=one.value,
                mark=MARKS[one.value],
                short=one.short,
                grounds=[_ground(address, each, ids) for each in one.evidence],
            )
            for name, one in found.items()
        ],
    )


def _ground(address: str, one: Evidence, ids: Mapping[str, str]) -> Ground:
    card = f"{address}/blob/main/README.md"
    if one.kind == "file":
        return Ground(one.what[:200], f"{address}/blob/main/{quote(one.what)}", one.words, True)
    if one.kind == "field":
        return Ground(one.what or "README.md", card, one.words, True)
    if one.kind == "section":
        found = ids.get(one.what.lower())
        return Ground(one.what or "README.md", f"#{found}" if found else card, one.words, not one.what)
    if one.kind == "repo":
        kind, _, path = one.what.partition(" ")
        return Ground(path, page_path(kind, path), one.words, True)
    if one.kind == "licence":
        return Ground(one.what, f"/-/licences#{one.what}", one.words, True)
    if one.kind == "link":
        return Ground(one.what[:120], one.what, one.words, True)
    return Ground(one.what[:200], "", one.words, True)


def told(kind: str, found: Mapping[str, Reading]) -> dict[str, Any]:
    """As the API tells it."""
    return {
        "summary": sentence(kind, found),
        "dimensions": {
            name: {
                "value": one.value,
                "short": one.short,
                "evidence": [{"kind": each.kind, "what": each.what, "words": each.words} for each in one.evidence],
            }
            for name, one in found.items()
        },
    }
