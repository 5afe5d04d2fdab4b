"""Collections to read: one whole, or lists of them. What a reader may not see of their items is left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from freehold.access.rules import Action, Actor
from freehold.accounts.tables import Account
from freehold.cards.tables import RepoCard
from freehold.community import access, rules
from freehold.community.errors import CollectionForbidden, CollectionNotFound
from freehold.community.tables import Collection, CollectionItem, Upvote
from freehold.core import clock, paging
from freehold.core.paging import Cursor
from freehold.repos.access import visible as visible_repos
from freehold.repos.rules import KIND_OF_PLURAL
from freehold.repos.tables import Repo


@dataclass(frozen=True)
class Item:
    """An item that its reader may see: exactly one of ``repo``, ``member`` (a collection) and ``paper``."""

    row: CollectionItem
    repo: Repo | None = None
    card: RepoCard | None = None
    member: Collection | None = None
    paper: str = ""

    @property
    def type(self) -> str:
        return self.repo.kind if self.repo else "collection" if self.member else "paper"


@dataclass(frozen=True)
class Shown:
    """A collection as somebody sees it; ``position`` counts among those of its owner that they see, from 0."""

    collection: Collection
    items: Sequence[Item]
    is_upvoted: bool  #: by whoever looks
    position: int = 0

    @property
    def slug(self) -> str:
        return slug(self.collection)


@dataclass(frozen=True)
class Listing:
    """Which collections are asked for. ``items`` as clients spell them: ``models/ns/name``, ``papers/2307.09288``."""

    owners: Sequence[str] = ()
    items: Sequence[str] = ()
    search: str = ""
    sort: str = "lastModified"
    limit: int = rules.PAGE
    cursor: Cursor | None = None


@dataclass(frozen=True)
class Page:
    """One page of collections, each with its first few items, and where the next begins."""

    collections: Sequence[Shown]
    next: Cursor | None


def slug(collection: Collection) -> str:
    return rules.slug(collection.owner.name, collection.title, collection.id)


def load(db: Session, actor: Actor, slug: str, action: Action, *, locked: bool = False) -> Collection:
    """The collection at any slug it ever had, if ``actor`` may do ``action`` to it.

    ``locked`` keeps its items from changing until the transaction ends. Raises :class:`CollectionNotFound` and
    :class:`CollectionForbidden`.
    """
    identifier = rules.id_of(slug)
    query = select(Collection).where(Collection.id == identifier)
    # SQLite has one writer, which is a lock in itself.
    found = db.scalar(query.with_for_update(of=Collection) if locked else query) if identifier else None
    if found is None or not access.may(actor, Action.LIST, found):
        raise CollectionNotFound
    decision = access.may(actor, action, found)
    if not decision:
        raise CollectionForbidden(f"You may read this collection, but not change it ({decision.reason}).")
    return found


def whole(db: Session, actor: Actor, slug: str) -> Shown:
    """A collection with all its items that ``actor`` may see."""
    return shown(db, actor, load(db, actor, slug, Action.READ))


def shown(db: Session, actor: Actor, collection: Collection) -> Shown:
    before = or_(
        Collection.position < collection.position,
        (Collection.position == collection.position) & (Collection.id < collection.id),
    )
    query: Any = select(func.count(Collection.id)).where(Collection.owner_id == collection.owner_id, before)
    position = db.scalar(access.visible(query, actor)) or 0
    items = _items(db, actor, [collection.id], None)
    upvoted = _upvoted(db, actor, [collection.id])
    return Shown(collection, items.get(collection.id, []), collection.id in upvoted, position)


def listed(db: Session, actor: Actor, listing: Listing) -> Page:
    """The collections that ``listing`` asks for and ``actor`` may know of."""
    value = _sort_value(listing.sort)
    query: Any = select(Collection, value)
    if listing.owners:
        keys = [name.lower() for name in listing.owners]
        query = query.where(Collection.owner_id.in_(select(Account.id).where(Account.key.in_(keys))))
    if listing.search:
        query = _titled(query, listing.search)
    for item in listing.items:
        query = query.where(_holds(actor, item))
    if listing.cursor is not None:
        query = query.where(paging.after(value, Collection.id, listing.cursor))
    query = access.visible(query, actor).order_by(value.desc(), Collection.id.desc()).limit(listing.limit + 1)
    rows = [(collection, at) for collection, at in db.execute(query)]
    last = rows[listing.limit - 1] if len(rows) > listing.limit else None
    found = _with_items(db, actor, [collection for collection, _ in rows[: listing.limit]])
    return Page(found, Cursor(last[1], last[0].id) if last else None)


def owned(db: Session, actor: Actor, owner_id: str, limit: int) -> Sequence[Shown]:
    """The collections of one account in its own order, as far as ``actor`` may know of them."""
    query: Any = select(Collection).where(Collection.owner_id == owner_id)
    query = access.visible(query, actor).order_by(Collection.position, Collection.id).limit(limit)
    return _with_items(db, actor, list(db.scalars(query)))


def count(db: Session, actor: Actor, listing: Listing) -> int:
    query: Any = select(func.count(Collection.id))
    if listing.search:
        query = _titled(query, listing.search)
    return db.scalar(access.visible(query, actor)) or 0


def _titled(query: Any, words: str) -> Any:
    """Those whose titles hold each of the words, among the last changed of the hub."""
    last = select(Collection.id).order_by(Collection.updated_at.desc(), Collection.id.desc()).limit(rules.MAX_SEARCHED)
    for word in words.lower().split():
        query = query.where(Collection.title_key.contains(word, autoescape=True))
    return query.where(Collection.id.in_(last))


def matching(db: Session, actor: Actor, words: str, limit: int) -> tuple[Sequence[Shown], int]:
    """Collections whose title, description or notes hold all the words, and how many there are: titles first.

    A note counts only where ``actor`` may know of what it is about.
    """
    last = select(Collection.id).order_by(Collection.updated_at.desc(), Collection.id.desc()).limit(rules.MAX_SEARCHED)
    query: Any = select(Collection).where(Collection.id.in_(last))
    parts = words.lower().split()
    titled = [Collection.title_key.contains(word, autoescape=True) for word in parts]
    for word, in_title in zip(parts, titled, strict=True):
        described = func.lower(Collection.description).contains(word, autoescape=True)
        query = query.where(or_(in_title, described, Collection.id.in_(_noted(actor, word))))
    query = access.visible(query, actor)
    total = db.scalar(query.with_only_columns(func.count(Collection.id), maintain_column_froms=True)) or 0
    key = " ".join(parts)
    begins = Collection.title_key.startswith(key, autoescape=True)
    rank = case((Collection.title_key == key, 0), (begins, 1), (and_(*titled), 2), else_=3)
    best = query.order_by(rank, Collection.upvotes.desc(), Collection.id.desc()).limit(limit)
    return _with_items(db, actor, list(db.scalars(best))), total


def _noted(actor: Actor, word: str) -> Any:
    """Collections with a note that holds the word, about something that ``actor`` may know of."""
    member = aliased(Collection)
    repos: Any = visible_repos(select(Repo.id), actor)
    members: Any = access.visible(select(member.id), actor, member)
    known = or_(
        CollectionItem.paper.is_not(None), CollectionItem.repo_id.in_(repos), CollectionItem.member_id.in_(members)
    )
    holds = func.lower(CollectionItem.note).contains(word, autoescape=True)
    return select(CollectionItem.collection_id).where(holds, known)


def writable(db: Session, actor: Actor, limit: int) -> Sequence[Collection]:
    """Collections that ``actor`` may change because they are its own or an organisation's, last changed first."""
    if actor.id is None:
        return []
    owners = [actor.id, *actor.roles]
    query = select(Collection).where(Collection.owner_id.in_(owners)).order_by(Collection.updated_at.desc())
    return [found for found in db.scalars(query.limit(limit)) if access.may(actor, Action.WRITE, found)]


