"""Who pays, who may see what was used, and who bounds it."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor, Thing, decide
from freehold.accounts.errors import AccountNotFound, NotAllowed, SignInNeeded
from freehold.accounts.tables import Account
from freehold.usage.errors import NoSuchPayer
from freehold.usage.rules import Payer


def payer(db: Session, actor: Actor, bill_to: str = "") -> Payer:
    """Whose budget a call of ``actor`` is: their own, or that of the organisation ``bill_to`` that they belong to.

    Raises :class:`SignInNeeded`, :class:`NoSuchPayer`. A token for chosen repositories pays for an organisation only
    where it was made for all of that organisation's.
    """
    if actor.is_anonymous or actor.id is None:
        raise SignInNeeded("Sign in, or send a token: somebody has to stand for what the call uses.")
    token_id = actor.token.token_id if actor.token is not None else None
    if not bill_to or bill_to.lower() == actor.name.lower():
        return Payer(actor.id, actor.id, token_id)
    org = db.scalar(select(Account).where(Account.key == bill_to.lower()[:96], Account.kind == "org"))
    narrow = actor.token is not None and actor.token.is_fine_grained
    covers = not narrow or (org is not None and actor.token is not None and org.id in actor.token.owner_ids)
    if org is None or org.id not in actor.roles or not covers:
        raise NoSuchPayer(
            f"{bill_to[:96]!r} cannot be billed: it is not an organisation that you belong to"
            + (", or this token is not for it." if narrow else ".")
        )
    return Payer(org.id, actor.id, token_id)


@dataclass(frozen=True)
class Sight:
    """What somebody may see of what an account used. ``user_id`` None: all of it; otherwise that person's part."""

    account: Account
    user_id: str | None
    may_bound: bool  #: sets budgets and limits of people and tokens on it
    may_bound_all: bool  #: and of the account itself


def sight(db: Session, actor: Actor, name: str = "") -> Sight:
    """What ``actor`` sees of the account ``name`` ('' is their own).

    One's own, whole. An organisation's administrators, whole; its members, their own part. Administrators of the hub
    see everybody's. Raises ``SignInNeeded``, ``NotAllowed``, ``AccountNotFound``.
    """
    person(actor)
    if not name or name.lower() == actor.name.lower():
        account = db.get_one(Account, actor.id)
        return Sight(account, None, may_bound=True, may_bound_all=actor.is_admin)
    account_or_none = db.scalar(select(Account).where(Account.key == name.lower()[:96]))
    if account_or_none is None:
        raise AccountNotFound(f"Nobody is called {name[:96]!r} here.")
    if actor.is_admin:
        return Sight(account_or_none, None, may_bound=True, may_bound_all=True)
    role = actor.roles.get(account_or_none.id)
    if role is None:
        raise NotAllowed(f"What {account_or_none.name} uses is shown to its own people.")
    if decide(actor, Action.ADMIN, Thing(owner_id=account_or_none.id, visibility="private")):
        return Sight(account_or_none, None, may_bound=True, may_bound_all=False)
    return Sight(account_or_none, actor.id, may_bound=False, may_bound_all=False)


def administer(actor: Actor, *, writes: bool = False) -> None:
    """Nothing, if ``actor`` administers the hub. Raises ``SignInNeeded`` or ``NotAllowed``."""
    person(actor, writes=writes)
    if not actor.is_admin:
        raise NotAllowed("Only who administers this hub may do this.")


def person(actor: Actor, *, writes: bool = False) -> None:
    """Nothing, if ``actor`` is somebody by a way that is good for their own affairs.

    Raises ``SignInNeeded``, or ``NotAllowed`` for a token that is not.
    """
    if actor.is_anonymous or actor.id is None:
        raise SignInNeeded("Sign in first.")
    token = actor.token
    if token is not None and (token.is_fine_grained or token.is_granted):
        raise NotAllowed(f"The token {token.name!r} is for repositories, not for its person's affairs.")
    if writes and token is not None and token.scope != "write":
        raise NotAllowed(f"The token {token.name!r} may only read.")


def owned(actor: Actor) -> frozenset[str]:
    """The accounts whose kept calls ``actor`` reads and erases: their own, and organisations that they administer. Who
    administers the hub has no part in it."""
    if actor.id is None:
        return frozenset()
    return frozenset({actor.id, *(org for org, role in actor.roles.items() if role == "admin")})
