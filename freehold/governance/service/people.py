"""What administrators do to people and organisations. Each is written down by the event that tells of it."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts import service as accounts
from freehold.accounts.service import Profile
from freehold.accounts.tables import Account
from freehold.core.errors import BadRequest
from freehold.governance import access
from freehold.governance.errors import NotOneself, NotTheName
from freehold.governance.service import trail
from freehold.people.access import by
from freehold.people.rules import password_path
from freehold.people.service import organizations
from freehold.repos import service as repos
from freehold.repos.tables import Repo

#: Repositories that go in one transaction with their owner; whoever has more deletes some first.
MAX_REPOS = 500


def create(
    db: Session, actor: Actor, name: str, *, full_name: str = "", email: str = "", is_admin: bool = False
) -> Account:
    """A new person without a password: a link (:func:`link`) lets them choose one."""
    access.administer(actor, writes=True)
    user = accounts.create_user(db, name.strip(), is_admin=is_admin)
    return accounts.change_profile(db, user, Profile(full_name=full_name, email=email))


def switch(db: Session, actor: Actor, name: str, *, is_disabled: bool) -> Account:
    """The person is locked out, or let back in. Raises :class:`NotOneself`, ``LastAdministrator``."""
    access.administer(actor, writes=True)
    user = accounts.account(db, name, kind="user")
    if is_disabled:
        _refuse_oneself(actor, user, "locked out")
        if user.is_admin:
            accounts.refuse_last_admin(db, user)
    accounts.set_disabled(db, user, is_disabled)
    return user


def make_admin(db: Session, actor: Actor, name: str, *, is_admin: bool) -> Account:
    """The person administers the hub, or does not any more. Raises ``LastAdministrator``."""
    access.administer(actor, writes=True)
    user = accounts.account(db, name, kind="user")
    accounts.set_admin(db, user, is_admin)
    return user


def end_sessions(db: Session, actor: Actor, name: str) -> None:
    """Wherever the person is signed in, they are not any more."""
    access.administer(actor, writes=True)
    accounts.end_sessions(db, accounts.account(db, name, kind="user").id)


def revoke_tokens(db: Session, actor: Actor, name: str) -> int:
    """No token of the person opens anything any more; how many there were."""
    access.administer(actor, writes=True)
    return accounts.revoke_tokens(db, accounts.account(db, name, kind="user"))


def link(db: Session, actor: Actor, name: str, *, purpose: str) -> str:
    """The path of a link that signs the person in once (``session``), or lets them choose a password (``password``).

    It is never to be had again.
    """
    access.administer(actor, writes=True)
    user = accounts.account(db, name, kind="user")
    if user.is_disabled:
        raise BadRequest(f"{user.name} is locked out, and a link would open nothing. Let them back in first.")
    if purpose == "password":
        return password_path(accounts.create_password_link(db, user))
    return f"/login/{accounts.create_sign_in_link(db, user)}"


def delete(db: Session, actor: Actor, name: str, *, confirmed: str, takes_repos: bool = False) -> Account:
    """The person or organisation is gone; with ``takes_repos`` its repositories are, too. The name stays taken.

    Raises :class:`NotTheName`, :class:`NotOneself`, ``LastAdministrator`` (of the hub or of an organisation), and a
    conflict that names its repositories while it owns any.
    """
    access.administer(actor, writes=True)
    account = accounts.account(db, name)
    if confirmed.strip().lower() != account.key:
        raise NotTheName(f"To delete {account.name}, type its name.")
    _refuse_oneself(actor, account, "deleted")
    if account.is_admin:
        accounts.refuse_last_admin(db, account)
    if takes_repos:
        _delete_repos(db, actor, account)
    accounts.delete_account(db, account, by=by(db, actor))
    return account


def take_over(db: Session, actor: Actor, name: str) -> Account:
    """``actor`` administers the organisation as one of its members, for all its members to see."""
    access.administer(actor, writes=True)
    org = accounts.account(db, name, kind="org")
    me = db.get_one(Account, actor.id)
    accounts.set_role(db, org, me, "admin", by=me)
    trail.record(db, "org.taken-over", trail.of_account(org), actor=actor)
    return org


def create_org(db: Session, actor: Actor, name: str, *, full_name: str = "") -> Account:
    """A new organisation that ``actor`` administers."""
    access.administer(actor, writes=True)
    return organizations.create(db, actor, name.strip(), full_name=full_name, founders="people")


def _delete_repos(db: Session, actor: Actor, owner: Account) -> None:
    found = db.scalars(select(Repo).where(Repo.owner_id == owner.id).limit(MAX_REPOS + 1)).all()
    if len(found) > MAX_REPOS:
        raise BadRequest(f"{owner.name} owns more than {MAX_REPOS} repositories. Delete some of them first.")
    for repo in found:
        repos.delete_repo(db, actor, repo.path, kind=repo.kind)


def _refuse_oneself(actor: Actor, user: Account, what: str) -> None:
    if user.id == actor.id:
        raise NotOneself(f"You cannot be {what} by yourself here. Ask another administrator.")
