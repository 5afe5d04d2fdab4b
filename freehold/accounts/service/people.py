"""People, and what they and organisations have in common: a name, a profile, an end."""

import hashlib
from dataclasses import dataclass

from sqlalchemy import delete, exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from freehold.accounts import pictures, rules
from freehold.accounts.errors import AccountNotFound, LastAdministrator, NameTaken
from freehold.accounts.events import (
    AccountDeleted,
    AccountMade,
    AccountSwitched,
    AdministratorSwitched,
    PasswordChanged,
    ProfileChanged,
)
from freehold.accounts.tables import Account, Avatar, BrowserSession, Membership, RetiredName, SignInLink, Token
from freehold.core import clock, events
from freehold.core.errors import BadRequest
from freehold.core.ids import new_id


@dataclass(frozen=True)
class Profile:
    """What to change of a profile; None leaves a part as it is. ``email`` empty: none any more."""

    full_name: str | None = None
    details: str | None = None
    website: str | None = None
    email: str | None = None


def create_user(
    db: Session,
    name: str,
    *,
    full_name: str = "",
    email: str | None = None,
    is_admin: bool = False,
    password: str | None = None,
    reuses_name: bool = True,
) -> Account:
    """A new person; raises :class:`NameTaken` when a person or organisation has the name already.

    ``reuses_name``: also the name of somebody who is gone, as only whoever runs the hub decides.
    """
    kept = rules.password_hash(rules.checked_password(password)) if password is not None else None
    user = new_account(name, "user", full_name, email)
    user.is_admin, user.password_hash = is_admin, kept
    return added(db, user, reuses_name=reuses_name)


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


def change_profile(db: Session, account: Account, profile: Profile) -> Account:
    """The account says of itself what ``profile`` holds. A new mail address has to be verified again."""
    before = _said(account)
    if profile.full_name is not None:
        account.full_name = rules.checked_line(profile.full_name, "A full name", most=256, field="full_name")
    if profile.details is not None:
        account.details = rules.checked_details(profile.details)
    if profile.website is not None:
        account.website = rules.checked_website(profile.website)
    if profile.email is not None and profile.email.strip() != (account.email or ""):
        account.email = rules.checked_email(profile.email) if profile.email.strip() else None
        account.is_email_verified = False
    db.flush()
    changed = tuple(name for name, value in _said(account).items() if value != before[name])
    if changed:
        events.publish(db, ProfileChanged(account, changed))
    return account


def _said(account: Account) -> dict[str, str | None]:
    return {name: getattr(account, name) for name in ("full_name", "details", "website", "email")}


def verify_email(db: Session, account: Account, email: str) -> None:
    """Somebody read the message that was sent to ``email`` only."""
    account.email, account.is_email_verified = rules.checked_email(email), True
    db.flush()


def set_avatar(db: Session, account: Account, picture: bytes) -> None:
    """``picture`` (PNG or JPEG) stands for the account from now on, freed of all that is not picture."""
    media_type, body = pictures.cleaned(picture)
    kept = db.get(Avatar, account.id)
    if kept is None:
        db.add(Avatar(account_id=account.id, media_type=media_type, body=body))
    else:
        kept.media_type, kept.body = media_type, body
    account.avatar_digest = hashlib.sha256(body).hexdigest()
    db.flush()


def remove_avatar(db: Session, account: Account) -> None:
    """The picture is made from the name again."""
    db.execute(delete(Avatar).where(Avatar.account_id == account.id))
    account.avatar_digest = None


def set_password(db: Session, user: Account, password: str, *, hashed: str | None = None) -> None:
    """``user`` signs in with ``password``; whoever was signed in otherwise is not any more, and no link is open.

    ``hashed``: its hash, where it was made before the transaction, because hashing takes long.
    """
    user.password_hash = hashed or rules.password_hash(rules.checked_password(password))
    db.execute(delete(BrowserSession).where(BrowserSession.user_id == user.id))
    db.execute(delete(SignInLink).where(SignInLink.user_id == user.id))
    db.flush()
    events.publish(db, PasswordChanged(user))


