"""Signing in: passwords, browser sessions, one-time links."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session as Db

from freehold.accounts import rules
from freehold.accounts.errors import LinkSpent, SessionNotFound, SignInRefused
from freehold.accounts.events import LinkMade, SignedIn, SignedOut, SignInFailed
from freehold.accounts.tables import Account, BrowserSession, SignInLink
from freehold.core import clock, events

SIGN_IN_LINK_LIFE = timedelta(days=1)
#: A link that came by mail is used at once or never.
PASSWORD_LINK_LIFE = timedelta(hours=2)
#: Sessions shown; a person who has more has them end by themselves.
MAX_SESSIONS = 100


@dataclass(frozen=True)
class Session:
    """One signed-in browser, as its person sees it. ``id`` opens nothing."""

    id: str
    browser: str  #: in words
    agent: str  #: in its own
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    is_this: bool


def sign_in(db: Db, name: str, password: str, *, life_s: int) -> str:
    """The secret of a new browser session; raises :class:`SignInRefused` without saying which part was wrong."""
    return open_session(db, recognised(db, name, password), life_s=life_s)


def recognised(db: Db, name: str, password: str) -> str:
    """The id of the person whose name and password these are; raises :class:`SignInRefused`.

    Apart from :func:`open_session`, because hashing takes long and nobody should hold the write lock meanwhile.
    """
    user = db.scalar(select(Account).where(Account.key == name.lower(), Account.kind == "user"))
    matches = rules.password_matches(password, user.password_hash if user else None)
    if user is None or not matches or user.is_disabled:
        raise SignInRefused("Name and password do not belong together.")
    return user.id


def sign_in_failed(db: Db, name: str) -> None:
    """Told to whoever listens: somebody gave the wrong password for ``name``."""
    user = db.scalar(select(Account).where(Account.key == name.lower(), Account.kind == "user"))
    events.publish(db, SignInFailed(user))


def open_session(db: Db, user_id: str, *, life_s: int, agent: str = "", how: str = "password") -> str:
    """The secret of a new session. Always a new one: a cookie that was there before signing in is worth nothing.

    ``how`` the person proved who they are, for the event.
    """
    secret = rules.new_secret()
    now = clock.now()
    db.execute(delete(BrowserSession).where(BrowserSession.expires_at < now))
    db.add(
        BrowserSession(
            secret_hash=rules.secret_hash(secret),
            user_id=user_id,
            created_at=now,
            expires_at=now + timedelta(seconds=life_s),
            agent="".join(c for c in agent if c.isprintable())[:256],
        )
    )
    db.flush()
    events.publish(db, SignedIn(db.get_one(Account, user_id), how))
    return secret


def sign_out(db: Db, secret: str) -> None:
    ended = delete(BrowserSession).where(BrowserSession.secret_hash == rules.secret_hash(secret))
    user_id = db.scalar(ended.returning(BrowserSession.user_id))
    if user_id is not None:
        events.publish(db, SignedOut(db.get_one(Account, user_id), 1))


def sessions(db: Db, user_id: str, secret: str) -> Sequence[Session]:
    """Where somebody is signed in, the newest first. ``secret`` is that of the browser that asks."""
    mine = rules.secret_hash(secret)
    rows = db.scalars(
        select(BrowserSession)
        .where(BrowserSession.user_id == user_id, BrowserSession.expires_at > clock.now())
        .order_by(BrowserSession.created_at.desc(), BrowserSession.secret_hash)
        .limit(MAX_SESSIONS)
    )
    return [
        Session(
            _public_id(row.secret_hash),
            rules.browser_words(row.agent),
            row.agent,
            row.created_at,
            row.last_used_at or row.created_at,
            row.expires_at,
            row.secret_hash == mine,
        )
        for row in rows
    ]


def end_session(db: Db, user_id: str, session_id: str) -> None:
    """One browser is signed out. Raises :class:`SessionNotFound`."""
    for kept in db.scalars(select(BrowserSession.secret_hash).where(BrowserSession.user_id == user_id)):
        if _public_id(kept) == session_id:
            db.execute(delete(BrowserSession).where(BrowserSession.secret_hash == kept))
            events.publish(db, SignedOut(db.get_one(Account, user_id), 1))
            return
    raise SessionNotFound("There is no such session of yours: it has ended already.")


def end_sessions(db: Db, user_id: str, *, but: str = "") -> None:
    """Every browser is signed out but the one whose secret is ``but``."""
    kept = rules.secret_hash(but)
    others = delete(BrowserSession).where(BrowserSession.user_id == user_id, BrowserSession.secret_hash != kept)
    count: int = db.execute(others).rowcount  # type: ignore[attr-defined]
    if count:
        events.publish(db, SignedOut(db.get_one(Account, user_id), count))


def create_sign_in_link(db: Db, user: Account) -> str:
    """The secret of a one-time link for ``user``, good for a day."""
    secret = _new_link(db, user, "session", SIGN_IN_LINK_LIFE)
    events.publish(db, LinkMade(user, "session"))
    return secret


@dataclass(frozen=True)
class OpenedLink:
    """What a one-time link was spent for."""

    session: str  #: the secret of the new browser session
    has_password: bool  #: whether the person can come back without another link


def open_link(db: Db, secret: str, *, life_s: int, agent: str = "") -> OpenedLink:
    """Spend a one-time link for a browser session; raises :class:`SignInRefused` when spent, expired or unknown."""
    user = _spend(db, secret, "session")
    if user is None:
        raise SignInRefused("This link was used or has expired. Make a new one with: freehold user link NAME")
    session = open_session(db, user.id, life_s=life_s, agent=agent, how="link")
    return OpenedLink(session, user.password_hash is not None)


def create_password_link(db: Db, user: Account) -> str:
    """The secret of a link by which ``user`` chooses a new password, once. Older ones are worth nothing any more."""
    db.execute(delete(SignInLink).where(SignInLink.user_id == user.id, SignInLink.purpose == "password"))
    secret = _new_link(db, user, "password", PASSWORD_LINK_LIFE)
    events.publish(db, LinkMade(user, "password"))
    return secret


def has_new_link(db: Db, user: Account, *, younger_than: timedelta) -> bool:
    """Whether a link for a new password was made a moment ago."""
    since = clock.now() - younger_than + PASSWORD_LINK_LIFE
    query = exists().where(
        SignInLink.user_id == user.id, SignInLink.purpose == "password", SignInLink.expires_at > since
    )
    return bool(db.scalar(select(query)))


def password_link_user(db: Db, secret: str) -> Account:
    """Whose password the link changes, without spending it; raises :class:`LinkSpent`."""
    user = db.scalar(
        select(Account)
        .join(SignInLink, SignInLink.user_id == Account.id)
        .where(
            SignInLink.secret_hash == rules.secret_hash(secret),
            SignInLink.purpose == "password",
            SignInLink.used_at.is_(None),
            SignInLink.expires_at > clock.now(),
            Account.is_disabled.is_(False),
        )
    )
    if user is None:
        raise LinkSpent("This link was used or has expired. Ask for a new one.")
    return user


def spend_password_link(db: Db, secret: str) -> Account:
    """Whose password may be set now; raises :class:`LinkSpent` when somebody else was quicker."""
    user = _spend(db, secret, "password")
    if user is None or user.is_disabled:
        raise LinkSpent("This link was used or has expired. Ask for a new one.")
    return user


def _new_link(db: Db, user: Account, purpose: str, life: timedelta) -> str:
    secret = rules.new_secret()
    expires_at = clock.now() + life
    db.add(SignInLink(secret_hash=rules.secret_hash(secret), user_id=user.id, expires_at=expires_at, purpose=purpose))
    db.flush()
    return secret


def _spend(db: Db, secret: str, purpose: str) -> Account | None:
    now = clock.now()
    hashed = rules.secret_hash(secret)
    # One UPDATE decides, so that two browsers cannot spend one link.
    spent = db.execute(
        update(SignInLink)
        .where(
            SignInLink.secret_hash == hashed,
            SignInLink.purpose == purpose,
            SignInLink.used_at.is_(None),
            SignInLink.expires_at > now,
        )
        .values(used_at=now)
    ).rowcount  # type: ignore[attr-defined]
    return db.get_one(Account, db.get_one(SignInLink, hashed).user_id) if spent else None


def _public_id(secret_hash: str) -> str:
    """Enough of the hash to tell a person's sessions apart; a hash of 256 random bits gives nothing away."""
    return secret_hash[:24]
