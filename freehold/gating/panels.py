"""The gate as a part of pages: what stands before a repository for whoever looks, and the form to ask.

The repository's own page shows it, and the page that a refused form comes back on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.content.kit import Kit
from freehold.gating import queries
from freehold.gating.countries import COUNTRIES
from freehold.gating.queries import Mine
from freehold.gating.rules import Question
from freehold.repos.access import may
from freehold.repos.heads import head
from freehold.repos.rules import Standing
from freehold.repos.tables import Admission, Repo
from freehold.web import markdown

#: How an input of the form is called: questions may be called anything.
FIELD = "fields."
_BY_NAME = sorted(COUNTRIES.items(), key=lambda pair: pair[1])


@dataclass(frozen=True)
class Field:
    """One question with what was answered: typed before, or agreed to with the terms of before."""

    name: str
    question: Question
    value: str
    options: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Place:
    """One admission of the visitor's own or of an organisation it is in."""

    account: str
    is_organisation: bool
    status: str
    at: datetime
    is_stale: bool  #: agreed to other terms than those of now
    ends_at: datetime | None
    reason: str
    can_leave: bool


@dataclass(frozen=True)
class Gate:
    """What stands before the files, for one visitor."""

    address: str
    owner: str
    kind_word: str
    is_manual: bool
    state: str  #: ``owner``, ``anonymous``, or a :class:`Standing`
    heading: str
    description: str  #: safe HTML
    prompt: str  #: safe HTML
    button: str
    fields: Sequence[Field]
    terms: str  #: SHA-256
    terms_text: str
    terms_since: datetime | None
    places: Sequence[Place]
    applicants: Sequence[tuple[str, str]]  #: for whom the visitor may ask: empty for itself, an organisation's name
    applicant: str
    renewing: bool
    waiting: int  #: requests to be answered, for whoever may answer them
    can_decide: bool
    error: str = ""
    error_field: str = ""


def of(
    db: Session,
    kit: Kit,
    actor: Actor,
    repo: Repo,
    *,
    typed: Mapping[str, Any] | None = None,
    applicant: str = "",
    error: str = "",
    error_field: str = "",
) -> Gate | None:
    """The gate of ``repo`` as ``actor`` finds it; None: there is none. ``typed``: in a form that was refused."""
    if not repo.gated:
        return None
    found = queries.standing(db, kit, actor, repo)
    form, terms = found.gateway.form, found.gateway.terms
    applicants = _applicants(db, actor, found)
    can_decide = bool(may(actor, Action.WRITE, repo))
    return Gate(
        address=head(repo).address,
        owner=repo.owner.name,
        kind_word=repo.kind.replace("dataset", "data set"),
        is_manual=repo.gated == "manual",
        state=_state(actor, found),
        heading=form.heading,
        description=markdown.render(form.description).html if form.description else "",
        prompt=markdown.render(form.prompt).html if form.prompt else "",
        button=form.button,
        fields=_fields(found, typed),
        terms=terms.sha256,
        terms_text=terms.text,
        terms_since=found.version.since if found.version and found.version.sha256 == terms.sha256 else None,
        places=[_place(actor, found, one) for one in found.admissions],
        applicants=applicants,
        applicant=applicant if applicant in dict(applicants) else (applicants[0][0] if applicants else ""),
        renewing=bool(found.stale()),
        waiting=queries.counts(db, repo)["pending"] if can_decide else 0,
        can_decide=can_decide,
        error=error,
        error_field=error_field,
    )


def _state(actor: Actor, found: Mine) -> str:
    if actor.is_anonymous:
        return "anonymous"
    return "owner" if found.is_own else found.standing.value


def _applicants(db: Session, actor: Actor, found: Mine) -> list[tuple[str, str]]:
    """For whom there is something to agree to: not for whoever is in on the terms of now, waits, or was rejected."""
    if actor.is_anonymous:
        return []
    stale = {one.account_id for one in found.admissions if one.terms not in (None, found.gateway.terms.sha256)}
    done = {one.account_id for one in found.admissions if one.account_id not in stale or one.status == "rejected"}
    asked: list[tuple[str, str]] = []
    is_through = found.standing is Standing.THROUGH and actor.id not in stale
    if actor.id not in done and not found.is_own and not is_through:
        asked.append(("", f"Myself, {actor.name}"))
    for org in queries.administered(db, actor):
        if org.id not in done and org.id != found.repo.owner_id:
            asked.append((org.name, f"All members of {org.name}, for whom I may agree as its administrator"))
    return asked


def _place(actor: Actor, found: Mine, one: Admission) -> Place:
    leads = one.account_id == actor.id or actor.roles.get(one.account_id) == "admin"
    return Place(
        account=one.account.name,
        is_organisation=one.account.kind == "org",
        status=one.status,
        at=one.asked_at,
        is_stale=one.terms not in (None, found.gateway.terms.sha256),
        ends_at=one.ends_at,
        reason=one.reason,
        can_leave=leads and (one.status == "accepted" or one.decided_at is None),
    )


def _fields(found: Mine, typed: Mapping[str, Any] | None) -> list[Field]:
    before = next((one.answers for one in found.admissions if one.answers), None) if typed is None else typed
    fields = []
    for question in found.gateway.form.questions:
        if question.is_asked:
            value = (before or {}).get(question.label, "")
            # What one puts one's name to is ticked anew each time, not for one.
            shown = "" if question.type == "checkbox" and typed is None else str(value)
            options = _BY_NAME if question.type == "country" else question.options
            fields.append(Field(FIELD + question.label, question, shown, options))
    return fields
