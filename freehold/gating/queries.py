"""Reads of gates: requests by status, who stands where, terms by version, records for an auditor."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from freehold.access.rules import Action, Actor
from freehold.accounts import service as accounts
from freehold.accounts.tables import Account, Membership
from freehold.content.kit import Kit
from freehold.gating import access, reading
from freehold.gating.errors import NotForOrganisation, TermsNotFound
from freehold.gating.reading import Gateway
from freehold.gating.tables import AccessRecord, TermsText, TermsVersion
from freehold.repos import admissions
from freehold.repos import service as repos
from freehold.repos.access import standing_of, visible
from freehold.repos.rules import GateSettings, Standing
from freehold.repos.tables import Admission, Repo

STATUSES = ("pending", "accepted", "rejected")
MAX_PAGE = 1000
MAX_KEEPERS = 100


@dataclass(frozen=True)
class Request:
    """An admission with whoever asked and whoever decided; ``members`` are whom an organisation stands for."""

    admission: Admission
    asker: Account | None
    decider: Account | None
    members: int


@dataclass(frozen=True)
class Page:
    """Some requests, newest first, and the cursor to the next ones."""

    requests: Sequence[Request]
    next_cursor: str | None


@dataclass(frozen=True)
class Mine:
    """Where somebody stands at a gate, and why.

    ``admissions`` are its own and those of its organisations.
    """

    repo: Repo
    gateway: Gateway
    version: TermsVersion | None
    is_own: bool
    standing: Standing
    admissions: Sequence[Admission]
    gate: GateSettings

    def stale(self) -> list[Admission]:
        """Those that agreed to other terms than those of now."""
        now = self.gateway.terms.sha256
        return [one for one in self.admissions if one.terms not in (None, now) and one.status == "accepted"]


# ---- requests ----------------------------------------------------------------------------------------------


def requests(
    db: Session, repo: Repo, status: str | None, *, limit: int, cursor: str | None = None, who: str = ""
) -> Page:
    """Requests of ``status`` (None: all), newest first; ``who`` is part of a name, an organisation's too."""
    asker, decider = aliased(Account), aliased(Account)
    members = (
        select(func.count()).where(Membership.org_id == Admission.account_id).correlate(Admission).scalar_subquery()
    )
    query = (
        select(Admission, asker, decider, members)
        .outerjoin(asker, asker.id == Admission.asked_by_id)
        .outerjoin(decider, decider.id == Admission.decided_by_id)
        .where(Admission.repo_id == repo.id)
        .order_by(Admission.id.desc())
        .limit(limit + 1)
    )
    if status is not None:
        query = query.where(Admission.status == status)
    if who:
        named = Account.key.contains(who.lower(), autoescape=True)
        named |= func.lower(Account.full_name).contains(who.lower(), autoescape=True)
        query = query.where(Admission.account_id.in_(select(Account.id).where(named)))
    if cursor:
        query = query.where(Admission.id < cursor.lower()[:24])
    found = [Request(*row) for row in db.execute(query)]
    return Page(found[:limit], found[limit - 1].admission.id if len(found) > limit else None)


def counts(db: Session, repo: Repo) -> dict[str, int]:
    """How many requests there are by status."""
    rows = db.execute(
        select(Admission.status, func.count()).where(Admission.repo_id == repo.id).group_by(Admission.status)
    )
    return dict.fromkeys(STATUSES, 0) | {str(status): int(number) for status, number in rows}


@dataclass(frozen=True)
class Waiting:
    """A repository at whose gate somebody waits."""

    repo: Repo
    number: int  #: of requests
    newest_at: datetime


def waiting(db: Session, owner_ids: Collection[str], *, limit: int) -> Sequence[Waiting]:
    """Repositories of these owners with open requests, those with the newest first."""
    newest = func.max(Admission.asked_at)
    pending = (
        select(Admission.repo_id, func.count().label("number"), newest.label("newest_at"))
        .join(Repo, Repo.id == Admission.repo_id)
        .where(Repo.owner_id.in_(owner_ids), Repo.gated != "", Admission.status == "pending")
        .group_by(Admission.repo_id)
        .order_by(newest.desc())
        .limit(limit)
        .subquery()
    )
    query = select(Repo, pending.c.number, pending.c.newest_at).join(pending, pending.c.repo_id == Repo.id)
    return [Waiting(*row) for row in db.execute(query.order_by(pending.c.newest_at.desc()))]


