"""Programs: registered, changed, removed, and recognised when they call."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor, Thing, decide
from freehold.accounts import service as accounts
from freehold.accounts.errors import NotAllowed, SignInNeeded
from freehold.accounts.rules import checked_line, checked_website, new_secret, secret_hash
from freehold.accounts.tables import Account
from freehold.core import clock
from freehold.core.errors import BadRequest
from freehold.core.ids import new_id
from freehold.oauth import rules
from freehold.oauth.errors import OAuthProblem, ProgramNotFound, TooManyPrograms
from freehold.oauth.service.grants import Client
from freehold.oauth.tables import Grant, GrantToken, Program

MAX_PROGRAMS = 100


@dataclass(frozen=True)
class Owned:
    """A program and who owns it."""

    program: Program
    owner: str


def register(
    db: Session, actor: Actor, owner_name: str, name: str, redirects: str, *, website: str = "", is_public: bool = False
) -> tuple[Program, str]:
    """A new program of a person or an organisation, and its secret (empty for one that cannot keep any)."""
    owner = _owner(db, actor, accounts.account(db, owner_name))
    if (db.scalar(select(func.count()).where(Program.owner_id == owner.id)) or 0) >= MAX_PROGRAMS:
        raise TooManyPrograms(f"{owner.name} has {MAX_PROGRAMS} programs. Remove some first.")
    name = checked_line(name, "A program's name", most=96)
    if not name:
        raise BadRequest("A program has a name: people read it when they are asked to let it in.")
    secret = "" if is_public else new_secret("fh_app_")
    program = Program(
        id=new_id(),
        owner_id=owner.id,
        name=name,
        website=checked_website(website),
        redirect_uris=rules.checked_redirects(redirects),
        secret_hash=secret_hash(secret) if secret else None,
        created_at=clock.now(),
    )
    db.add(program)
    db.flush()
    return program, secret


def renew_secret(db: Session, actor: Actor, program_id: str) -> tuple[Program, str]:
    """The program has another secret; the old one is worth nothing from now on."""
    program = load(db, actor, program_id)
    if program.secret_hash is None:
        raise BadRequest(f"{program.name} has no secret: it is a public program.")
    secret = new_secret("fh_app_")
    program.secret_hash = secret_hash(secret)
    db.flush()
    return program, secret


def remove(db: Session, actor: Actor, program_id: str) -> None:
    """The program is gone, and whatever it was given has ended."""
    program = load(db, actor, program_id)
    given = (
        select(GrantToken.token_id).join(Grant, Grant.id == GrantToken.grant_id).where(Grant.program_id == program.id)
    )
    accounts.end_tokens(db, given)
    db.execute(delete(Program).where(Program.id == program.id))
    db.expunge(program)


def load(db: Session, actor: Actor, program_id: str) -> Program:
    """A program that ``actor`` administers; raises :class:`ProgramNotFound` for others alike."""
    program = db.get(Program, program_id)
    if program is None or not _administers(actor, program.owner_id):
        raise ProgramNotFound("There is no such program of yours.")
    return program


def owned(db: Session, actor: Actor) -> Sequence[Owned]:
    """The programs of ``actor`` and of the organisations it administers."""
    orgs = [org_id for org_id, role in actor.roles.items() if role == "admin"]
    rows = db.execute(
        select(Program, Account.name)
        .join(Account, Account.id == Program.owner_id)
        .where(or_(Program.owner_id == actor.id, Program.owner_id.in_(orgs)))
        .order_by(Program.created_at.desc(), Program.id)
        .limit(MAX_PROGRAMS)
    )
    return [Owned(*row) for row in rows]


def find(db: Session, client_id: str) -> Client:
    """The program that calls itself so, by id alone; raises :class:`OAuthProblem`."""
    if client_id == rules.CLIENT_LOGIN:
        return Client(client_id, rules.CLIENT_LOGIN_NAME, None)
    program = db.get(Program, client_id) if len(client_id) <= 24 else None
    if program is None:
        raise OAuthProblem("invalid_client", "No program of this client_id is registered here.", status=401)
    return Client(program.id, program.name, program)


def recognised(db: Session, client_id: str, secret: str) -> Client:
    """The program that calls, its secret checked where it has one; raises :class:`OAuthProblem`."""
    if not client_id:
        raise OAuthProblem("invalid_client", "Say who calls: client_id is missing.", status=401)
    client = find(db, client_id)
    kept = client.program.secret_hash if client.program else None
    if kept is not None and not hmac.compare_digest(kept, secret_hash(secret)):
        raise OAuthProblem("invalid_client", "The client secret is wrong.", status=401)
    return client


def owner_name(db: Session, program: Program) -> str:
    return db.scalars(select(Account.name).where(Account.id == program.owner_id)).one()


def _owner(db: Session, actor: Actor, owner: Account) -> Account:
    if actor.is_anonymous or actor.token is not None:
        raise SignInNeeded("Sign in on the hub's page to register programs.")
    if not _administers(actor, owner.id):
        raise NotAllowed(f"You may not register programs for {owner.name}.")
    return owner


def _administers(actor: Actor, owner_id: str) -> bool:
    return actor.token is None and bool(decide(actor, Action.ADMIN, Thing(owner_id, "private")))
