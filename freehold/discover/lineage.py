"""Where a repository comes from and what came of it, as far as whoever looks may know.

What a card names is text; a repository stands behind it, or none, or one that the reader may not know of. The last two
look alike, because a card may name anything: otherwise whoever writes one could ask which private repositories there
are. Only where the card's own namespace may know of the other is it said that there is one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.cards import links
from freehold.cards.naming import Finder, known_to
from freehold.cards.tables import RepoCard, RepoLink
from freehold.repos.access import visible
from freehold.repos.rules import page_path
from freehold.repos.tables import Repo, RepoAlias

#: Generations walked up, and models shown of each.
MAX_GENERATIONS, MAX_WIDTH = 5, 12
#: Repositories looked through that name one, and shown of each relation.
MAX_NAMING, SHOWN = 5_000, 6


@dataclass(frozen=True)
class Named:
    """What a card names. ``address`` empty: none here that the reader may know of; ``is_hidden``: there is one, or was.
    ``revision`` and ``note`` as ``cards.links.Link`` has them."""

    path: str
    relation: str
    address: str = ""
    is_hidden: bool = False
    card: RepoCard | None = None
    revision: str = ""
    note: str = ""


@dataclass(frozen=True)
class Origins:
    """``bases`` by generation, the nearest first; the data sets that it was trained on, uses or was drawn from."""

    bases: Sequence[Sequence[Named]] = ()
    data: Sequence[Named] = ()
    models: Sequence[Named] = ()  #: that a Space uses, or that wrote a data set


@dataclass(frozen=True)
class Naming:
    """Repositories that name this one in one way: the most downloaded of ``total``."""

    relation: str
    total: int
    repos: Sequence[Repo]


def origins(db: Session, finder: Finder, repo: Repo, named: Sequence[links.Link]) -> Origins:
    """What the card of ``repo`` names, and what those were made from. One query a generation, two where one has moved,
    and one more where something is hidden."""
    bases = [link for link in named if link.relation in links.MADE][:MAX_WIDTH]
    data = [link for link in named if link.kind == "dataset"][:MAX_WIDTH]
    used = [one for one in named if one.kind == "model" and one.relation in (links.USES, links.WRITTEN)][:MAX_WIDTH]
    return Origins(
        bases=_generations(db, finder, repo, bases),
        data=_told(db, finder, repo, data),
        models=_told(db, finder, repo, used),
    )


def _generations(db: Session, finder: Finder, repo: Repo, bases: Sequence[links.Link]) -> list[list[Named]]:
    generations: list[list[Named]] = []
    asked = {repo.path_key}
    while bases and len(generations) < MAX_GENERATIONS:
        generation = _told(db, finder, repo, bases)
        generations.append(generation)
        asked |= {link.path_key for link in bases}
        above: dict[str, links.Link] = {}
        for one in generation:
            for link in _links_of(one.card):
                if link.path_key not in asked:
                    above.setdefault(link.path_key, link)
        bases = list(above.values())[:MAX_WIDTH]
    return generations


def _links_of(card: RepoCard | None) -> list[links.Link]:
    if card is None:
        return []
    return [link for link in links.read("model", card.data, card.tags) if link.relation in links.MADE]


def _told(db: Session, finder: Finder, repo: Repo, named: Sequence[links.Link]) -> list[Named]:
    if not named:
        return []
    found = finder.find(named[0].kind, {link.path_key for link in named})
    known = known_to(db, repo, found.hidden)
    told = []
    for link in named:
        seen = found.seen.get(link.path_key)
        if seen is not None:
            address = page_path(seen.repo.kind, seen.repo.path)
            told.append(Named(seen.repo.path, link.relation, address, False, seen.card, link.revision, link.note))
        else:
            is_hidden = link.path_key in known or bool(links.id_in(link.path_key))
            told.append(Named(link.path, link.relation, "", is_hidden, None, link.revision, link.note))
    return told


def naming(db: Session, actor: Actor, repo: Repo) -> Mapping[str, Naming]:
    """By relation, the repositories that name ``repo`` (by a former name too) and that ``actor`` may know of.

    One query. Of more than :data:`MAX_NAMING`, those found first stand for all.
    """
    former = select(RepoAlias.path_key).where(RepoAlias.repo_id == repo.id, RepoAlias.kind == repo.kind)
    is_named = or_(RepoLink.path_key.in_((repo.path_key, links.named_by_id(repo.id))), RepoLink.path_key.in_(former))
    some: Any = select(RepoLink.relation, Repo.id, Repo.downloads, Repo.likes).join(Repo, Repo.id == RepoLink.repo_id)
    some = some.where(RepoLink.kind == repo.kind, is_named, RepoLink.repo_id != repo.id)
    found = visible(some, actor).distinct().limit(MAX_NAMING).subquery()
    order = (found.c.downloads.desc(), found.c.likes.desc(), found.c.id)
    place = func.row_number().over(partition_by=found.c.relation, order_by=order).label("place")
    total = func.count().over(partition_by=found.c.relation).label("total")
    ranked = select(found.c.relation, found.c.id, place, total).subquery()
    query = select(ranked.c.relation, ranked.c.total, Repo).join(Repo, Repo.id == ranked.c.id)
    rows = db.execute(query.where(ranked.c.place <= SHOWN).order_by(ranked.c.relation, ranked.c.place))
    gathered: dict[str, tuple[int, list[Repo]]] = {}
    for relation, number, other in rows:
        gathered.setdefault(relation, (number, []))[1].append(other)
    return {relation: Naming(relation, number, shown) for relation, (number, shown) in gathered.items()}
