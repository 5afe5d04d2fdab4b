"""Grants: given, renewed, listed, ended."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts import service as accounts
from freehold.accounts.rules import new_secret, secret_hash
from freehold.accounts.tables import Account, Token
from freehold.core import clock, events
from freehold.core.ids import new_id
from freehold.oauth import rules
from freehold.oauth.errors import GrantNotFound, OAuthProblem
from freehold.oauth.events import ProgramLetIn, ProgramShutOut
from freehold.oauth.tables import Grant, GrantToken, Program, RefreshToken

#: Grants of one person; the ones used longest ago make room.
MAX_GRANTS = 200


@dataclass(frozen=True)
class Client:
    """The program that calls, once it is known who it is. ``program`` None: the official client's own login."""

    id: str
    name: str
    program: Program | None


@dataclass(frozen=True)
class Issued:
    """Tokens as a program gets them, once."""

    access_token: str
    expires_in_s: int
    scopes: str
    refresh_token: str | None
    grant: Grant
    user: Account


@dataclass(frozen=True)
class Shown:
    """A grant as its person sees it."""

    id: str
    name: str
    owner: str
    scopes: Sequence[str]
    created_at: datetime
    last_used_at: datetime | None


def give(db: Session, user: Account, client: Client, scopes: str, *, life_s: int) -> Issued:
    """``user`` agreed: a new grant and its first tokens."""
    _make_room(db, user)
    grant = Grant(
        id=new_id(),
        user_id=user.id,
        program_id=client.program.id if client.program else None,
        client_id=client.id,
        name=client.name,
        scopes=scopes,
        created_at=clock.now(),
    )
    db.add(grant)
    db.flush()
    events.publish(db, ProgramLetIn(grant, user))
    return _issue(db, grant, user, life_s)


def renew(db: Session, client: Client, refresh_token: str) -> Issued | OAuthProblem:
    """New tokens for a refresh token, which is spent. Running processes keep the old access token for an hour.

    A problem is returned, not raised, where a token came twice: the grant has ended then, and that must be kept.
    """
    hashed = secret_hash(refresh_token)
    row = db.execute(
        select(RefreshToken, Grant, Account)
        .join(Grant, Grant.id == RefreshToken.grant_id)
        .join(Account, Account.id == Grant.user_id)
        .where(RefreshToken.secret_hash == hashed, Grant.client_id == client.id)
        .with_for_update(of=RefreshToken)
    ).first()
    over = OAuthProblem("invalid_grant", "This refresh token has expired or was revoked. Sign in again.")
    if row is None:
        raise over
    kept, grant, user = row
    now = clock.now()
    if user.is_disabled or kept.expires_at <= now:
        raise over
    if kept.used_at is not None and now - kept.used_at > timedelta(seconds=rules.REUSE_GRACE_S):
        _end(db, grant.id)
        return OAuthProblem("invalid_grant", "This refresh token was used before: everything given for it has ended.")
    if kept.used_at is None:  # else a twin that renewed a moment ago did this already
        kept.used_at = now
        accounts.age_tokens(db, _tokens_of(grant.id), latest=now + timedelta(seconds=rules.OLD_TOKEN_S))
    db.execute(delete(RefreshToken).where(RefreshToken.grant_id == grant.id, RefreshToken.expires_at < now))
    life_s = rules.DEVICE_TOKEN_S if client.program is None else rules.PROGRAM_TOKEN_S
    return _issue(db, grant, user, life_s)


def shown(db: Session, user_id: str) -> Sequence[Shown]:
    """The programs that somebody let in, the newest first."""
    used = (
        select(func.max(Token.last_used_at))
        .join(GrantToken, GrantToken.token_id == Token.id)
        .where(GrantToken.grant_id == Grant.id)
        .correlate(Grant)
        .scalar_subquery()
    )
    rows = db.execute(
        select(Grant, used, Account.name)
        .outerjoin(Program, Program.id == Grant.program_id)
        .outerjoin(Account, Account.id == Program.owner_id)
        .where(Grant.user_id == user_id)
        .order_by(Grant.created_at.desc(), Grant.id)
        .limit(MAX_GRANTS)
    )
    return [
        Shown(grant.id, grant.name, owner or "", grant.scopes.split(), grant.created_at, last_used)
        for grant, last_used, owner in rows
    ]


