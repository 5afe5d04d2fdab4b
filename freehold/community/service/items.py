"""What stands in a collection: adding, noting, ordering, taking out."""

from typing import Any

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.community import rules
from freehold.community.errors import BadItem, CollectionFull, CollectionNotFound, ItemExists, ItemNotFound
from freehold.community.queries import collections as queries
from freehold.community.queries.collections import Item, Shown
from freehold.community.service import collections
from freehold.community.service.collections import renumber
from freehold.community.tables import Collection, CollectionItem
from freehold.content.rows import insert_new
from freehold.core import clock
from freehold.core.ids import new_id
from freehold.repos import service as repos
from freehold.repos.errors import RepoMoved
from freehold.repos.rules import KINDS


def add(db: Session, actor: Actor, slug: str, type: str, name: str, *, note: str = "") -> Shown:
    """The item stands last in the collection, which is returned whole. Raises :class:`ItemExists`.

    Raises :class:`ItemNotFound` for what ``actor`` may not know of, and :class:`CollectionFull`.
    """
    note = rules.checked_note(note)
    collection = queries.load(db, actor, slug, Action.WRITE, locked=True)
    named = _named(db, actor, collection, type, name)
    last, number = db.execute(
        select(func.max(CollectionItem.position), func.count()).where(CollectionItem.collection_id == collection.id)
    ).one()
    (column, value), *_ = named.items()
    if db.scalar(select(exists().where(CollectionItem.collection_id == collection.id, column == value))):
        raise ItemExists
    if number >= rules.MAX_ITEMS:
        raise CollectionFull(f"A collection holds up to {rules.MAX_ITEMS} items, and this one does.")
    row = {
        "id": new_id(),
        "collection_id": collection.id,
        "position": 0 if last is None else last + 1,
        "note": note,
        "created_at": clock.now(),
        column.key: value,
    }
    if not insert_new(db, CollectionItem, row):
        raise ItemExists
    _touch(collection)
    return queries.shown(db, actor, collection)


def begin(db: Session, actor: Actor, title: str, *, item: str = "", **more: Any) -> Collection:
    """A new collection that holds ``item``, as somebody typed it, from the start; empty: nothing."""
    made = collections.create(db, actor, title, **more)
    if item:
        type, name = rules.item_of(item)
        add(db, actor, queries.slug(made), type, name)
    return made


def change(
    db: Session, actor: Actor, slug: str, item_id: str, *, note: str | None = None, position: int | None = None
) -> Item:
    """The item has this note and this place (from 0, among the items that ``actor`` sees); None leaves it."""
    collection, item, seen = _item(db, actor, slug, item_id)
    if note is not None:
        item.row.note = rules.checked_note(note)
    if position is not None:
        order = queries.order(db, collection)
        renumber(db, CollectionItem, order, rules.moved(order, seen, item.row.id, position))
    _touch(collection)
    db.flush()
    return item


def remove(db: Session, actor: Actor, slug: str, item_id: str) -> None:
    """The item does not stand in the collection any more."""
    collection, item, _ = _item(db, actor, slug, item_id)
    db.execute(delete(CollectionItem).where(CollectionItem.id == item.row.id))
    db.expunge(item.row)
    _touch(collection)


def _item(db: Session, actor: Actor, slug: str, item_id: str) -> tuple[Collection, Item, list[str]]:
    """An item that ``actor`` sees and may change, and the ids of all that it sees beside it, in order."""
    collection = queries.load(db, actor, slug, Action.WRITE, locked=True)
    items = queries.shown(db, actor, collection).items
    found = next((item for item in items if item.row.id == item_id), None)
    if found is None:
        raise ItemNotFound("This collection has no such item.")
    return collection, found, [item.row.id for item in items]


def _named(db: Session, actor: Actor, collection: Collection, type: str, name: str) -> dict[Any, str]:
    """The column and the value that say which thing ``name`` is."""
    if type == "paper":
        return {CollectionItem.paper: rules.checked_paper(name)}
    if type == "collection":
        try:
            member = queries.load(db, actor, name, Action.LIST)
        except CollectionNotFound as err:
            raise ItemNotFound(f"There is no collection {name[:200]!r}, or it is private to others.") from err
        if member.id == collection.id:
            raise BadItem("A collection cannot hold itself.")
        return {CollectionItem.member_id: member.id}
    if type not in KINDS:
        raise BadItem(f"{type[:40]!r} cannot stand in a collection; use {', '.join([*KINDS, 'paper', 'collection'])}.")
    return {CollectionItem.repo_id: _repo_id(db, actor, type, name)}


def _repo_id(db: Session, actor: Actor, kind: str, name: str) -> str:
    """By its name or one it had before."""
    try:
        return repos.load(db, actor, name, Action.LIST, kind=kind).id
    except RepoMoved as moved:
        return repos.load(db, actor, str(moved.extra["movedTo"]), Action.LIST, kind=kind).id


def _touch(collection: Collection) -> None:
    collection.updated_at = clock.now()
