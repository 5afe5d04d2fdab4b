"""What people do with their own account: sign up, profile, password, sessions, the end."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts import rules
from freehold.accounts import service as accounts
from freehold.accounts.errors import NotAllowed, SignInRefused
from freehold.accounts.events import PasswordResetAsked
from freehold.accounts.service import PASSWORD_LINK_LIFE, Profile
from freehold.accounts.tables import Account
from freehold.core import clock, events
from freehold.people.access import person
from freehold.people.errors import NotTheName, SignUpClosed
from freehold.people.rules import password_path

#: Nobody's inbox is filled by somebody else.
RESET_AGAIN_AFTER = timedelta(minutes=5)
#: People who share a mail address get a message each, up to so many.
MAX_SAME_EMAIL = 5


@dataclass(frozen=True)
class Known:
    """What a page needs before it hashes a password: outside of any transaction, because that takes long."""

    user_id: str
    password_hash: str | None


def sign_up(
    db: Session, name: str, *, full_name: str = "", email: str = "", password_hash: str, sign_up: str
) -> Account:
    """A new person, by their own decision. Raises :class:`SignUpClosed` unless the setting is ``open``."""
    if sign_up != "open":
        raise SignUpClosed("This hub's administrators decide who gets an account. Ask one of them for an invitation.")
    user = accounts.create_user(db, name, reuses_name=False)
    user.password_hash = password_hash
    return accounts.change_profile(db, user, Profile(full_name=full_name, email=email))


def change_profile(db: Session, actor: Actor, profile: Profile) -> Account:
    """``actor`` says of itself what ``profile`` holds."""
    return accounts.change_profile(db, person(db, actor), profile)


def change_avatar(db: Session, actor: Actor, picture: bytes | None) -> Account:
    """``actor`` has this picture; None: the one made from the name."""
    user = person(db, actor)
    if picture is None:
        accounts.remove_avatar(db, user)
    else:
        accounts.set_avatar(db, user, picture)
    return user


def known(db: Session, actor: Actor) -> Known:
    """Whose password is about to be checked. Only in person: a token is no proof of who sits there."""
    if actor.token is not None:
        raise NotAllowed("Sign in on the hub's page for this.")
    user = person(db, actor)
    return Known(user.id, user.password_hash)


def change_password(db: Session, actor: Actor, hashed: str, *, was: Known) -> None:
    """``actor`` has the password whose hash this is, and is signed out everywhere.

    ``was``: what the old password was checked against; refused when it is another one meanwhile.
    """
    user = person(db, actor)
    _refuse_changed(user, was)
    accounts.set_password(db, user, "", hashed=hashed)


def ask_reset(db: Session, name_or_email: str) -> None:
    """Whoever this is gets a link by mail, once in a while. Says nothing either way: nobody is found out here."""
    wanted = name_or_email.strip().lower()[:320]
    if not wanted:
        return
    by_name = select(Account).where(Account.key == wanted)
    by_email = select(Account).where(func.lower(Account.email) == wanted).limit(MAX_SAME_EMAIL)
    for user in db.scalars(by_email if "@" in wanted else by_name).all():
        is_reachable = user.kind == "user" and user.email and not user.is_disabled
        if is_reachable and not accounts.has_new_link(db, user, younger_than=RESET_AGAIN_AFTER):
            secret = accounts.create_password_link(db, user)
            events.publish(db, PasswordResetAsked(user, clock.now() + PASSWORD_LINK_LIFE, password_path(secret)))


def reset_password(db: Session, secret: str, hashed: str) -> Account:
    """Whoever held the link has the password whose hash this is. Raises ``LinkSpent``."""
    user = accounts.spend_password_link(db, secret)
    accounts.set_password(db, user, "", hashed=hashed)
    return user


def delete_me(db: Session, actor: Actor, *, confirmed: str, was: Known) -> None:
    """``actor`` is gone. ``confirmed``: the name, typed by who means it.

    Raises :class:`NotTheName`, ``LastAdministrator``, and a conflict that names the repositories it still owns.
    """
    user = person(db, actor)
    _refuse_changed(user, was)
    if confirmed.strip().lower() != user.key:
        raise NotTheName("To delete your account, type your name.", field="confirmed")
    accounts.delete_account(db, user, by=user)


def check_password(password: str, was: Known) -> None:
    """Raises :class:`SignInRefused` unless this is the password; who never had one has nothing to type."""
    if was.password_hash is not None and not rules.password_matches(password, was.password_hash):
        raise SignInRefused("This is not your password.", field="old")


def _refuse_changed(user: Account, was: Known) -> None:
    if user.password_hash != was.password_hash:
        raise SignInRefused("Your password was changed at this moment. Sign in again.")
