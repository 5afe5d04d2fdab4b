"""The family of a model: what it was made from, generation by generation, and what was made from it, for one reader.

The rule of who may know what is ``discover.lineage``'s: what a card names is text, and that there is a repository which
the reader may not see is told only where the model's own namespace has told. What was made from it and may not be seen
is not there, and not counted.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, literal, select, union_all
from sqlalchemy.orm import Session, aliased

from freehold.access.rules import Actor
from freehold.cards import links
from freehold.cards.naming import Finder, Seen, known_to
from freehold.cards.tables import RepoLink, RepoVerdict
from freehold.discover import register
from freehold.discover.register import Row
from freehold.repos.access import visible
from freehold.repos.tables import Repo, RepoAlias

#: Generations walked up, bases shown of one model, and models above in all.
MAX_GENERATIONS, MAX_BASES, MAX_ABOVE = 10, 12, 80
#: Looked through for what names a model; those shown of each relation, of one alone, and models opened besides.
MAX_NAMING, SHOWN, SHOWN_ALONE, MAX_OPEN = 5_000, 8, 60, 12
RELATIONS = ("finetune", "adapter", "merge", "quantized")


@dataclass(frozen=True)
class Node:
    """A model of the family. ``path`` empty: one that the reader may not see; ``row`` None: none is known here.

    ``relation``: how it came about (below), or how what it stands under was made from it (above). ``note``: a circle,
    or that it stands elsewhere on the page. ``has_more``: something was made from it.
    """

    path: str
    relation: str
    row: Row | None = None
    is_hidden: bool = False
    note: str = ""
    above: Sequence["Node"] = ()
    unshown: int = 0  #: bases that are named beyond those of ``above``
    below: Sequence["Branch"] = ()
    has_more: bool = False
    is_open: bool = False


@dataclass(frozen=True)
class Branch:
    """What was made in one way: the most downloaded of ``total``, which is a floor where ``is_more``."""

    relation: str
    total: int
    is_more: bool
    nodes: Sequence[Node]


@dataclass(frozen=True)
class Family:
    """``root`` with what is above and below it; ``totals`` by relation, whichever of them are shown."""

    root: Node
    totals: Mapping[str, int]
    is_more: bool


def family(db: Session, actor: Actor, repo: Repo, *, relation: str = "", opened: Collection[str] = ()) -> Family:
    """The family of ``repo`` as ``actor`` may know it.

    ``relation``: only what was made from it in this way, and more of it. ``opened``: path keys of models below it whose
    own are shown too, :data:`MAX_OPEN` at most. Two queries a generation above, two for each model that is opened.
    """
    finder = Finder(db, actor)
    seen = finder.find("model", {repo.path_key}).seen[repo.path_key]
    above, ids = _Above(finder, db, repo).of(seen)
    under = _Below(db, actor, set(list(opened)[:MAX_OPEN]), ids | {repo.id})
    branches = under.of(repo, relation, SHOWN_ALONE if relation else SHOWN)
    rows = register.by_id(db, actor, list(ids | under.ids | {repo.id}), with_sparks=False)
    more = _with_more(db, actor, under.ids)
    root = Node(
        path=repo.path,
        relation="",
        row=rows.get(repo.id),
        above=[_drawn_above(one, rows) for one in above],
        unshown=_unshown(seen, above),
        below=[_drawn(one, rows, more) for one in branches],
        is_open=True,
    )
    totals = under.totals[repo.id]
    return Family(root, totals, sum(totals.values()) >= MAX_NAMING)


# ---- above ---------------------------------------------------------------------------------------------------------


@dataclass
class _Base:
    """A base while the walk goes on."""

    path: str
    relation: str
    seen: Seen | None = None
    is_hidden: bool = False
    note: str = ""
    above: list["_Base"] = field(default_factory=list)


class _Above:
    """The walk up from one model, a generation at a time; each model is followed once."""

    def __init__(self, finder: Finder, db: Session, root: Repo) -> None:
        self._finder, self._db, self._root = finder, db, root
        self._ids: set[str] = set()

    def of(self, seen: Seen) -> tuple[list[_Base], set[str]]:
        """The bases of the root, and the ids of all models above it."""
        first: list[_Base] = []
        standing: list[tuple[Seen, list[_Base], tuple[str, ...]]] = [(seen, first, (self._root.id,))]
        for _ in range(MAX_GENERATIONS):
            standing = self._generation(standing)
            if not standing:
                break
        return first, self._ids

    def _generation(
        self, standing: Sequence[tuple[Seen, list[_Base], tuple[str, ...]]]
    ) -> list[tuple[Seen, list[_Base], tuple[str, ...]]]:
        named = [(link, into, way) for one, into, way in standing for link in bases(one)[:MAX_BASES]]
        found = self._finder.find("model", {link.path_key for link, _, _ in named}) if named else None
        if found is None:
            return []
        known = known_to(self._db, self._root, found.hidden)
        following = []
        for link, into, way in named:
            base = _Base(link.path, link.relation, found.seen.get(link.path_key), link.path_key in known)
            into.append(base)
            if base.seen is None:
                continue
            id = base.seen.repo.id
            if id in way:
                base.note = "a circle: it was made from this"
            elif id in self._ids or len(self._ids) >= MAX_ABOVE:
                base.note = "its bases stand elsewhere here" if id in self._ids and bases(base.seen) else ""
            else:
                self._ids.add(id)
                following.append((base.seen, base.above, (*way, id)))
        return following


def bases(seen: Seen) -> list[links.Link]:
    """What a model says it was made from, in its card and, where that is silent, in an adapter's files."""
    card, adapts = seen.card, seen.adapter_base
    read = links.read("model", card.data, card.tags) if card is not None else ()
    named = [link for link in read if link.relation in links.MADE]
    if adapts and links.leads(adapts) and adapts.lower() not in {link.path_key for link in named}:
        named.append(links.Link("adapter", "model", adapts))
    return named


