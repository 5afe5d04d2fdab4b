"""What a card says a repository was made from, and what it uses: as links to other repositories. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from freehold.cards.rules import RELATIONS, words

#: How a model came from another; beside them a repository is *trained* on a data set, and *uses* one or a model.
MADE = RELATIONS
TRAINED, USES = "trained", "uses"
MAX_LINKS = 100
MAX_PATH_CHARACTERS = 193


@dataclass(frozen=True)
class Link:
    """One repository names another. ``path`` is as the card spells it; there may be nothing of that name."""

    relation: str
    kind: str
    path: str

    @property
    def path_key(self) -> str:
        return self.path.lower()


def read(kind: str, data: dict[str, Any] | None, tags: Sequence[str]) -> tuple[Link, ...]:
    """The links of a repository of ``kind`` from its front matter and its tags: each target once, no more than
    :data:`MAX_LINKS`."""
    said = data or {}
    named = _of_model(said, tags) if kind == "model" else _of_space(said) if kind == "space" else iter(())
    links: dict[tuple[str, str, str], Link] = {}
    for link in named:
        if leads(link.path):
            links.setdefault((link.relation, link.kind, link.path_key), link)
        if len(links) >= MAX_LINKS:
            break
    return tuple(links.values())


def leads(path: str) -> bool:
    """Whether a repository could have this path."""
    return path.count("/") == 1 and len(path) <= MAX_PATH_CHARACTERS and "\x00" not in path


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