def set_disabled(db: Session, user: Account, disabled: bool) -> None:
    """A disabled person is signed out everywhere, and no token of theirs opens anything until they are enabled."""
    user.is_disabled = disabled
    if disabled:
        db.execute(delete(BrowserSession).where(BrowserSession.user_id == user.id))
        db.execute(delete(SignInLink).where(SignInLink.user_id == user.id))
    db.flush()
    events.publish(db, AccountSwitched(user))


def set_admin(db: Session, user: Account, is_admin: bool) -> None:
    """``user`` administers the hub, or does not any more. Raises :class:`LastAdministrator` of the hub."""
    if user.kind != "user":
        raise BadRequest("Only people administer a hub.")
    if user.is_admin and not is_admin:
        refuse_last_admin(db, user)
    user.is_admin = is_admin
    db.flush()
    events.publish(db, AdministratorSwitched(user))


def refuse_last_admin(db: Session, leaving: Account) -> None:
    """Raises :class:`LastAdministrator` when nobody but ``leaving`` could administer the hub.

    Holds the rows of those who do: two who give it up at one moment must not both succeed.
    """
    here = select(Account).where(Account.is_admin.is_(True), Account.is_disabled.is_(False))
    others = db.scalars(here.order_by(Account.id).with_for_update()).all()
    if not [admin for admin in others if admin.id != leaving.id]:
        raise LastAdministrator("This hub")


def delete_account(db: Session, account: Account, *, by: Account | None = None) -> None:
    """The account is gone with its memberships, tokens and sessions; its name is not given to others.

    Rooms above refuse while they still need it (``AccountDeleted``). Raises :class:`LastAdministrator` while an
    organisation has no other administrator.
    """
    for org in sole_administrator_of(db, account):
        raise LastAdministrator(org.name)
    events.publish(db, AccountDeleted(account, by))
    if db.get(RetiredName, account.key) is None:
        db.add(RetiredName(key=account.key, retired_at=clock.now()))
    # Tokens first: PostgreSQL would find them through the account, SQLite too, but a token must never outlive it.
    db.execute(delete(Token).where(Token.user_id == account.id))
    db.flush()
    db.execute(delete(Account).where(Account.id == account.id))
    db.expunge(account)


def sole_administrator_of(db: Session, user: Account) -> list[Account]:
    """The organisations that would have no administrator without ``user``."""
    mine = select(Membership.org_id).where(Membership.user_id == user.id, Membership.role == "admin")
    others = (
        select(Membership.org_id)
        .join(Account, Account.id == Membership.user_id)
        .where(Membership.user_id != user.id, Membership.role == "admin", Account.is_disabled.is_(False))
    )
    return list(
        db.scalars(select(Account).where(Account.id.in_(mine), Account.id.not_in(others)).order_by(Account.key))
    )


def new_account(name: str, kind: str, full_name: str, email: str | None) -> Account:
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
        details="",
        website="",
        is_email_verified=False,
        default_role="read",
        shows_members=True,
        takes_requests=False,
    )


def added(db: Session, new: Account, *, reuses_name: bool) -> Account:
    taken = NameTaken(f"{new.name!r} is taken already, by a person or an organisation.", field="name")
    if db.scalar(select(exists().where(Account.key == new.key))):
        raise taken
    if db.get(RetiredName, new.key) is not None:
        if not reuses_name:
            raise NameTaken(
                f"{new.name!r} was somebody else's name here, and links still mean them. Take another one.",
                field="name",
            )
        db.execute(delete(RetiredName).where(RetiredName.key == new.key))
    db.add(new)
    try:
        db.flush()
    except IntegrityError as err:  # lost a race for the name
        raise taken from err
    events.publish(db, AccountMade(new))
    return new
