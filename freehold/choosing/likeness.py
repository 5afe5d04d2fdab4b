"""How alike repositories are, by what they are, and the reason in words. Pure.

Two repositories are alike by *traits* that they share: what they were made from, the data they were trained on, their
architecture, task, languages and tags. A trait that few have says more than one that all have.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from freehold.cards import vocabulary
from freehold.discover import rules
from freehold.discover.register import Row
from freehold.web import figures

#: Holders of a trait that are counted; one of so many is common, and says little.
CAP = 120
#: Traits of one repository that are looked up, those that say most by themselves first.
MAX_TRAITS = 14
#: Tags that say how a repository is kept or told of, not what it is.
_EMPTY = (
    "region:", "license:", "format:", "size_categories:", "base_model:", "annotations_creators:", "language_creators:",
    "multilinguality:", "source_datasets:", "modality:", "library:",
)  # fmt: skip
_EMPTY_TAGS = frozenset({"endpoints_compatible", "autotrain_compatible", "text-generation-inference", "custom_code"})
_PREFIXED = {"dataset": "data", "task_categories": "task", "task_ids": "tag", "arxiv": "paper", "language": "language"}
WEIGHTS = {
    "base": 3.0,
    "data": 2.0,
    "paper": 2.0,
    "architecture": 1.5,
    "task": 1.0,
    "tag": 1.0,
    "language": 0.6,
    "library": 0.3,
}
#: Sizes within this factor of each other are about the same.
ABOUT = 1.5
SHOWN_TAGS = 3
#: Of one owner, before others had their turn.
OF_ONE_OWNER = 2
MIN_LIKERS = 2


@dataclass(frozen=True)
class Trait:
    """One tag of a repository, and what it tells: ``base``, ``data``, ``task``, ``language``, ``tag`` and so on."""

    kind: str
    tag: str

    @property
    def word(self) -> str:
        return self.tag.partition(":")[2] or self.tag


@dataclass(frozen=True)
class Subject:
    """What others are held against. ``family``: see :func:`family`."""

    path_key: str
    family: str
    traits: Sequence[Trait]
    row: Row


@dataclass(frozen=True)
class Found:
    """Another repository with what it shares; ``likers``: people who like both."""

    row: Row
    family: str
    shared: Sequence[Trait]
    likers: int = 0


@dataclass(frozen=True)
class Similar:
    """One of the shown: why, in words; ``others`` are more of its family that were as near."""

    row: Row
    reasons: Sequence[str]
    others: int = 0


def traits(kind: str, tags: Sequence[str], architecture: str) -> Sequence[Trait]:
    """The traits of a repository of ``kind``, at most :data:`MAX_TRAITS`."""
    found = [trait for tag in tags if (trait := _trait(kind, tag, architecture)) is not None]
    found.sort(key=lambda trait: -WEIGHTS[trait.kind])
    return list(dict.fromkeys(found))[:MAX_TRAITS]


def _trait(kind: str, tag: str, architecture: str) -> Trait | None:
    prefix, _, rest = tag.partition(":")
    if prefix == "base_model" and rest.count(":") == 0:
        return Trait("base", tag)
    if tag.startswith(_EMPTY) or tag in _EMPTY_TAGS or tag in vocabulary.WEIGHT_FORMATS:
        return None
    if rest and prefix in _PREFIXED:
        return Trait(_PREFIXED[prefix], tag)
    if tag == architecture:
        return Trait("architecture", tag)
    if tag in rules.TASKS:
        return Trait("task", tag)
    if tag in rules.LIBRARIES:
        return Trait("library", tag)
    return Trait("language" if kind == "model" and tag in rules.LANGUAGES else "tag", tag)


def family(path: str, tags: Collection[str]) -> str:
    """What a repository is a version of: the model that it quantises, else itself."""
    of = next((tag for tag in tags if tag.startswith("base_model:quantized:")), "")
    return of.removeprefix("base_model:quantized:").lower() or path.lower()


def weight(trait: Trait, holders: int) -> float:
    """What it says to share ``trait``, which so many have (:data:`CAP`: that many or more)."""
    return WEIGHTS[trait.kind] * math.log1p(CAP / max(1, holders))


def nearest(subject: Subject, found: Sequence[Found], holders: Mapping[Trait, int], most: int) -> Sequence[Similar]:
    """The ``most`` that are most alike, one of each family, the subject's own left out; those of many owners first.

    A model for another task is not alike, whatever else it shares.
    """
    scored = [(_score(subject, one, holders), one) for one in found if _may_stand_for(subject, one)]
    scored.sort(key=lambda pair: (-pair[0], pair[1].row.path))
    families: dict[str, list[Found]] = {}
    for _, one in scored:
        families.setdefault(one.family, []).append(one)
    owners: Counter[str] = Counter()
    first: list[list[Found]] = []
    later: list[list[Found]] = []
    for versions in families.values():
        owner = versions[0].row.path.partition("/")[0]
        owners[owner] += 1
        (first if owners[owner] <= OF_ONE_OWNER else later).append(versions)
    return [
        Similar(versions[0].row, reasons(subject, versions[0], holders), len(versions) - 1)
        for versions in [*first, *later][:most]
    ]


def _may_stand_for(subject: Subject, one: Found) -> bool:
    is_kin = subject.family == one.family or any(
        trait.kind == "base" and trait.word.lower() == one.row.path.lower() for trait in subject.traits
    )
    other_task = subject.row.task and one.row.task and subject.row.task != one.row.task
    return not is_kin and not other_task and bool(one.shared or one.likers >= MIN_LIKERS)


def _score(subject: Subject, one: Found, holders: Mapping[Trait, int]) -> float:
    score = sum(weight(trait, holders.get(trait, CAP)) for trait in one.shared)
    score += math.log1p(one.likers) if one.likers >= MIN_LIKERS else 0
    ratio = _ratio(subject.row, one.row)
    score += 1 / (1 + abs(math.log2(ratio))) if ratio is not None else 0
    return score + 0.1 * math.log10(1 + one.row.downloads)


def _ratio(mine: Row, theirs: Row) -> float | None:
    if not mine.parameters or not theirs.parameters:
        return None
    return theirs.parameters / mine.parameters


# ---- reasons -------------------------------------------------------------------------------------------------------


def reasons(subject: Subject, one: Found, holders: Mapping[Trait, int]) -> Sequence[str]:
    """Why it is shown, what says most first."""
    said = _shared(one, holders)
    ratio = _ratio(subject.row, one.row)
    if ratio is not None:
        size = figures.short(one.row.parameters)
        word = "smaller" if ratio < 1 / ABOUT else "larger" if ratio > ABOUT else "about the same size"
        said.append(f"{word}, {size}" if word != "about the same size" else word)
    if one.likers >= MIN_LIKERS:
        said.append(f"liked by {one.likers} of the same people")
    if one.row.verdict == "yes" and subject.row.verdict != "yes":
        said.append("commercial use allowed")
    elif one.row.verdict == "no" and subject.row.verdict != "no":
        said.append("no commercial use")
    return said


def _shared(one: Found, holders: Mapping[Trait, int]) -> list[str]:
    by_kind: dict[str, list[Trait]] = {}
    for trait in sorted(one.shared, key=lambda trait: holders.get(trait, CAP)):
        by_kind.setdefault(trait.kind, []).append(trait)
    said = ["same base"] if "base" in by_kind else []
    if "data" in by_kind:
        said.append("trained on the same data")
    if "paper" in by_kind:
        said.append("same paper")
    if "architecture" in by_kind:
        said.append(f"same architecture, {by_kind['architecture'][0].word[:40]}")
    if "task" in by_kind:
        said.append("same task")
    if "language" in by_kind and (not said or holders.get(by_kind["language"][0], CAP) < CAP):
        said.append(f"also in {_words(by_kind['language'])}")
    if "tag" in by_kind:
        said.append(f"also about {_words(by_kind['tag'])}")
    return said


def _words(traits: Sequence[Trait]) -> str:
    return ", ".join(trait.word[:40] for trait in traits[:SHOWN_TAGS])