def mine(db: Session, kit: Kit, actor: Actor, path: str, *, kind: str) -> Mine:
    """Where ``actor`` stands at the gate of the repository, which it may know of."""
    repo = repos.load(db, actor, path, Action.LIST, kind=kind)
    return standing(db, kit, actor, repo)


def standing(db: Session, kit: Kit, actor: Actor, repo: Repo) -> Mine:
    gateway, _ = reading.now(db, repo, kit)
    found: Sequence[Admission] = ()
    if actor.id is not None:
        whose = Admission.account_id.in_([actor.id, *actor.roles])
        found = db.scalars(select(Admission).where(Admission.repo_id == repo.id, whose).order_by(Admission.id)).all()
    return Mine(
        repo=repo,
        gateway=gateway,
        version=version(db, repo),
        is_own=access.is_own(actor, repo),
        standing=standing_of(actor, repo),
        admissions=found,
        gate=admissions.gate_of(db, repo),
    )


def administered(db: Session, actor: Actor) -> Sequence[Account]:
    """The organisations that ``actor`` may agree for, by name."""
    ids = [org_id for org_id, role in actor.roles.items() if role == "admin"]
    return db.scalars(select(Account).where(Account.id.in_(ids)).order_by(Account.key)).all()


def keepers(db: Session, repo: Repo) -> Sequence[Account]:
    """Who decides on requests: the owner, or those of an organisation who may write, administrators first."""
    if repo.owner.kind == "user":
        return [repo.owner]
    return db.scalars(
        select(Account)
        .join(Membership, Membership.user_id == Account.id)
        .where(
            Membership.org_id == repo.owner_id, Membership.role.in_(("admin", "write")), Account.is_disabled.is_(False)
        )
        .order_by(Membership.role, Membership.created_at)
        .limit(MAX_KEEPERS)
    ).all()


def asker(db: Session, admission: Admission) -> Account | None:
    """Who asked; of access that was given unasked, the person it was given to, or nobody for an organisation."""
    if admission.asked_by_id is not None:
        return db.get(Account, admission.asked_by_id)
    return admission.account if admission.account.kind == "user" else None


def to_renew(db: Session, repo: Repo, *, limit: int, after: str = "") -> Sequence[Admission]:
    """Accepted admissions that agreed to other terms than those of now, by id from ``after`` on."""
    last = version(db, repo)
    query = select(Admission).where(
        Admission.repo_id == repo.id,
        Admission.status == "accepted",
        Admission.terms != (last.sha256 if last else ""),
        Admission.id > after,
    )
    return db.scalars(query.order_by(Admission.id).limit(limit)).all()


# ---- organisations -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """What an organisation asked of one repository. ``current`` is the SHA-256 of the terms of now."""

    repo: Repo
    admission: Admission
    asker: Account | None
    current: str | None


@dataclass(frozen=True)
class Covered:
    """An organisation, where it was let in, and the members it stands for."""

    org: Account
    entries: Sequence[Entry]
    members: Sequence[tuple[Account, str, datetime]]
    member_count: int
    may_lead: bool  #: the one who looks administers it


def organisation(db: Session, actor: Actor, name: str, *, limit: int = 500) -> Covered:
    """What the organisation was let in to, and whom it covers; for its members."""
    org = _own_organisation(db, actor, name)
    people = (
        select(Account, Membership.role, Membership.created_at)
        .join(Membership, Membership.user_id == Account.id)
        .where(Membership.org_id == org.id)
        .order_by(Account.key)
        .limit(limit)
    )
    members = [(account, str(role), since) for account, role, since in db.execute(people)]
    total = db.scalar(select(func.count()).where(Membership.org_id == org.id)) or 0
    return Covered(org, _entries(db, actor, org, limit), members, total, actor.roles.get(org.id) == "admin")


