"""Shapes on the wire. Source: protocol/hub-api.md 8, huggingface_hub (AccessRequest)."""

from typing import Any

from pydantic import BaseModel, Field

from freehold.accounts.tables import Account
from freehold.core.clock import wire
from freehold.gating.queries import Covered, Mine, Request
from freehold.gating.rules import Question
from freehold.gating.tables import AccessRecord, TermsVersion
from freehold.repos.rules import Standing
from freehold.repos.tables import Admission

#: How a standing is called towards clients.
STATUS = {
    Standing.STRANGER: "none",
    Standing.PENDING: "pending",
    Standing.THROUGH: "accepted",
    Standing.LAPSED: "lapsed",
    Standing.REJECTED: "rejected",
}


class Handle(BaseModel):
    """An answer to a request, named by the account or by its id."""

    status: str = Field(max_length=40, description="`accepted`, `rejected` or `pending`.")
    user: str | None = Field(None, max_length=96)
    requestId: str | None = Field(None, max_length=96)
    rejectionReason: str | None = Field(None, max_length=10_000)


class Grant(BaseModel):
    """Whom to let in: a person, or an organisation for its members."""

    user: str = Field(max_length=96)


class AskAccess(BaseModel):
    """A request: answers by question, the terms that were read, and the organisation it is made for (none: oneself)."""

    fields: dict[str, Any] = Field(default_factory=dict)
    terms: str | None = Field(None, max_length=64, description="SHA-256 of the terms agreed to; absent: those of now.")
    organization: str | None = Field(None, max_length=96)


def request(found: Request, base_url: str) -> dict[str, Any]:
    """One item of the lists that the client reads; ``email`` only of somebody who asked, and so agreed to share it."""
    admission = found.admission
    shown: dict[str, Any] = {
        "requestId": admission.id,
        "user": _account(admission.account, base_url),
        "status": admission.status,
        "timestamp": wire(admission.asked_at),
    }
    if found.asker is not None:
        shown["user"]["email"] = found.asker.email
    if admission.answers:
        shown["fields"] = admission.answers
    if admission.reason:
        shown["rejectionReason"] = admission.reason
    if found.decider is not None:
        shown["grantedBy" if admission.status == "accepted" else "handledBy"] = _account(found.decider, base_url)
    shown["terms"] = admission.terms
    if admission.account.kind == "org":
        shown["members"] = found.members
        shown["requestedBy"] = found.asker.name if found.asker else None
    if admission.ends_at is not None:
        shown["endsAt"] = wire(admission.ends_at)
    return shown


def decided(admission: Admission, base_url: str) -> dict[str, Any]:
    return {
        "requestId": admission.id,
        "user": _account(admission.account, base_url),
        "status": admission.status,
        "timestamp": wire(admission.asked_at),
    }


def mine(found: Mine) -> dict[str, Any]:
    """Where the caller stands, what would be asked, and what has to be renewed until when."""
    current = found.gateway.terms.sha256
    return {
        "gated": found.repo.gated or False,
        "status": "owner" if found.is_own else STATUS[found.standing],
        "terms": {"sha256": current, "since": wire(found.version.since) if found.version else None},
        "renew": found.gate.renew,
        "graceDays": found.gate.grace_days,
        "requests": [
            {
                "requestId": one.id,
                "account": one.account.name,
                "type": one.account.kind,
                "status": one.status,
                "timestamp": wire(one.asked_at),
                "agreedTo": one.terms,
                "isCurrent": one.terms in (None, current),
                "endsAt": wire(one.ends_at) if one.ends_at else None,
                "rejectionReason": one.reason or None,
            }
            for one in found.admissions
        ],
        "form": {
            "heading": found.gateway.form.heading,
            "description": found.gateway.form.description,
            "prompt": found.gateway.form.prompt,
            "button": found.gateway.form.button,
            "fields": [question(one) for one in found.gateway.form.questions if one.is_asked],
        },
    }


def question(one: Question) -> dict[str, Any]:
    shown: dict[str, Any] = {"label": one.label, "type": one.type, "required": one.is_required}
    if one.options:
        shown["options"] = [{"value": value, "label": label} for value, label in one.options]
    return shown


def covered(found: Covered) -> dict[str, Any]:
    """What an organisation was let in to, and the members it stands for."""
    return {
        "organization": found.org.name,
        "members": [{"user": one.name, "role": role, "since": wire(since)} for one, role, since in found.members],
        "memberCount": found.member_count,
        "requests": [
            {
                "requestId": entry.admission.id,
                "repo": {"type": entry.repo.kind, "name": entry.repo.path},
                "status": entry.admission.status,
                "requestedBy": entry.asker.name if entry.asker else None,
                "timestamp": wire(entry.admission.asked_at),
                "agreedTo": entry.admission.terms,
                "isCurrent": entry.admission.terms in (None, entry.current),
                "endsAt": wire(entry.admission.ends_at) if entry.admission.ends_at else None,
            }
            for entry in found.entries
        ],
    }


def version(one: TermsVersion) -> dict[str, Any]:
    return {"sha256": one.sha256, "since": wire(one.since), "commit": one.commit}


def record(one: AccessRecord) -> dict[str, Any]:
    """One line of the evidence."""
    return {
        "id": one.id,
        "at": wire(one.at),
        "what": one.what,
        "repoType": one.repo_kind,
        "repo": one.repo_path,
        "account": one.account_name,
        "accountType": one.account_kind,
        "by": one.by_name or None,
        "termsSha256": one.sha256,
        "reason": one.reason or None,
    }


RECORD_COLUMNS = ("id", "at", "what", "repoType", "repo", "account", "accountType", "by", "termsSha256", "reason")


def reported(found: Request) -> dict[str, Any]:
    """One line of the access report. Source: hub-docs models-gated.md, download access report."""
    admission = found.admission
    return {
        "user": admission.account.name,
        "type": admission.account.kind,
        "fullname": admission.account.full_name or admission.account.name,
        "status": admission.status,
        "email": found.asker.email if found.asker else None,
        "time": wire(admission.asked_at),
        "requestedBy": found.asker.name if found.asker else None,
        "termsSha256": admission.terms,
        "fields": admission.answers or {},
    }


REPORT_COLUMNS = ("user", "type", "fullname", "status", "email", "time", "requestedBy", "termsSha256", "fields")


def _account(account: Account, base_url: str) -> dict[str, Any]:
    return {
        "_id": account.id,
        "type": account.kind,
        "user": account.name,
        "fullname": account.full_name or account.name,
        "avatarUrl": f"{base_url}/avatars/{account.name}.svg",
        "isPro": False,
    }
