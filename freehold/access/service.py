"""Who is asking: from a request's credentials to an :class:`Actor`."""

import base64
import binascii
import threading
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from freehold.access.rules import ANONYMOUS, Actor, TokenScope
from freehold.accounts.errors import BadCredentials
from freehold.accounts.rules import SESSION_COOKIE as SESSION_COOKIE
from freehold.accounts.rules import secret_hash
from freehold.accounts.service import note_use, reach
from freehold.accounts.tables import Account, BrowserSession, Membership, Token
from freehold.core import clock
from freehold.core.database import Database, RowQuery

USE_RESOLUTION = timedelta(minutes=1)


def from_credentials(db: Session, authorization: str | None, session_secret: str | None) -> Actor:
    """The actor behind an ``Authorization`` header (Bearer, or Basic with the token as password) or a session cookie.

    No credentials: anonymous. Wrong ones raise :class:`BadCredentials`; they never fall back to anonymous.
    """
    if authorization:
        return _from_token(db, _secret_in(authorization))
    if session_secret:
        return _from_session(db, session_secret)
    return ANONYMOUS


_TOKEN = RowQuery(
    "SELECT t.id, t.name, t.scope, u.id, u.name, u.is_admin FROM tokens t JOIN accounts u ON u.id = t.user_id"
    " WHERE t.secret_hash = :secret_hash AND t.expires_at IS NULL AND NOT t.is_fine_grained AND NOT u.is_disabled"
)


def glimpse(database: Database, authorization: str | None, session_secret: str | None) -> Actor | None:
    """The actor behind plain credentials by one prepared row, without its roles: it may less than it could, never more.

    For the hottest reads, which fall back to :func:`from_credentials` where this actor may not. None where only that
    can tell: browsers, narrow or short-lived tokens, wrong credentials.
    """
    if session_secret is not None:
        return None
    if not authorization:
        return ANONYMOUS
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return None
    row = database.row(_TOKEN, secret_hash=secret_hash(secret.strip()))
    if row is None:
        return None
    token_id, name, scope, user_id, user_name, is_admin = row
    log: UseLog | None = database.info.get("token_uses")
    if log is not None:
        log.note(token_id)
    token = TokenScope(token_id, name, scope, is_lasting=True)
    return Actor(kind="user", id=user_id, name=user_name, is_admin=bool(is_admin), token=token)


def note_token(database: Database, actor: Actor) -> None:
    """The token of ``actor`` was used once more, by what was known of it."""
    log: UseLog | None = database.info.get("token_uses")
    if log is not None and actor.token is not None:
        log.note(actor.token.token_id)


def of_user(db: Session, user: Account, token: TokenScope | None = None) -> Actor:
    """The actor that ``user`` is, with every role it has."""
    rows = db.execute(select(Membership.org_id, Membership.role).where(Membership.user_id == user.id)).all()
    return Actor(
        kind="user",
        id=user.id,
        name=user.name,
        is_admin=user.is_admin,
        token=token,
        roles={row.org_id: row.role for row in rows},
        full_name=user.full_name,
        email=user.email,
    )


class UseLog:
    """Remembers when tokens and sessions were used and writes it down now and then, so that reads stay reads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[str, datetime] = {}
        self._sessions: dict[str, datetime] = {}

    def note(self, token_id: str) -> None:
        with self._lock:
            self._tokens[token_id] = clock.now()

    def note_session(self, hashed: str) -> None:
        with self._lock:
            self._sessions[hashed] = clock.now()

    def flush(self, database: Database) -> None:
        """Write down what was noted since the last time."""
        with self._lock:
            tokens, self._tokens = self._tokens, {}
            sessions, self._sessions = self._sessions, {}
        if tokens or sessions:
            with database.write() as db:
                note_use(db, tokens, sessions)


def _secret_in(authorization: str) -> str:
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            # git and git-lfs send the token as the password, under any user name (hub-api.md 7).
            user, _, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as err:
            raise BadCredentials from err
        return password or user
    raise BadCredentials


def remembered(db: Session, user_id: str | None, token_id: str | None) -> Actor:
    """The actor that a sealed token of ours was given to, as it stands now (its roles, its token's reach).

    ``user_id`` None: anonymous; ``token_id`` None: it came by a browser session. Raises :class:`BadCredentials` when
    the person is disabled or gone, or the token it came by was revoked or has expired.
    """
    if user_id is None:
        return ANONYMOUS
    if token_id is not None:
        return _by_token(db, Token.id == token_id)
    user = db.get(Account, user_id)
    if user is None or user.is_disabled:
        raise BadCredentials
    return of_user(db, user)


def _from_token(db: Session, secret: str) -> Actor:
    return _by_token(db, Token.secret_hash == secret_hash(secret))


def _by_token(db: Session, which: ColumnElement[bool]) -> Actor:
    row = db.execute(select(Token, Account).join(Account, Account.id == Token.user_id).where(which)).first()
    if row is None:
        raise BadCredentials
    token, user = row
    if user.is_disabled or (token.expires_at is not None and token.expires_at <= clock.now()):
        raise BadCredentials
    log: UseLog | None = db.info.get("token_uses")
    if log is not None and (token.last_used_at is None or clock.now() - token.last_used_at > USE_RESOLUTION):
        log.note(token.id)
    lasts = token.expires_at is None
    scope = TokenScope(token.id, token.name, token.scope, is_granted=token.is_granted, is_lasting=lasts)
    if token.is_fine_grained:
        named = reach(db, token.id)
        scope = replace(scope, repo_ids=named.repo_ids, owner_ids=named.owner_ids)
    return of_user(db, user, scope)


def _from_session(db: Session, secret: str) -> Actor:
    hashed, now = secret_hash(secret), clock.now()
    row = db.execute(
        select(Account, BrowserSession.last_used_at)
        .join(BrowserSession, BrowserSession.user_id == Account.id)
        .where(BrowserSession.secret_hash == hashed, BrowserSession.expires_at > now)
    ).first()
    # A stale cookie is no offence: the browser is shown what anonymous sees, and a sign-in link.
    if row is None or row[0].is_disabled:
        return ANONYMOUS
    user, last_used_at = row
    log: UseLog | None = db.info.get("token_uses")
    if log is not None and (last_used_at is None or now - last_used_at > USE_RESOLUTION):
        log.note_session(hashed)
    return of_user(db, user)
