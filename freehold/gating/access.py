"""Who may ask, and for whom, in terms of ``access``."""

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor, decide
from freehold.accounts import service as accounts
from freehold.accounts.errors import AccountNotFound, SignInNeeded
from freehold.accounts.tables import Account
from freehold.gating.errors import NeedsPerson, NotForOrganisation
from freehold.repos.access import thing
from freehold.repos.tables import Repo


def is_own(actor: Actor, repo: Repo) -> bool:
    """Whether the actor reads ``repo`` without any admission: its owner's people and administrators of the hub."""
    return bool(decide(actor, Action.READ, thing(repo)))


def check_person(actor: Actor, repo: Repo) -> None:
    """Only a person agrees to terms: at a browser, or by a token that may change things and reaches the repository."""
    if actor.is_anonymous:
        raise SignInNeeded("Sign in to ask for access.")
    if actor.kind != "user":
        raise NeedsPerson("Only a person can ask for access.")
    if actor.token is not None and not actor.token.allows(Action.PROPOSE, thing(repo)):
        raise NeedsPerson("A token that asks for access has write scope and reaches the repository.")


def applicant(db: Session, actor: Actor, organisation: str | None) -> Account:
    """The account that the actor asks for: its own, or an organisation that it administers.

    Raises :class:`NotForOrganisation` for others alike, so that nobody learns which organisations there are.
    """
    if not organisation:
        return accounts.account(db, actor.name, kind="user")
    refusal = NotForOrganisation(f"Only an administrator of {organisation[:96]!r} can agree to terms for its members.")
    try:
        org = accounts.account(db, organisation, kind="org")
    except AccountNotFound:
        raise refusal from None
    is_whole = actor.token is None or actor.token.repo_ids is None  # a narrow token speaks for no organisation
    if actor.roles.get(org.id) != "admin" or not is_whole:
        raise refusal
    return org
