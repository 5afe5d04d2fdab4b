"""Deciding on requests: for whoever may write to the repository. Source: hub-docs models-gated.md."""

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.access.service import of_user
from freehold.accounts import service as accounts
from freehold.core import events
from freehold.core.errors import BadRequest
from freehold.gating import access, rules
from freehold.gating.errors import AlreadySo, HasAccess, NotGated, RequestNotFound
from freehold.gating.events import AccessDecided, AccessRevoked
from freehold.gating.service import records, terms
from freehold.repos import admissions
from freehold.repos import service as repos
from freehold.repos.tables import Admission, Repo

#: How a decision is told on record.
RECORDED = {"accepted": "accepted", "rejected": "rejected", "pending": "returned"}


def decide(
    db: Session,
    actor: Actor,
    path: str,
    status: str,
    *,
    kind: str,
    name: str | None = None,
    request_id: str | None = None,
    reason: str | None = None,
) -> Admission:
    """The request of the account ``name``, or of that id, is *accepted*, *rejected* or *pending* for every door.

    Raises :class:`NotGated`, :class:`RequestNotFound`, :class:`AlreadySo`, ``AccountNotFound``.
    """
    repo = gated(db, actor, path, kind=kind)
    if status not in RECORDED:
        raise BadRequest(f"{status[:40]!r} is no answer to a request; use {', '.join(RECORDED)}.")
    if (name is None) == (request_id is None):
        raise BadRequest("Name either the user or the requestId.")
    if reason and status != "rejected":
        raise BadRequest("Only a rejection has a reason.")
    reason = rules.checked_reason(reason)
    admissions.locked(db, repo)
    admission = _named(db, repo, name, request_id)
    before = admission.status
    if before == status:
        raise AlreadySo(f"The request of {admission.account.name} is {status} already.")
    # It may have waited while the terms changed.
    ends_at = terms.ends_at(db, repo, admission.terms)
    admissions.decide(db, admission, status, actor.id, reason=reason, ends_at=ends_at)
    records.write(db, repo, actor, admission.account, RECORDED[status], reason=reason)
    events.publish(db, AccessDecided(repo, actor, admission, before))
    if before == "accepted":
        events.publish(db, AccessRevoked(repo, actor, admission))
    return admission


def grant(db: Session, actor: Actor, path: str, name: str, *, kind: str) -> Admission:
    """The person or organisation ``name`` is let in, whether it asked or not.

    Raises :class:`NotGated`, :class:`HasAccess` (also for the owner's own people), ``AccountNotFound``.
    """
    repo = gated(db, actor, path, kind=kind)
    account = accounts.account(db, name)
    is_own = account.id == repo.owner_id or (account.kind == "user" and access.is_own(of_user(db, account), repo))
    admissions.locked(db, repo)
    admission = admissions.find(db, repo, account.id)
    if is_own or (admission is not None and admission.status == "accepted"):
        raise HasAccess(f"{account.name} has access to {repo.path} already.")
    before = admission.status if admission else ""
    if admission is None:
        admission = admissions.add(db, repo, account, "accepted")
    ends_at = terms.ends_at(db, repo, admission.terms)
    admissions.decide(db, admission, "accepted", actor.id, ends_at=ends_at)
    records.write(db, repo, actor, account, "granted")
    events.publish(db, AccessDecided(repo, actor, admission, before))
    return admission


def kept(db: Session, actor: Actor, path: str, *, kind: str) -> Repo:
    """As :func:`gated`, also while the gate stands open: what happened at it stays on record."""
    return repos.load(db, actor, path, Action.WRITE, kind=kind)


def gated(db: Session, actor: Actor, path: str, *, kind: str) -> Repo:
    """The gated repository, for whoever decides on its requests. Raises :class:`NotGated`."""
    repo = repos.load(db, actor, path, Action.WRITE, kind=kind)
    if not repo.gated:
        raise NotGated(repo.path)
    return repo


def _named(db: Session, repo: Repo, name: str | None, request_id: str | None) -> Admission:
    if request_id is not None:
        found = admissions.numbered(db, repo, request_id.lower()[:24])
    else:
        assert name is not None, "checked by the caller"
        found = admissions.find(db, repo, accounts.account(db, name).id)
    if found is None:
        raise RequestNotFound(f"There is no such request for {repo.path}.")
    return found