def holding(db: Session, actor: Actor, repo_id: str, limit: int) -> tuple[Sequence[Collection], int]:
    """The most upvoted collections that hold a repository and that ``actor`` may know of, and how many there are."""
    total = func.count().over()
    query: Any = select(Collection, total).join(CollectionItem, CollectionItem.collection_id == Collection.id)
    query = access.visible(query.where(CollectionItem.repo_id == repo_id), actor)
    rows = db.execute(query.order_by(Collection.upvotes.desc(), Collection.id.desc()).limit(limit)).all()
    return [found for found, _ in rows], rows[0][1] if rows else 0


def places(db: Session, type: str, name: str, collections: Sequence[Collection]) -> Mapping[str, str]:
    """In which of ``collections`` a repository stands: the id of its item by that of the collection."""
    repo = select(Repo.id).where(Repo.kind == type, Repo.path_key == name.lower()).scalar_subquery()
    query = select(CollectionItem.collection_id, CollectionItem.id).where(CollectionItem.repo_id == repo)
    held = query.where(CollectionItem.collection_id.in_([found.id for found in collections]))
    return {str(collection): str(item) for collection, item in db.execute(held)}


def order(db: Session, collection: Collection) -> list[str]:
    """The ids of all items, seen or not, first to last."""
    query = select(CollectionItem.id).where(CollectionItem.collection_id == collection.id)
    return list(db.scalars(query.order_by(CollectionItem.position, CollectionItem.id)))