def _entries(db: Session, actor: Actor, org: Account, limit: int) -> list[Entry]:
    by = aliased(Account)
    newest = (
        select(TermsVersion.sha256)
        .where(TermsVersion.repo_id == Repo.id)
        .order_by(TermsVersion.number.desc())
        .limit(1)
        .correlate(Repo)
        .scalar_subquery()
    )
    query = (
        select(Repo, Admission, by, newest)
        .join(Admission, Admission.repo_id == Repo.id)
        .outerjoin(by, by.id == Admission.asked_by_id)
        .where(Admission.account_id == org.id)
        .order_by(Admission.id.desc())
        .limit(limit)
    )
    return [Entry(*row) for row in db.execute(visible(query, actor))]


def _own_organisation(db: Session, actor: Actor, name: str, *, role: str | None = None) -> Account:
    org = accounts.account(db, name, kind="org")
    held = actor.roles.get(org.id)
    if not actor.is_admin and (held is None or (role is not None and held != role)):
        whom = "its administrators" if role else "its members"
        raise NotForOrganisation(f"What {org.name} agreed to is told to {whom}.")
    return org


# ---- terms and records -------------------------------------------------------------------------------------


def version(db: Session, repo: Repo) -> TermsVersion | None:
    """The terms on record as those of now; None: nobody was asked yet."""
    query = select(TermsVersion).where(TermsVersion.repo_id == repo.id)
    return db.scalar(query.order_by(TermsVersion.number.desc()).limit(1))


def terms(db: Session, actor: Actor, path: str, *, kind: str) -> Sequence[TermsVersion]:
    """As :func:`versions`, for whoever may know of the repository."""
    return versions(db, repos.load(db, actor, path, Action.LIST, kind=kind))


def versions(db: Session, repo: Repo, *, limit: int = MAX_PAGE) -> Sequence[TermsVersion]:
    """Terms that were in force, the newest first."""
    query = select(TermsVersion).where(TermsVersion.repo_id == repo.id)
    return db.scalars(query.order_by(TermsVersion.number.desc()).limit(limit)).all()


def text(db: Session, kit: Kit, actor: Actor, path: str, sha256: str, *, kind: str) -> tuple[Repo, str]:
    """The text of that name, if it is or was what one agrees to at this gate. Raises :class:`TermsNotFound`."""
    repo = repos.load(db, actor, path, Action.LIST, kind=kind)
    current = reading.now(db, repo, kit)[0].terms
    if repo.gated and current.sha256 == sha256.lower():
        return repo, current.text
    found = db.scalar(
        select(TermsText.text)
        .join(TermsVersion, TermsVersion.sha256 == TermsText.sha256)
        .where(TermsVersion.repo_id == repo.id, TermsText.sha256 == sha256.lower()[:64])
        .limit(1)
    )
    if found is None:
        raise TermsNotFound
    return repo, found


def text_agreed(db: Session, actor: Actor, name: str, sha256: str) -> str:
    """A text that the organisation agreed to, wherever the repository is now. Raises :class:`TermsNotFound`."""
    org = _own_organisation(db, actor, name)
    found = db.scalar(
        select(TermsText.text)
        .join(AccessRecord, AccessRecord.sha256 == TermsText.sha256)
        .where(AccessRecord.account_id == org.id, TermsText.sha256 == sha256.lower()[:64])
        .limit(1)
    )
    if found is None:
        raise TermsNotFound
    return found


def audited_organisation(db: Session, actor: Actor, name: str) -> Account:
    """The organisation, for whoever may have its records: its administrators."""
    return _own_organisation(db, actor, name, role="admin")


def records(
    db: Session, *, repo_id: str | None = None, account_id: str | None = None, after: AccessRecord | None = None
) -> Sequence[AccessRecord]:
    """Up to :data:`MAX_PAGE` things that happened at a gate, or to an account at any gate, in their order."""
    query = select(AccessRecord).order_by(AccessRecord.at, AccessRecord.id).limit(MAX_PAGE)
    if repo_id is not None:
        query = query.where(AccessRecord.repo_id == repo_id)
    if account_id is not None:
        query = query.where(AccessRecord.account_id == account_id)
    if after is not None:
        same = and_(AccessRecord.at == after.at, AccessRecord.id > after.id)
        query = query.where(or_(AccessRecord.at > after.at, same))
    return db.scalars(query).all()
