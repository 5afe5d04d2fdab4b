"""Organisations in terms of the rule: who may administer one, and who may do things as themselves."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor, Thing, decide
from freehold.accounts.errors import AccountNotFound, NotAllowed, SignInNeeded
from freehold.accounts.tables import Account


def organization(db: Session, actor: Actor, name: str, action: Action = Action.LIST) -> Account:
    """The organisation ``name`` (any case) if ``actor`` may do ``action`` to it. That it exists is no secret.

    Raises :class:`AccountNotFound`, :class:`SignInNeeded`, :class:`NotAllowed`.
    """
    org = db.scalar(select(Account).where(Account.key == name.lower(), Account.kind == "org"))
    if org is None:
        raise AccountNotFound(f"No organisation is called {name[:96]!r} here.")
    if action is Action.LIST:
        return org
    if actor.is_anonymous:
        raise SignInNeeded(f"Sign in as somebody who administers {org.name}.")
    refuse_narrow(actor)
    decision = decide(actor, action, Thing(owner_id=org.id, visibility="private"))
    if not decision:
        raise NotAllowed(f"You may not {action} {org.name} ({decision.reason}).")
    return org


def administers(actor: Actor, org: Account) -> bool:
    """Whether ``actor`` may change who belongs to ``org``."""
    narrow = actor.token is not None and (actor.token.is_fine_grained or actor.token.is_granted)
    return not narrow and bool(decide(actor, Action.ADMIN, Thing(owner_id=org.id, visibility="private")))


def sees_members(actor: Actor, org: Account) -> bool:
    """Whether ``actor`` learns who belongs to ``org``: everybody, unless it keeps that to its members."""
    return org.shows_members or actor.kind == "hub" or actor.is_admin or org.id in actor.roles


def person(db: Session, actor: Actor, *, reads: bool = False) -> Account:
    """The account of who asks, to change something of theirs (or only see it: ``reads``).

    A token must be one that writes, and not a narrow one.
    """
    if actor.is_anonymous or actor.id is None:
        raise SignInNeeded("Sign in first.")
    refuse_narrow(actor)
    if not reads and actor.token is not None and actor.token.scope != "write":
        raise NotAllowed(f"The token {actor.token.name!r} may only read.")
    return db.get_one(Account, actor.id)


def by(db: Session, actor: Actor) -> Account | None:
    """The account behind ``actor``; None for the hub itself."""
    return db.get(Account, actor.id) if actor.id is not None else None


def refuse_narrow(actor: Actor) -> None:
    """A token for chosen repositories is not one for people; nor is a program's, which was let in to repositories."""
    if actor.token is not None and actor.token.is_fine_grained:
        raise NotAllowed(f"The token {actor.token.name!r} is for chosen repositories, not for people.")
    if actor.token is not None and actor.token.is_granted:
        raise NotAllowed("A program may not do this for you. Sign in on the hub's page, or use a token of your own.")
