"""Making, changing, ordering and upvoting collections."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from freehold.access.rules import Action, Actor, Thing, decide
from freehold.accounts.tables import Account
from freehold.community import access, rules
from freehold.community.errors import CollectionExists, CollectionForbidden, CollectionFull, SignInToTakePart
from freehold.community.events import CollectionCreated, CollectionUpvoted
from freehold.community.queries import collections as queries
from freehold.community.tables import Collection, Upvote
from freehold.content.rows import insert_new
from freehold.core import clock, events
from freehold.core.ids import new_id


@dataclass(frozen=True)
class Changes:
    """What of a collection to change; None leaves it as it is. ``position`` is among those that the actor sees."""

    title: str | None = None
    description: str | None = None
    theme: str | None = None
    private: bool | None = None
    position: int | None = None


def create(
    db: Session,
    actor: Actor,
    title: str,
    *,
    namespace: str | None = None,
    description: str = "",
    private: bool = False,
    theme: str | None = None,
) -> Collection:
    """A new collection, last of its owner's. Raises :class:`CollectionExists` with the ``slug`` of what is there."""
    title, description = rules.checked_title(title), rules.checked_description(description)
    theme = rules.checked_theme(theme or rules.THEMES[0])
    owner = _owner(db, actor, namespace)
    number, last = db.execute(
        select(func.count(Collection.id), func.max(Collection.position)).where(Collection.owner_id == owner.id)
    ).one()
    if number >= rules.MAX_COLLECTIONS:
        raise CollectionFull(f"{owner.name} has {number} collections, which is as many as there may be.")
    _check_title(db, actor, owner.id, title)
    now = clock.now()
    row = {
        "id": new_id(),
        "owner_id": owner.id,
        "creator_id": actor.id,
        "title": title,
        "title_key": title.lower(),
        "description": description,
        "theme": theme,
        "is_private": private,
        "position": 0 if last is None else last + 1,
        "upvotes": 0,
        "created_at": now,
        "updated_at": now,
    }
    if not insert_new(db, Collection, row):  # lost a race for the title
        _check_title(db, actor, owner.id, title)
    collection = db.get_one(Collection, row["id"])
    events.publish(db, CollectionCreated(collection, actor))
    return collection


def change(db: Session, actor: Actor, slug: str, changes: Changes) -> Collection:
    """The collection is as asked; with another title it has another slug, and the old one still leads to it."""
    collection = queries.load(db, actor, slug, Action.WRITE, locked=True)
    if changes.title is not None:
        title = rules.checked_title(changes.title)
        if title.lower() != collection.title_key:
            _check_title(db, actor, collection.owner_id, title)
        collection.title, collection.title_key = title, title.lower()
    if changes.description is not None:
        collection.description = rules.checked_description(changes.description)
    if changes.theme is not None:
        collection.theme = rules.checked_theme(changes.theme)
    if changes.private is not None:
        collection.is_private = changes.private
    collection.updated_at = clock.now()
    db.flush()
    if changes.position is not None:
        _place(db, actor, collection, changes.position)
    return collection


def remove(db: Session, actor: Actor, slug: str) -> None:
    """The collection is gone, with its upvotes and its place in others; what it held stays."""
    collection = queries.load(db, actor, slug, Action.WRITE, locked=True)
    db.execute(delete(Collection).where(Collection.id == collection.id))
    db.expunge(collection)


def upvote(db: Session, actor: Actor, slug: str) -> Collection:
    """``actor`` upvotes the collection, once however often it says so."""
    collection = _to_mark(db, actor, slug)
    row = {"collection_id": collection.id, "user_id": actor.id, "created_at": clock.now()}
    if insert_new(db, Upvote, row):
        _count(db, collection, 1)
        events.publish(db, CollectionUpvoted(collection, actor))
    return collection


def take_upvote_back(db: Session, actor: Actor, slug: str) -> Collection:
    """``actor`` does not upvote the collection, whether it did before or not."""
    collection = _to_mark(db, actor, slug)
    gone = delete(Upvote).where(Upvote.collection_id == collection.id, Upvote.user_id == actor.id)
    if db.execute(gone).rowcount:  # type: ignore[attr-defined]
        _count(db, collection, -1)
    return collection


def _owner(db: Session, actor: Actor, namespace: str | None) -> Account:
    """The account called ``namespace`` (None: the actor's own), if ``actor`` may create in it."""
    if actor.is_anonymous:
        raise SignInToTakePart("Sign in to create a collection.")
    account = db.scalar(select(Account).where(Account.key == (namespace or actor.name).lower()))
    if account is None:
        raise CollectionForbidden(f"There is no namespace {(namespace or '')[:96]!r} that you may create in.")
    decision = decide(actor, Action.CREATE_IN, Thing(owner_id=account.id, visibility="private"))
    if not decision:
        raise CollectionForbidden(f"You may not create collections under {account.name!r} ({decision.reason}).")
    return account


def _check_title(db: Session, actor: Actor, owner_id: str, title: str) -> None:
    query = select(Collection).where(Collection.owner_id == owner_id, Collection.title_key == title.lower())
    found = db.scalar(query)
    if found is not None:
        raise _exists(found, actor)


def _exists(found: Collection, actor: Actor) -> CollectionExists:
    # Whoever may create under this name sees its collections, unless a narrow token speaks for them.
    extra = {"slug": queries.slug(found)} if access.may(actor, Action.LIST, found) else {}
    return CollectionExists(f"{found.owner.name} has a collection called {found.title!r} already.", extra=extra)


def _place(db: Session, actor: Actor, collection: Collection, position: int) -> None:
    order, seen = queries.order_of_owner(db, actor, collection.owner_id)
    renumber(db, Collection, order, rules.moved(order, seen, collection.id, position))


def renumber(db: Session, table: Any, before: Sequence[str], after: Sequence[str]) -> None:
    """The rows ``after`` stand in this order, without gaps."""
    if list(after) != list(before):
        db.execute(update(table), [{"id": identifier, "position": at} for at, identifier in enumerate(after)])


def _to_mark(db: Session, actor: Actor, slug: str) -> Collection:
    collection = queries.load(db, actor, slug, Action.LIST)
    visibility = "private" if collection.is_private else "public"
    thing = Thing(owner_id=collection.owner_id, visibility=visibility)
    access.check_takes_part(actor, thing, "upvote this collection")
    return collection


def _count(db: Session, collection: Collection, more: int) -> None:
    counted = update(Collection).where(Collection.id == collection.id).values(upvotes=Collection.upvotes + more)
    upvotes = db.execute(
        counted.returning(Collection.upvotes), execution_options={"synchronize_session": False}
    ).scalar_one()
    set_committed_value(collection, "upvotes", upvotes)
