"""A repository among others, as its page draws it. Pure.

The tree of a model, and who names whom.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from freehold.discover import panels
from freehold.discover.lineage import Named, Naming, Origins
from freehold.repos.rules import page_path
from freehold.repos.tables import Repo

#: How a model came from another, of the one that did.
MADE = {"finetune": "fine-tune", "adapter": "adapter", "merge": "merge", "quantized": "quantisation"}
#: Headings of what a repository names, by its kind, and of what names it.
MODELS = {"space": "Models it uses", "dataset": "Written by"}
DATA = {"model": "Trained on", "space": "Data it uses", "dataset": "Made from"}
NAMING = {
    "trained": "Models trained on it",
    "uses": "Spaces that use it",
    "drawn": "Data sets made from it",
    "written": "Data sets it wrote",
}
MANY = {"finetune": "Fine-tunes", "adapter": "Adapters", "merge": "Merges", "quantized": "Quantisations"}


@dataclass(frozen=True)
class Kin:
    """One repository or name. ``address`` empty: none that the visitor may know of; ``is_hidden``: there is one."""

    path: str
    address: str
    is_hidden: bool
    note: str


@dataclass(frozen=True)
class Branch:
    """What came of a model in one way: the most downloaded, and the list of all."""

    label: str
    total: int
    rows: Sequence[Kin]
    address: str


@dataclass(frozen=True)
class Tree:
    """``above`` by generation, the oldest first."""

    above: Sequence[Sequence[Kin]]
    relation: str  #: of the model to what it was made from; empty: nothing is named
    below: Sequence[Branch]

    @property
    def is_alone(self) -> bool:
        return not self.above and not self.below


@dataclass(frozen=True)
class Whose:
    """Other repositories under one heading; ``total`` of them there are."""

    label: str
    rows: Sequence[Kin]
    total: int


def tree(repo: Repo, origins: Origins, naming: Mapping[str, Naming]) -> Tree:
    """The tree of a model from what its card and others' cards name."""
    below = [
        Branch(MANY[relation], found.total, _rows(found), _children(repo, relation))
        for relation in MANY
        if (found := naming.get(relation)) is not None
    ]
    nearest = origins.bases[0] if origins.bases else ()
    return Tree(
        above=_above(origins.bases),
        relation=MADE[nearest[0].relation] if nearest else "",
        below=below,
    )


def _above(bases: Sequence[Sequence[Named]]) -> list[list[Kin]]:
    """The oldest first. How a model came about is what it says of the generation before it."""
    above: list[list[Kin]] = []
    note = "base"
    for generation in reversed(bases):
        above.append([_kin(one, note) for one in generation])
        note = MADE[generation[0].relation]
    return above


def kin(repo: Repo, origins: Origins, naming: Mapping[str, Naming]) -> Sequence[Whose]:
    """What a repository names and who names it, beside the tree of models."""
    models, data = ([_kin(one, _of_batch(one)) for one in named] for named in (origins.models, origins.data))
    named = [Whose(MODELS.get(repo.kind, ""), models, len(models)), Whose(DATA.get(repo.kind, ""), data, len(data))]
    if repo.kind == "dataset":  # the rows came first
        named.reverse()
    for relation, label in NAMING.items():
        found = naming.get(relation)
        if found is not None:
            named.append(Whose(label, _rows(found), found.total))
    return [one for one in named if one.rows]


def _of_batch(one: Named) -> str:
    return ", ".join(word for word in (f"at {one.revision[:7]}" if one.revision else "", one.note) if word)


def _kin(one: Named, note: str = "") -> Kin:
    if one.is_hidden:
        return Kin("", "", True, note)
    return Kin(one.path[:200], one.address, False, note)


def _rows(found: Naming) -> list[Kin]:
    return [Kin(repo.path, page_path(repo.kind, repo.path), False, "") for repo in found.repos]


def _children(repo: Repo, relation: str) -> str:
    return panels.list_address("model", f"base_model:{relation}:{repo.path}")
