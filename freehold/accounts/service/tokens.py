"""Access tokens: secrets for clients."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, delete, exists, func, select, update
from sqlalchemy.orm import Session

from freehold.accounts import rules
from freehold.accounts.errors import NameTaken, TokenNotFound
from freehold.accounts.events import TokenMade, TokenRevoked
from freehold.accounts.tables import Account, BrowserSession, Token, TokenOwner, TokenRepo
from freehold.core import clock, events
from freehold.core.errors import BadRequest
from freehold.core.ids import new_id

#: Tokens that one person can have, and things that one token can name.
MAX_TOKENS = 500
MAX_NAMED = 200


@dataclass(frozen=True)
class Reach:
    """What a fine-grained token is good for, by id."""

    repo_ids: frozenset[str]
    owner_ids: frozenset[str]


def create_token(
    db: Session,
    user: Account,
    name: str,
    scope: str,
    *,
    repo_ids: Collection[str] | None = None,
    owner_ids: Collection[str] | None = None,
    expires_at: datetime | None = None,
    is_granted: bool = False,
) -> tuple[Token, str]:
    """A new token and its secret, which is never to be had again.

    ``repo_ids`` and ``owner_ids`` limit it to those repositories and to all of those accounts'; None for both: it
    reaches whatever its person does.
    """
    if scope not in ("read", "write"):
        raise BadRequest(f"{scope[:40]!r} is not a scope; use read or write.")
    name = name.strip()
    if not 1 <= len(name) <= 96 or not name.isprintable():
        raise BadRequest("A token's name has 1 to 96 printable characters.", field="name")
    if len(repo_ids or ()) + len(owner_ids or ()) > MAX_NAMED:
        raise BadRequest(f"A token names at most {MAX_NAMED} repositories and namespaces.")
    if db.scalar(select(exists().where(Token.user_id == user.id, Token.name == name))):
        raise NameTaken(
            f"{user.name} has a token called {name!r} already. Revoke it, or take another name.", field="name"
        )
    if (db.scalar(select(func.count()).select_from(Token).where(Token.user_id == user.id)) or 0) >= MAX_TOKENS:
        raise BadRequest(f"{user.name} has {MAX_TOKENS} tokens, as many as anybody can have. Revoke some first.")
    secret = rules.new_secret(rules.TOKEN_PREFIX)
    token = Token(
        id=new_id(),
        user_id=user.id,
        name=name,
        secret_hash=rules.secret_hash(secret),
        hint=secret[-4:],
        scope=scope,
        is_fine_grained=repo_ids is not None or owner_ids is not None,
        created_at=clock.now(),
        expires_at=expires_at,
        is_granted=is_granted,
    )
    db.add(token)
    db.flush()
    db.add_all(TokenRepo(token_id=token.id, repo_id=repo_id) for repo_id in set(repo_ids or ()))
    db.add_all(TokenOwner(token_id=token.id, owner_id=owner_id) for owner_id in set(owner_ids or ()))
    db.flush()
    if not is_granted:
        events.publish(db, TokenMade(user, token))
    return token, secret


def tokens(db: Session, user_id: str) -> Sequence[Token]:
    """The tokens that somebody made, the newest first; those given to programs are not among them."""
    made = select(Token).where(Token.user_id == user_id, Token.is_granted.is_(False))
    return db.scalars(made.order_by(Token.created_at.desc(), Token.id).limit(MAX_TOKENS)).all()


def reach(db: Session, token_id: str) -> Reach:
    """What a fine-grained token names."""
    return Reach(
        frozenset(db.scalars(select(TokenRepo.repo_id).where(TokenRepo.token_id == token_id))),
        frozenset(db.scalars(select(TokenOwner.owner_id).where(TokenOwner.token_id == token_id))),
    )


def revoke_token(db: Session, user_id: str, token_id: str) -> None:
    """The token opens nothing from this moment on."""
    gone = delete(Token).where(Token.id == token_id, Token.user_id == user_id)
    name = db.scalar(gone.returning(Token.name))
    if name is None:
        raise TokenNotFound("There is no such token of yours.")
    events.publish(db, TokenRevoked(db.get_one(Account, user_id), token_id, name))


def revoke_tokens(db: Session, user: Account) -> int:
    """None of the tokens of ``user`` opens anything any more, those of programs included; how many there were."""
    gone = delete(Token).where(Token.user_id == user.id).returning(Token.id, Token.name, Token.is_granted)
    rows = db.execute(gone).all()
    for token_id, name, is_granted in rows:
        if not is_granted:
            events.publish(db, TokenRevoked(user, token_id, name))
    return len(rows)


def note_use(db: Session, tokens: Mapping[str, datetime], sessions: Mapping[str, datetime]) -> None:
    """Record when tokens (by id) and sessions (by hash) were last used, many at a time (``access.service.UseLog``)."""
    for token_id, at in tokens.items():
        db.execute(update(Token).where(Token.id == token_id).values(last_used_at=at))
    for hashed, at in sessions.items():
        db.execute(update(BrowserSession).where(BrowserSession.secret_hash == hashed).values(last_used_at=at))


def end_tokens(db: Session, which: Select[str]) -> None:
    """The tokens whose ids ``which`` selects open nothing from this moment on."""
    db.execute(delete(Token).where(Token.id.in_(which)))


def age_tokens(db: Session, which: Select[str], *, latest: datetime) -> None:
    """None of the tokens whose ids ``which`` selects lives beyond ``latest``; those that are over are gone."""
    db.execute(delete(Token).where(Token.id.in_(which), Token.expires_at <= clock.now()))
    db.execute(update(Token).where(Token.id.in_(which), Token.expires_at > latest).values(expires_at=latest))