def end(db: Session, actor: Actor, grant_id: str) -> None:
    """The program is let in no more: all its tokens are worth nothing from now on. Raises :class:`GrantNotFound`."""
    if db.scalar(select(Grant.id).where(Grant.id == grant_id, Grant.user_id == actor.id)) is None:
        raise GrantNotFound("There is no such program that you let in.")
    _end(db, grant_id)


def revoke(db: Session, client: Client, token: str) -> None:
    """The program itself gives back a token; with a refresh token, all of its grant. Source: RFC 7009."""
    hashed = secret_hash(token)
    refreshed = select(Grant.id).join(RefreshToken, RefreshToken.grant_id == Grant.id)
    grant_id = db.scalar(refreshed.where(RefreshToken.secret_hash == hashed, Grant.client_id == client.id))
    if grant_id is not None:
        _end(db, grant_id)
        return
    of_client = (
        select(GrantToken.token_id)
        .join(Grant, Grant.id == GrantToken.grant_id)
        .join(Token, Token.id == GrantToken.token_id)
        .where(Grant.client_id == client.id, Token.secret_hash == hashed)
    )
    accounts.end_tokens(db, of_client)


def scopes_of_token(db: Session, token_id: str) -> str | None:
    """What the grant behind an access token allows; None for a token that is not a program's."""
    return db.scalar(
        select(Grant.scopes).join(GrantToken, GrantToken.grant_id == Grant.id).where(GrantToken.token_id == token_id)
    )


def is_of_program(db: Session, token_id: str) -> bool:
    """Whether somebody's program has this access token, rather than the official client that its person signed in."""
    behind = select(Grant.program_id).join(GrantToken, GrantToken.grant_id == Grant.id)
    return db.scalar(behind.where(GrantToken.token_id == token_id)) is not None


def covers(db: Session, user_id: str, program: Program, scopes: str) -> bool:
    """Whether somebody agreed to as much before, so that they need not be asked again."""
    wanted = set(scopes.split())
    earlier = db.scalars(select(Grant.scopes).where(Grant.user_id == user_id, Grant.program_id == program.id))
    return any(wanted <= set(given.split()) for given in earlier)


def end_of_code(db: Session, grant_id: str) -> None:
    """What was given for a code that came twice."""
    _end(db, grant_id)


def _issue(db: Session, grant: Grant, user: Account, life_s: int) -> Issued:
    now = clock.now()
    reaches = rules.reads(grant.scopes)
    token, secret = accounts.create_token(
        db,
        user,
        f"{_slug(grant)}-{now:%Y%m%d}-{secrets.token_hex(3)}",
        "write" if rules.writes(grant.scopes) else "read",
        repo_ids=None if reaches else (),
        expires_at=now + timedelta(seconds=life_s),
        is_granted=True,
    )
    db.add(GrantToken(token_id=token.id, grant_id=grant.id))
    refresh = None
    if "offline_access" in grant.scopes.split():
        refresh = new_secret("hf_refresh_")
        expires_at = now + timedelta(seconds=rules.REFRESH_S)
        db.add(RefreshToken(secret_hash=secret_hash(refresh), grant_id=grant.id, expires_at=expires_at))
    db.flush()
    return Issued(secret, life_s, grant.scopes, refresh, grant, user)


def _slug(grant: Grant) -> str:
    """The client writes a token's name down as a section of its own file: no brackets, no blanks."""
    if grant.program_id is None:
        return "hf-login"
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in grant.name.lower())[:40].strip("-") or "program"


def _tokens_of(grant_id: str) -> Select[str]:
    return select(GrantToken.token_id).where(GrantToken.grant_id == grant_id)


def _end(db: Session, grant_id: str) -> None:
    grant = db.get(Grant, grant_id)
    if grant is not None:
        events.publish(db, ProgramShutOut(grant, db.get_one(Account, grant.user_id)))
    accounts.end_tokens(db, _tokens_of(grant_id))
    db.execute(delete(Grant).where(Grant.id == grant_id))


def _make_room(db: Session, user: Account) -> None:
    newest = select(Grant.id).where(Grant.user_id == user.id).order_by(Grant.created_at.desc(), Grant.id)
    for grant_id in db.scalars(newest.offset(MAX_GRANTS - 1)).all():
        _end(db, grant_id)
