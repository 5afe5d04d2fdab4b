"""Asking to be let in, for oneself or for an organisation, and agreeing to the terms."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.accounts.tables import Account
from freehold.content.kit import Kit
from freehold.core import events
from freehold.gating import access, rules
from freehold.gating.errors import AskedAlready, HasAccess, NotGated, RequestNotFound, RequestRejected, TermsMoved
from freehold.gating.events import AccessDecided, AccessRequested, AccessRevoked, TermsAgreed
from freehold.gating.service import records, terms
from freehold.repos import admissions
from freehold.repos import service as repos
from freehold.repos.tables import Admission, Repo


def ask(
    db: Session,
    kit: Kit,
    actor: Actor,
    path: str,
    *,
    kind: str,
    answers: Mapping[str, Any],
    organisation: str | None = None,
    agreed: str | None = None,
) -> Admission:
    """The account has agreed to the terms of now, and is let in or waits for the owner's answer.

    ``organisation``: the actor, its administrator, asks once for all its members. ``agreed``: the SHA-256 of the terms
    that were read (None: whatever is in force). Somebody who agreed to other terms before renews by the same call.

    Raises :class:`NotGated`, :class:`TermsMoved`, :class:`BadAnswer`, :class:`AskedAlready`, :class:`RequestRejected`,
    :class:`HasAccess`, and what naming the account raises.
    """
    repo = repos.load(db, actor, path, Action.LIST, kind=kind)
    access.check_person(actor, repo)
    if not repo.gated:
        raise NotGated(repo.path)
    account = access.applicant(db, actor, organisation)
    if account.id == repo.owner_id or (account.id == actor.id and access.is_own(actor, repo)):
        raise HasAccess(f"{account.name} reads {repo.path} already: nobody has to ask for it.")
    gateway = terms.in_force(db, kit, actor, repo)
    if agreed is not None and agreed != gateway.terms.sha256:
        raise TermsMoved
    kept = rules.checked(gateway.form, answers)
    before = admissions.find(db, repo, account.id)
    if before is None:
        return _first(db, actor, repo, account, gateway.terms.sha256, kept)
    return _again(db, actor, repo, before, gateway.terms.sha256, kept)


def _first(db: Session, actor: Actor, repo: Repo, account: Account, sha256: str, kept: dict[str, Any]) -> Admission:
    status = "accepted" if repo.gated == "auto" else "pending"
    admission = admissions.add(db, repo, account, status, terms=sha256, answers=kept, asked_by_id=actor.id)
    records.write(db, repo, actor, account, "agreed", sha256=sha256)
    if status == "accepted":
        records.write(db, repo, None, account, "accepted")
    else:
        records.write(db, repo, actor, account, "asked")
    events.publish(db, AccessRequested(repo, actor, admission, admissions.gate_of(db, repo)))
    return admission


def _again(db: Session, actor: Actor, repo: Repo, admission: Admission, sha256: str, kept: dict[str, Any]) -> Admission:
    """Somebody known at this gate: renews, corrects what waits, or is told where it stands."""
    if admission.status == "rejected":
        raise RequestRejected(f"The owner of {repo.path} has rejected this request; it cannot be asked again.")
    opens = admission.status == "pending" and admission.decided_at is None and repo.gated == "auto"
    if admission.terms == sha256 and not opens:
        if admission.status == "pending":
            raise AskedAlready(f"This was asked already; the owner of {repo.path} has not answered yet.")
        raise AskedAlready(f"{admission.account.name} has access to {repo.path} already.")
    if admission.status == "accepted" and admission.terms is None:
        raise AskedAlready(f"{admission.account.name} was let in by the owner of {repo.path} already.")
    is_new_text = admission.terms != sha256
    admissions.agree(db, admission, sha256, kept, actor.id)
    if is_new_text:
        records.write(db, repo, actor, admission.account, "agreed", sha256=sha256)
    if opens:
        admissions.decide(db, admission, "accepted", None)
        records.write(db, repo, None, admission.account, "accepted")
        events.publish(db, AccessDecided(repo, actor, admission, "pending"))
    elif admission.status == "accepted":
        events.publish(db, TermsAgreed(repo, actor, admission))
    return admission


def leave(db: Session, actor: Actor, path: str, *, kind: str, organisation: str | None = None) -> None:
    """The request is withdrawn, or the access given up. What the owner put back or rejected stays as it is.

    Raises :class:`RequestNotFound`, :class:`RequestRejected`.
    """
    repo = repos.load(db, actor, path, Action.LIST, kind=kind)
    access.check_person(actor, repo)
    account = access.applicant(db, actor, organisation)
    admissions.locked(db, repo)
    admission = admissions.find(db, repo, account.id)
    if admission is None:
        raise RequestNotFound(f"{account.name} has asked nothing of {repo.path}.")
    if admission.status != "accepted" and admission.decided_at is not None:
        # Otherwise whoever was put out would come in again by the automatic gate.
        raise RequestRejected(f"The owner of {repo.path} has answered this request: it is the owner's to change.")
    was_in = admission.status == "accepted"
    admissions.drop(db, admission)
    records.write(db, repo, actor, account, "left")
    if was_in:
        events.publish(db, AccessRevoked(repo, actor, admission))