def _unshown(seen: Seen, above: Sequence[_Base]) -> int:
    return len(bases(seen)) - len(above)


def _drawn_above(base: _Base, rows: Mapping[str, Row]) -> Node:
    seen = base.seen
    row = rows.get(seen.repo.id) if seen is not None else None
    return Node(
        path="" if base.is_hidden else row.path if row is not None else base.path[:200],
        relation=base.relation,
        row=row,
        is_hidden=base.is_hidden,
        note=base.note,
        above=[_drawn_above(one, rows) for one in base.above],
        unshown=max(0, len(bases(seen)) - MAX_BASES) if seen is not None and base.above else 0,
    )


# ---- below ---------------------------------------------------------------------------------------------------------


@dataclass
class _Way:
    """What was made in one way, while others are still opened."""

    relation: str
    total: int
    is_more: bool
    ids: list[str]
    opened: dict[str, list["_Way"]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


class _Below:
    """What was made from a model, and from those of them that are opened; each is opened once."""

    def __init__(self, db: Session, actor: Actor, opened: Collection[str], above: Collection[str]) -> None:
        self._db, self._actor, self._above = db, actor, above
        self._left = set(opened)
        self.ids: set[str] = set()
        self.totals: dict[str, dict[str, int]] = {}

    def of(self, repo: Repo, relation: str, shown: int) -> list[_Way]:
        ways: dict[str, _Way] = {}
        self.totals[repo.id] = totals = {}
        among = self._naming(repo)
        for kind, total, looked, other in self._db.execute(_ranked(among, shown)).all():
            totals[kind] = total
            if relation and kind != relation:
                continue
            way = ways.setdefault(kind, _Way(kind, total, looked >= MAX_NAMING, []))
            way.ids.append(other.id)
            self.ids.add(other.id)
            if other.id in self._above:
                way.notes[other.id] = "a circle: it stands above too"
            elif other.path_key in self._left:
                self._left.discard(other.path_key)
                way.opened[other.id] = self.of(other, "", SHOWN)
        return [ways[kind] for kind in RELATIONS if kind in ways]

    def _naming(self, repo: Repo) -> Any:
        """Relation, id and popularity of models that name ``repo``, by a former name too, as the reader may know."""
        keys = [repo.path_key, *self._db.scalars(_former(repo.id))]
        return visible(naming(keys), self._actor).where(Repo.id != repo.id).limit(MAX_NAMING).subquery()


def _former(repo_id: str) -> Any:
    return select(RepoAlias.path_key).where(RepoAlias.repo_id == repo_id, RepoAlias.kind == "model")


def naming(keys: Sequence[str]) -> Any:
    """Models that name one of these paths as what they were made from, in their cards or in an adapter's files."""
    named = select(RepoLink.repo_id, RepoLink.relation).where(
        RepoLink.path_key.in_(keys), RepoLink.kind == "model", RepoLink.relation.in_(links.MADE)
    )
    says = select(RepoLink.repo_id).where(RepoLink.path_key.in_(keys), RepoLink.kind == "model")
    adapts = select(RepoVerdict.repo_id, literal("adapter").label("relation")).where(
        RepoVerdict.adapter_key.in_(keys), RepoVerdict.repo_id.not_in(says)
    )
    both = union_all(named, adapts).subquery()
    query: Any = select(both.c.relation, Repo.id, Repo.downloads, Repo.likes).join(Repo, Repo.id == both.c.repo_id)
    return query.where(Repo.kind == "model").distinct()


def _ranked(among: Any, shown: int) -> Any:
    """Relation, how many there are of it, how many were looked through, and the most downloaded."""
    order = (among.c.downloads.desc(), among.c.likes.desc(), among.c.id)
    place = func.row_number().over(partition_by=among.c.relation, order_by=order).label("place")
    total = func.count().over(partition_by=among.c.relation).label("total")
    looked = func.count().over().label("looked")
    ranked = select(among.c.relation, among.c.id, place, total, looked).subquery()
    query = select(ranked.c.relation, ranked.c.total, ranked.c.looked, Repo).join(Repo, Repo.id == ranked.c.id)
    return query.where(ranked.c.place <= shown).order_by(ranked.c.relation, ranked.c.place)


def _with_more(db: Session, actor: Actor, ids: Collection[str]) -> Collection[str]:
    """Those of ``ids`` that something was made from which the reader may know of. One query."""
    if not ids:
        return ()
    base = aliased(Repo)
    some: Any = select(RepoLink.repo_id).join(Repo, Repo.id == RepoLink.repo_id).correlate(base)
    some = some.where(RepoLink.path_key == base.path_key, RepoLink.kind == "model", RepoLink.relation.in_(links.MADE))
    query = select(base.id).where(base.id.in_(ids), visible(some, actor).where(Repo.id != base.id).exists())
    return set(db.scalars(query))


def _drawn(way: _Way, rows: Mapping[str, Row], more: Collection[str]) -> Branch:
    nodes = [
        Node(
            path=rows[id].path,
            relation=way.relation,
            row=rows[id],
            note=way.notes.get(id, ""),
            below=[_drawn(one, rows, more) for one in way.opened.get(id, ())],
            has_more=id in more,
            is_open=id in way.opened,
        )
        for id in way.ids
        if id in rows
    ]
    return Branch(way.relation, way.total, way.is_more, nodes)
