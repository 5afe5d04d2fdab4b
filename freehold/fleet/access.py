"""Whose machines somebody sees and changes: their own; an organisation's members see, its administrators change."""

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor, Thing, decide
from freehold.accounts.tables import Account
from freehold.people import access as people


def owner(db: Session, actor: Actor, org: str | None, *, changes: bool) -> Account:
    """The account whose machines ``actor`` may see, or change: an organisation, or (None) their own.

    Raises what ``people.access`` does for somebody who may not.
    """
    if org is None:
        return people.person(db, actor, reads=not changes)
    return people.organization(db, actor, org, Action.ADMIN if changes else Action.READ)


def sees(actor: Actor, owner_id: str) -> bool:
    """Whether ``actor`` may see the machines of this account; a program, let in to repositories, may not."""
    if actor.is_anonymous or (actor.token is not None and actor.token.is_granted):
        return False
    return bool(decide(actor, Action.READ, Thing(owner_id=owner_id, visibility="private")))


def owners(actor: Actor) -> list[str]:
    """The accounts whose machines are offered to ``actor``: their own first, then their organisations'."""
    return [one for one in (actor.id, *actor.roles) if one is not None and sees(actor, one)]