def order_of_owner(db: Session, actor: Actor, owner_id: str) -> tuple[list[str], list[str]]:
    """The ids of all collections of one owner, and of those that ``actor`` may see, first to last."""
    query: Any = select(Collection.id).where(Collection.owner_id == owner_id)
    query = query.order_by(Collection.position, Collection.id)
    return list(db.scalars(query)), list(db.scalars(access.visible(query, actor)))


def cursor_kind(sort: str) -> type[datetime] | type[int]:
    """What a page of a list in this order ends with."""
    return datetime if sort == "lastModified" else int


def _sort_value(sort: str) -> Any:
    if sort == "upvotes":
        return Collection.upvotes
    if sort == "trending":
        since = clock.now() - timedelta(days=rules.TRENDING_DAYS)
        recent = select(func.count()).where(Upvote.collection_id == Collection.id, Upvote.created_at >= since)
        return recent.correlate(Collection).scalar_subquery()
    return Collection.updated_at


def _holds(actor: Actor, item: str) -> ColumnElement[bool]:
    """Whether a collection holds ``item``; never, where ``actor`` may not know of the item."""
    plural, _, name = item.partition("/")
    holding = select(CollectionItem.collection_id)
    if plural == "papers":
        return Collection.id.in_(holding.where(CollectionItem.paper == name[:24]))
    if plural == "collections":
        member = aliased(Collection)
        known: Any = select(member.id).where(member.id == rules.id_of(name))
        return Collection.id.in_(holding.where(CollectionItem.member_id.in_(access.visible(known, actor, member))))
    kind = KIND_OF_PLURAL.get(plural, "")
    repo: Any = select(Repo.id).where(Repo.kind == kind, Repo.path_key == name.lower())
    return Collection.id.in_(holding.where(CollectionItem.repo_id.in_(visible_repos(repo, actor))))


def _with_items(db: Session, actor: Actor, found: Sequence[Collection]) -> list[Shown]:
    ids = [collection.id for collection in found]
    items, upvoted = _items(db, actor, ids, rules.LISTED_ITEMS), _upvoted(db, actor, ids)
    return [Shown(each, items.get(each.id, []), each.id in upvoted) for each in found]


def _upvoted(db: Session, actor: Actor, ids: Sequence[str]) -> frozenset[str]:
    if actor.id is None or not ids:
        return frozenset()
    query = select(Upvote.collection_id).where(Upvote.user_id == actor.id, Upvote.collection_id.in_(ids))
    return frozenset(db.scalars(query))


def _items(db: Session, actor: Actor, ids: Sequence[str], most: int | None) -> Mapping[str, list[Item]]:
    """The first ``most`` items of each collection that ``actor`` may see, in order. Three queries however many."""
    if not ids:
        return {}
    member = aliased(Collection)
    repos: Any = select(CollectionItem, Repo, RepoCard).join(Repo, Repo.id == CollectionItem.repo_id)
    repos = visible_repos(repos.outerjoin(RepoCard, RepoCard.repo_id == Repo.id), actor)
    members: Any = select(CollectionItem, member).join(member, member.id == CollectionItem.member_id)
    papers: Any = select(CollectionItem).where(CollectionItem.paper.is_not(None))
    found = [Item(row, repo=repo, card=card) for row, repo, card in db.execute(_first(repos, ids, most))]
    members = _first(access.visible(members, actor, member), ids, most)
    found += [Item(row, member=collection) for row, collection in db.execute(members)]
    found += [Item(row, paper=row.paper or "") for row in db.scalars(_first(papers, ids, most))]
    by_collection: dict[str, list[Item]] = {}
    for item in sorted(found, key=lambda item: (item.row.position, item.row.id)):
        items = by_collection.setdefault(item.row.collection_id, [])
        if most is None or len(items) < most:
            items.append(item)
    return by_collection


def _first(query: Select[Any], ids: Sequence[str], most: int | None) -> Select[Any]:
    """``query`` over items of the collections ``ids``, no more than ``most`` of each."""
    query = query.where(CollectionItem.collection_id.in_(ids))
    if most is None:
        return query.limit(rules.MAX_ITEMS)
    place = func.row_number().over(
        partition_by=CollectionItem.collection_id, order_by=(CollectionItem.position, CollectionItem.id)
    )
    ranked = query.with_only_columns(CollectionItem.id, place.label("place"), maintain_column_froms=True).subquery()
    return query.join(ranked, ranked.c.id == CollectionItem.id).where(ranked.c.place <= most)
