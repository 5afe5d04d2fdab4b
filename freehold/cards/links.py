"""What a card says a repository was made from, and what it uses: as links to other repositories. Pure.

A card that the hub wrote names what not everybody may read by its id (:func:`named_by_id`): whoever may read it sees
its name on the page, nobody else learns it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from freehold.cards.rules import RELATIONS, words

#: How a model came from another; beside them a repository is *trained* on a data set, and *uses* one or a model. A data
#: set is *drawn* from another, or *written* by a model.
MADE = RELATIONS
TRAINED, USES, DRAWN, WRITTEN = "trained", "uses", "drawn", "written"
MAX_LINKS = 100
MAX_PATH_CHARACTERS = 193
_ID = re.compile(r"id:([0-9a-f]{24})")
#: What "source_datasets" says of rows that come from nowhere else. Source: Hugging Face, data set card metadata.
_ORIGINAL = "original"
_EXTENDED = "extended|"


@dataclass(frozen=True)
class Link:
    """One repository names another. ``path`` is as the card spells it; there may be nothing of that name.

    ``revision``: of the other; ``note``: how much came of it. Both only where a batch wrote the card.
    """

    relation: str
    kind: str
    path: str
    revision: str = ""
    note: str = ""

    @property
    def path_key(self) -> str:
        return self.path.lower()


def read(kind: str, data: dict[str, Any] | None, tags: Sequence[str]) -> tuple[Link, ...]:
    """The links of a repository of ``kind`` from its front matter and its tags: each target once, no more than
    :data:`MAX_LINKS`."""
    said = data or {}
    readers = {
        "model": lambda: _of_model(said, tags),
        "space": lambda: _of_space(said),
        "dataset": lambda: _of_set(said),
    }
    named = readers[kind]() if kind in readers else iter(())
    links: dict[tuple[str, str, str], Link] = {}
    for link in named:
        if leads(link.path):
            links.setdefault((link.relation, link.kind, link.path_key), link)
        if len(links) >= MAX_LINKS:
            break
    return tuple(links.values())


def leads(path: str) -> bool:
    """Whether a repository could have this path, or is named so by its id."""
    return (path.count("/") == 1 and len(path) <= MAX_PATH_CHARACTERS and "\x00" not in path) or bool(id_in(path))


def named_by_id(repo_id: str) -> str:
    """What stands in a card for a repository whose name is not everybody's to know."""
    return f"id:{repo_id}"


def id_in(path: str) -> str:
    """The id of a repository that is named by it; '' for a path."""
    found = _ID.fullmatch(path)
    return found[1] if found else ""


def _of_model(data: dict[str, Any], told: Sequence[str]) -> Iterator[Link]:
    tags = set(told)
    for base in words(data.get("base_model")):
        # A tag knows the relation where the card does not say it: it was read from the files.
        known = (relation for relation in MADE if f"base_model:{relation}:{base}" in tags)
        yield Link(next(known, "finetune"), "model", base)
    for name in words(data.get("datasets")):
        yield Link(TRAINED, "dataset", name)


def _of_space(data: dict[str, Any]) -> Iterator[Link]:
    for key, kind in (("models", "model"), ("datasets", "dataset")):
        for name in words(data.get(key)):
            yield Link(USES, kind, name)


def _of_set(data: dict[str, Any]) -> Iterator[Link]:
    generated = data.get("generated")
    told: Mapping[str, Any] = generated if isinstance(generated, dict) else {}
    source, _, revision = str(told.get("from") or "").partition("@")
    for name in sources(data):
        yield Link(DRAWN, "dataset", name, revision[:40] if name == source else "")
    for one in makers(data):
        answers = one.get("answers")
        note = f"{answers:,} answers" if isinstance(answers, int) and answers > 0 else ""
        yield Link(WRITTEN, "model", str(one["model"]), str(one.get("revision") or "")[:40], note)


def sources(data: Mapping[str, Any]) -> list[str]:
    """The data sets that a data set says its rows come from, whether they lead somewhere or not."""
    return [name.removeprefix(_EXTENDED) for name in words(data.get("source_datasets")) if name != _ORIGINAL]


def makers(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The models that wrote a data set, as a batch says it in the card: each with ``model``, a text."""
    generated = data.get("generated")
    by = generated.get("by") if isinstance(generated, dict) else None
    return [
        one
        for one in (by if isinstance(by, list) else [])
        if isinstance(one, dict) and isinstance(one.get("model"), str)
    ]
