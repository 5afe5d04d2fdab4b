"""Who may take part, and who sees which collection, in terms of ``access``."""

from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, or_, true

from freehold.access.rules import Action, Actor, Decision, Thing, decide
from freehold.accounts.tables import Account
from freehold.community.errors import MayNotTakePart, SignInToTakePart
from freehold.community.tables import Collection
from freehold.repos import access as repos_access
from freehold.repos.tables import Repo


def check_takes_part(actor: Actor, thing: Thing, what: str) -> None:
    """Raise unless ``actor`` may leave a mark of its own on ``thing``, which it may know of.

    A gate keeps people from files, not from liking: whoever may know of a thing and may propose may do this.
    """
    decision = decide(actor, Action.PROPOSE, replace(thing, gated=""))
    if actor.is_anonymous:
        raise SignInToTakePart(f"Sign in to {what}.")
    if not decision or actor.id is None:
        raise MayNotTakePart(f"You may not {what} ({decision.reason}).")


def check_likes(actor: Actor, repo: Repo) -> None:
    check_takes_part(actor, repos_access.thing(repo), f"like {repo.path}")


def check_follows(actor: Actor, account: Account) -> None:
    check_takes_part(actor, Thing(owner_id=account.id), f"follow {account.name}")


def may(actor: Actor, action: Action, collection: Collection) -> Decision:
    """The one rule, applied to a collection. A token for chosen repositories reaches no private one; one
    for all that somebody owns does."""
    visibility = "private" if collection.is_private else "public"
    thing = Thing(owner_id=collection.owner_id, visibility=visibility, creator_id=collection.creator_id)
    return decide(actor, action, thing)


def visible(query: Select[Any], actor: Actor, collection: Any = Collection) -> Select[Any]:
    """``query`` over ``collection`` (or an alias of it), narrowed to those that ``actor`` may list."""
    return query.where(or_(collection.is_private.is_(False), _own(actor, collection)))


def _own(actor: Actor, collection: Any) -> ColumnElement[bool]:
    if actor.kind == "hub":
        return true()
    if actor.is_anonymous:
        return false()
    belongs = true() if actor.is_admin else or_(collection.owner_id == actor.id, collection.owner_id.in_(actor.roles))
    if actor.token is None or not actor.token.is_fine_grained:
        return belongs
    return and_(belongs, collection.owner_id.in_(actor.token.owner_ids))
