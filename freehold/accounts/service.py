"""What people, organisations, tokens and sessions can do. The only writer of ``accounts.tables``."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from freehold.accounts import rules
from freehold.accounts.errors import AccountNotFound, NameTaken, SignInRefused, TokenNotFound
from freehold.accounts.tables import Account, BrowserSession, Membership, SignInLink, Token, TokenRepo
from freehold.core import clock
from freehold.core.errors import BadRequest
from freehold.core.ids import new_id

SIGN_IN_LINK_LIFE = timedelta(days=1)
ROLES = ("admin", "write", "contributor", "read")


# ---- people and organisations ------------------------------------------------------------------------------


def create_user(
    db: Session,
    name: str,
    *,
    full_name: str = "",
    email: str | None = None,
    is_admin: bool = False,
    password: str | None = None,
) -> Account:
    """A new person; raises :class:`NameTaken` when a person or organisation has the name already."""
    kept = rules.password_hash(rules.checked_password(password)) if password is not None else None
    user = _new_account(name, "user", full_name, email)
    user.is_admin, user.password_hash = is_admin, kept
    return _added(db, user)


def create_org(
    db: Session, name: str, *, full_name: str = "", owner: Account | None = None, private_by_default: bool = False
) -> Account:
    """A new organisation; ``owner`` becomes its administrator."""
    org = _new_account(name, "org", full_name, None)
    org.private_by_default = private_by_default
    _added(db, org)
    if owner is not None:
        set_role(db, org, owner, "admin")
    return org


def set_role(db: Session, org: Account, user: Account, role: str) -> Membership:
    """``user`` has ``role`` in ``org`` from now on, whatever it was before."""
    if role not in ROLES:
        raise BadRequest(f"{role!r} is not a role; use {', '.join(ROLES)}.")
    if org.kind != "org" or user.kind != "user":
        raise BadRequest("Only people are members, and only of organisations.")
    member = db.get(Membership, (org.id, user.id))
    if member is None:
        member = Membership(org_id=org.id, user_id=user.id, created_at=clock.now())
        db.add(member)
    member.role = role
    db.flush()
    return member


def account(db: Session, name: str, *, kind: str | None = None) -> Account:
    """The account called ``name`` (any case); raises :class:`AccountNotFound`."""
    found = db.scalar(select(Account).where(Account.key == name.lower()))
    if found is None or (kind is not None and found.kind != kind):
        what = {"user": "person", "org": "organisation"}.get(kind or "", "person or organisation")
        raise AccountNotFound(f"No {what} is called {name[:96]!r} here.")
    return found


def has_admin(db: Session) -> bool:
    return bool(db.scalar(select(exists().where(Account.is_admin.is_(True)))))


def has_people(db: Session) -> bool:
    return bool(db.scalar(select(func.count()).select_from(Account).where(Account.kind == "user")))


def set_password(db: Session, user: Account, password: str) -> None:
    user.password_hash = rules.password_hash(rules.checked_password(password))


# ---- tokens ------------------------------------------------------------------------------------------------


def create_token(
    db: Session,
    user: Account,
    name: str,
    scope: str,
    *,
    repo_ids: Sequence[str] | None = None,
    expires_at: datetime | None = None,
) -> tuple[Token, str]:
    """A new token and its secret, which is never to be had again. ``repo_ids`` limits it to those repositories."""
    if scope not in ("read", "write"):
        raise BadRequest(f"{scope!r} is not a scope; use read or write.")
    name = name.strip()
    if not 1 <= len(name) <= 96 or not name.isprintable():
        raise BadRequest("A token's name has 1 to 96 printable characters.")
    if db.scalar(select(exists().where(Token.user_id == user.id, Token.name == name))):
        raise NameTaken(f"{user.name} has a token called {name!r} already. Revoke it, or take another name.")
    secret = rules.new_secret(rules.TOKEN_PREFIX)
    token = Token(
        id=new_id(),
        user_id=user.id,
        name=name,
        secret_hash=rules.secret_hash(secret),
        hint=secret[-4:],
        scope=scope,
        is_fine_grained=repo_ids is not None,
        created_at=clock.now(),
        expires_at=expires_at,
    )
    db.add(token)
    db.flush()
    db.add_all(TokenRepo(token_id=token.id, repo_id=repo_id) for repo_id in set(repo_ids or ()))
    db.flush()
    return token, secret


def tokens(db: Session, user_id: str) -> Sequence[Token]:
    return db.scalars(select(Token).where(Token.user_id == user_id).order_by(Token.created_at.desc())).all()


def revoke_token(db: Session, user_id: str, token_id: str) -> None:
    """The token opens nothing from this moment on."""
    gone = db.execute(delete(Token).where(Token.id == token_id, Token.user_id == user_id)).rowcount  # type: ignore[attr-defined]
    if not gone:
        raise TokenNotFound("There is no such token of yours.")


def note_token_use(db: Session, used: dict[str, datetime]) -> None:
    """Record when tokens were last used, many at a time (see ``access.service.UseLog``)."""
    for token_id, at in used.items():
        db.execute(update(Token).where(Token.id == token_id).values(last_used_at=at))


# ---- sign-in -----------------------------------------------------------------------------------------------


def sign_in(db: Session, name: str, password: str, *, life_s: int) -> str:
    """The secret of a new browser session; raises :class:`SignInRefused` without saying which part was wrong."""
    return open_session(db, recognised(db, name, password), life_s=life_s)


def recognised(db: Session, name: str, password: str) -> str:
    """The id of the person whose name and password these are; raises :class:`SignInRefused`.

    Apart from :func:`open_session`, because hashing takes long and nobody should hold the write lock meanwhile.
    """
    user = db.scalar(select(Account).where(Account.key == name.lower(), Account.kind == "user"))
    matches = rules.password_matches(password, user.password_hash if user else None)
    if user is None or not matches or user.is_disabled:
        raise SignInRefused("Name and password do not belong together.")
    return user.id


def open_session(db: Session, user_id: str, *, life_s: int) -> str:
    secret = rules.new_secret()
    now = clock.now()
    db.execute(delete(BrowserSession).where(BrowserSession.expires_at < now))
    db.add(
        BrowserSession(
            secret_hash=rules.secret_hash(secret),
            user_id=user_id,
            created_at=now,
            expires_at=now + timedelta(seconds=life_s),
        )
    )
    db.flush()
    return secret


def sign_out(db: Session, secret: str) -> None:
    db.execute(delete(BrowserSession).where(BrowserSession.secret_hash == rules.secret_hash(secret)))


def create_sign_in_link(db: Session, user: Account) -> str:
    """The secret of a one-time link for ``user``, good for a day."""
    secret = rules.new_secret()
    db.add(
        SignInLink(secret_hash=rules.secret_hash(secret), user_id=user.id, expires_at=clock.now() + SIGN_IN_LINK_LIFE)
    )
    db.flush()
    return secret


def open_link(db: Session, secret: str, *, life_s: int) -> str:
    """Spend a one-time link for a browser session; raises :class:`SignInRefused` when spent, expired or unknown."""
    now = clock.now()
    hashed = rules.secret_hash(secret)
    # One UPDATE decides, so that two browsers cannot spend one link.
    spent = db.execute(
        update(SignInLink)
        .where(SignInLink.secret_hash == hashed, SignInLink.used_at.is_(None), SignInLink.expires_at > now)
        .values(used_at=now)
    ).rowcount  # type: ignore[attr-defined]
    if not spent:
        raise SignInRefused("This link was used or has expired. Make a new one with: freehold user link NAME")
    link = db.get_one(SignInLink, hashed)
    return open_session(db, link.user_id, life_s=life_s)


# ---- helpers -----------------------------------------------------------------------------------------------


def _new_account(name: str, kind: str, full_name: str, email: str | None) -> Account:
    rules.checked_name(name)
    if len(full_name) > 256 or len(email or "") > 320:
        raise BadRequest("A full name has at most 256 characters, an address 320.")
    return Account(
        id=new_id(),
        kind=kind,
        name=name,
        key=name.lower(),
        full_name=full_name,
        email=email,
        is_admin=False,
        is_disabled=False,
        private_by_default=False,
        created_at=clock.now(),
    )


def _added(db: Session, new: Account) -> Account:
    taken = NameTaken(f"{new.name!r} is taken already, by a person or an organisation.")
    if db.scalar(select(exists().where(Account.key == new.key))):
        raise taken
    db.add(new)
    try:
        db.flush()
    except IntegrityError as err:  # lost a race for the name
        raise taken from err
    return new
