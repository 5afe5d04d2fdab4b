"""Organisations: found one, say what it is, change who belongs to it, end it."""

from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.accounts import service as accounts
from freehold.accounts.errors import NotAllowed, NotAMember
from freehold.accounts.events import ProfileChanged
from freehold.accounts.rules import ROLES
from freehold.accounts.service import Profile
from freehold.accounts.tables import Account
from freehold.core import events
from freehold.core.errors import BadRequest
from freehold.people.access import by, organization, person
from freehold.people.errors import NotTheName


@dataclass(frozen=True)
class Changes:
    """Settings of an organisation to change; None leaves one as it is."""

    profile: Profile = field(default_factory=Profile)
    private_by_default: bool | None = None
    default_role: str | None = None
    shows_members: bool | None = None
    takes_requests: bool | None = None


def create(
    db: Session, actor: Actor, name: str, *, full_name: str = "", private_by_default: bool = False, founders: str
) -> Account:
    """A new organisation that ``actor`` administers. ``founders``: who may (the setting of that name).

    Raises :class:`NotAllowed`, ``BadName``, ``NameTaken``.
    """
    founder = person(db, actor)
    if not may_found(actor, founders):
        raise NotAllowed("On this hub only administrators make organisations. Ask one of them.")
    org = accounts.create_org(
        db, name, owner=founder, private_by_default=private_by_default, reuses_name=actor.is_admin
    )
    return accounts.change_profile(db, org, Profile(full_name=full_name))


def may_found(actor: Actor, founders: str) -> bool:
    return actor.is_admin or (founders == "people" and not actor.is_anonymous)


def change(db: Session, actor: Actor, name: str, changes: Changes) -> Account:
    """The organisation is as asked from now on."""
    org = organization(db, actor, name, Action.ADMIN)
    accounts.change_profile(db, org, changes.profile)
    before = _chosen(org)
    if changes.default_role is not None:
        if changes.default_role not in ROLES[1:]:
            raise BadRequest(f"New members start as one of {', '.join(ROLES[1:])}.")
        org.default_role = changes.default_role
    if changes.private_by_default is not None:
        org.private_by_default = changes.private_by_default
    if changes.shows_members is not None:
        org.shows_members = changes.shows_members
    if changes.takes_requests is not None:
        org.takes_requests = changes.takes_requests
    db.flush()
    changed = tuple(name for name, value in _chosen(org).items() if value != before[name])
    if changed:
        events.publish(db, ProfileChanged(org, changed))
    return org


def _chosen(org: Account) -> dict[str, object]:
    names = ("default_role", "private_by_default", "shows_members", "takes_requests")
    return {name: getattr(org, name) for name in names}


def change_avatar(db: Session, actor: Actor, name: str, picture: bytes | None) -> Account:
    """The organisation has this picture; None: the one made from its name."""
    org = organization(db, actor, name, Action.ADMIN)
    if picture is None:
        accounts.remove_avatar(db, org)
    else:
        accounts.set_avatar(db, org, picture)
    return org


def change_role(db: Session, actor: Actor, name: str, user_name: str, role: str) -> None:
    """A member has another role. Nobody is made a member without being asked: see ``invitations``.

    Raises :class:`NotAMember`, ``LastAdministrator``.
    """
    org = organization(db, actor, name, Action.ADMIN)
    user = accounts.account(db, user_name, kind="user")
    if accounts.role_of(db, org, user.id) is None:
        raise NotAMember(f"{user.name} is not a member of {org.name}. Invite them.")
    accounts.set_role(db, org, user, role, by=by(db, actor))


def remove(db: Session, actor: Actor, name: str, user_name: str) -> None:
    """A member is none any more: removed by an administrator, or leaving by themselves."""
    org = organization(db, actor, name)
    user = accounts.account(db, user_name, kind="user")
    if user.id == actor.id:
        person(db, actor)
    else:
        organization(db, actor, name, Action.ADMIN)
    accounts.remove_member(db, org, user, by=by(db, actor))


def hand_over(db: Session, actor: Actor, name: str, user_name: str) -> None:
    """Another member administers the organisation, and ``actor`` only writes in it from now on."""
    org = organization(db, actor, name, Action.ADMIN)
    heir = accounts.account(db, user_name, kind="user")
    if heir.id == actor.id:
        raise BadRequest(f"You administer {org.name} already. Name somebody else.")
    accounts.hold(db, org)
    if accounts.role_of(db, org, heir.id) is None:
        raise NotAMember(f"{heir.name} is not a member of {org.name}. Invite them first.")
    giver = by(db, actor)
    accounts.set_role(db, org, heir, "admin", by=giver)
    if giver is not None and accounts.role_of(db, org, giver.id) == "admin":
        accounts.set_role(db, org, giver, "write", by=giver)


def delete(db: Session, actor: Actor, name: str, *, confirmed: str) -> None:
    """The organisation is gone, and its name stays taken. ``confirmed``: its name, typed by who means it.

    Raises :class:`NotTheName`, and a conflict that names its repositories while it owns any (``repos``).
    """
    org = organization(db, actor, name, Action.ADMIN)
    if confirmed.strip().lower() != org.key:
        raise NotTheName(f"To delete {org.name}, type its name.", field="confirmed")
    accounts.delete_account(db, org, by=by(db, actor))
