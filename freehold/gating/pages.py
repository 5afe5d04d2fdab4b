"""Gates as pages: asking, answering, what an organisation agreed to, and the terms by their name."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action
from freehold.accounts import csrf
from freehold.accounts.errors import SignInNeeded
from freehold.core.errors import BadRequest, Conflict, Forbidden, NotFound
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.gating import panels, queries
from freehold.gating.api import report_of
from freehold.gating.errors import BadAnswer
from freehold.gating.exports import Format
from freehold.gating.queries import Covered, Entry
from freehold.gating.service import asking, deciding
from freehold.gating.tables import TermsVersion
from freehold.repos import admissions, paths
from freehold.repos import service as repos
from freehold.repos.access import may
from freehold.repos.heads import ONE, head
from freehold.repos.rules import GateChanges, GateSettings, api_path, page_path
from freehold.repos.tables import Repo
from freehold.web import flash
from freehold.web.components import RepoHead
from freehold.web.render import render

paths.register()
router = Router(include_in_schema=False)
ROWS = 50
SHOWN_VERSIONS = 20
LISTS = (("pending", "Waiting"), ("accepted", "Let in"), ("rejected", "Rejected"))
MODES = (
    ("", "Everyone who sees it", "Nobody has to ask. Who was let in stays on the list."),
    ("auto", "Whoever agrees", "Let in at once, on record, and yours to revoke."),
    ("manual", "Whom you let in", "Each request waits for your answer."),
)
RENEWALS = (
    ("required", "Everybody agrees anew", "Whoever has not agreed after these days no longer reads the files."),
    ("notified", "Everybody is told", "Access goes on; who agreed to which text stays on record."),
)
SAID = {"accepted": "Let in.", "rejected": "Rejected.", "pending": "Waits again."}
NOTIFYING = (("real-time", "At once"), ("bulk", "Once a day"))
_REPO = "/{kind:prefix}{namespace}/{name}"


@dataclass(frozen=True)
class AskPage:
    """The gate by itself: where a form that was refused comes back, with what was typed."""

    title: str
    area: str
    head: RepoHead
    kind_word: str
    gate: panels.Gate | None


@dataclass(frozen=True)
class TermsPage:
    """A text that is or was what one agrees to, and when it was."""

    title: str
    area: str
    head: RepoHead
    sha256: str
    text: str
    raw: str
    is_current: bool
    spans: Sequence[tuple[datetime, datetime | None]]


@dataclass(frozen=True)
class RequestsPage:
    """Requests of one status, for whoever answers them. ``settings`` only for whoever may change them."""

    title: str
    area: str
    head: RepoHead
    kind_word: str
    address: str
    api: str
    status: str
    who: str  #: part of a name that they are narrowed to
    lists: Sequence[tuple[str, str, str]]  #: status, label, address
    counts: Mapping[str, int]
    requests: Sequence[queries.Request]
    first: str
    next: str
    terms: str  #: SHA-256 of those in force
    versions: Sequence[TermsVersion]
    is_gated: bool
    gated: str
    settings: GateSettings | None
    modes: Sequence[tuple[str, str, str]]
    renewals: Sequence[tuple[str, str, str]]
    notifying: Sequence[tuple[str, str]]
    error: str


@dataclass(frozen=True)
class OrganisationPage:
    """What an organisation agreed to, and whom that covers; for its members."""

    title: str
    covered: Covered
    rows: Sequence[tuple[Entry, str]]


@dataclass(frozen=True)
class Posted:
    """A sent request: answers by question, and the two fields that are ours."""

    answers: Mapping[str, Any]
    organisation: str
    terms: str
    token: str


async def _posted(request: Request) -> Posted:
    """Answers as our form sends them, or as programs do: JSON, or a form whose fields are the questions themselves."""
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            body = json.loads(await request.body() or b"{}")
        except (ValueError, RecursionError):
            raise BadRequest("The body is not JSON.") from None
        given = body if isinstance(body, dict) else {}
    else:
        given = dict(await request.form())
    ours = {key: given.pop(key, None) or "" for key in ("organization", "terms", "csrf")}
    if not all(isinstance(value, str) and value.isprintable() for value in ours.values()):
        raise BadRequest("organization and terms are names: plain text, one line.")
    answers = {key.removeprefix(panels.FIELD): value for key, value in given.items()}
    return Posted(answers, ours["organization"][:96], ours["terms"][:64], ours["csrf"])


# ---- organisations ------------------------------------------------------------------------------------------


# First: the addresses of repositories below would take it for one of the namespace ``organizations``.
@router.get("/organizations/{org}/access")
@door(Action.READ)
def organisation(ask: Ask, org: str) -> Response:
    found = queries.organisation(ask.db, ask.actor, org)
    rows = [(entry, head(entry.repo).address) for entry in found.entries]
    return render(ask.request, OrganisationPage(f"What {found.org.name} agreed to", found, rows))


# ---- asking -------------------------------------------------------------------------------------------------


@router.get(_REPO + "/ask-access")
@door(Action.LIST)
def ask_page(ask: Ask, kind: str, namespace: str, name: str) -> Response:
    repo = repos.load(ask.db, ask.actor, f"{namespace}/{name}", Action.LIST, kind=kind)
    return _asking(ask, repo)


@router.post(_REPO + "/ask-access")
@door(Action.LIST)
def ask_access(ask: Ask, kind: str, namespace: str, name: str, posted: Annotated[Posted, Depends(_posted)]) -> Response:
    """Agree to the terms: by our form, or as programs ask the public hub, with a token."""
    _check_sender(ask, posted.token)
    path = f"{namespace}/{name}"
    try:
        asking.ask(
            ask.db,
            ask.kit,
            ask.actor,
            path,
            kind=kind,
            answers=posted.answers,
            organisation=posted.organisation or None,
            agreed=posted.terms or None,
        )
    except (BadRequest, Conflict, Forbidden) as err:
        if ask.actor.token is not None:
            raise
        repo = repos.load(ask.db, ask.actor, path, Action.LIST, kind=kind)
        wrong = err.label if isinstance(err, BadAnswer) else ""
        return _asking(ask, repo, posted=posted, error=err.message, error_field=wrong, status=422)
    return RedirectResponse(f"{page_path(kind, path)}#access", 303)


@router.post(_REPO + "/access/leave")
@door(Action.LIST)
def leave(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    organization: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    _check_sender(ask, token)
    path = f"{namespace}/{name}"
    asking.leave(ask.db, ask.actor, path, kind=kind, organisation=organization[:96] or None)
    to = f"/organizations/{organization}/access" if organization else page_path(kind, path)
    return RedirectResponse(to, 303)


def _asking(
    ask: Ask, repo: Repo, *, posted: Posted | None = None, error: str = "", error_field: str = "", status: int = 200
) -> Response:
    gate = panels.of(
        ask.db,
        ask.kit,
        ask.actor,
        repo,
        typed=posted.answers if posted else None,
        applicant=posted.organisation if posted else "",
        error=error,
        error_field=error_field,
    )
    page = AskPage(f"Access to {repo.path}", repo.kind, head(repo, actor=ask.actor), ONE[repo.kind], gate)
    return render(ask.request, page, status=status)


def _check_sender(ask: Ask, token: str) -> None:
    """A program shows its own token; a browser's form carries ours."""
    if ask.actor.is_anonymous:
        raise SignInNeeded("Sign in to ask for access.")
    if ask.actor.token is None:
        csrf.check(ask.request, token)


# ---- terms --------------------------------------------------------------------------------------------------


@router.get(_REPO + "/terms/{sha256}")
@door(Action.LIST)
def terms(ask: Ask, kind: str, namespace: str, name: str, sha256: str) -> Response:
    repo, text = queries.text(ask.db, ask.kit, ask.actor, f"{namespace}/{name}", sha256, kind=kind)
    sha256 = sha256.lower()
    versions = queries.versions(ask.db, repo)
    until = dict(zip((one.number for one in versions[1:]), (one.since for one in versions), strict=False))
    page = TermsPage(
        title=f"Terms of {repo.path}",
        area=repo.kind,
        head=head(repo, actor=ask.actor),
        sha256=sha256,
        text=text,
        raw=f"{api_path(kind, repo.path)}/terms/{sha256}",
        is_current=not versions or versions[0].sha256 == sha256,
        spans=[(one.since, until.get(one.number)) for one in versions if one.sha256 == sha256],
    )
    return render(ask.request, page)


# ---- answering ----------------------------------------------------------------------------------------------


@router.get(_REPO + "/access")
@door(Action.WRITE)
def requests(
    ask: Ask, kind: str, namespace: str, name: str, status: str = "pending", cursor: str = "", who: str = ""
) -> Response:
    return _requests(ask, kind, f"{namespace}/{name}", status, cursor=cursor, who=who)


@router.post(_REPO + "/access/handle")
@door(Action.WRITE)
def handle(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    request_id: Annotated[str, Form(alias="request")] = "",
    status: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    came_from: Annotated[str, Form(alias="from")] = "pending",
    who: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check(ask.request, token)
    given = reason if status == "rejected" else None
    path = f"{namespace}/{name}"
    try:
        deciding.decide(ask.db, ask.actor, path, status, kind=kind, request_id=request_id, reason=given)
    except (BadRequest, NotFound) as err:
        return _requests(ask, kind, path, came_from, error=err.message, who=who)
    return flash.say(ask.request, _back(kind, path, came_from, who), SAID.get(status, "Answered."))


@router.post(_REPO + "/access/grant")
@door(Action.WRITE)
def grant(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    user: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check(ask.request, token)
    path = f"{namespace}/{name}"
    try:
        deciding.grant(ask.db, ask.actor, path, user.strip()[:96], kind=kind)
    except (BadRequest, NotFound) as err:
        return _requests(ask, kind, path, "pending", error=err.message)
    return _back(kind, path, "accepted")


@router.post(_REPO + "/access/settings")
@door(Action.ADMIN)
def settings(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    gated: Annotated[str, Form()] = "",
    renew: Annotated[str, Form()] = "required",
    grace_days: Annotated[str, Form()] = "",
    notify_mode: Annotated[str, Form()] = "real-time",
    notify_email: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check(ask.request, token)
    path = f"{namespace}/{name}"
    days = int(grace_days) if grace_days.isascii() and grace_days.isdecimal() and len(grace_days) < 5 else -1
    changes = GateChanges(renew, days, notify_mode, notify_email.strip())
    try:
        repos.change_settings(ask.db, ask.actor, path, repos.Changes(gated=gated, gate=changes), kind=kind)
    except BadRequest as err:
        return _requests(ask, kind, path, "pending", error=err.message)
    return _back(kind, path, "pending")


@router.get(_REPO + "/user-access-report")
@door(Action.WRITE)
def report(ask: Ask, kind: str, namespace: str, name: str, format: Format = "json") -> Response:
    """Every request as a file. Source: hub-docs models-gated.md, download access report."""
    return report_of(ask, kind, f"{namespace}/{name}", format)


def _back(kind: str, path: str, status: str, who: str = "") -> Response:
    known = status if status in queries.STATUSES else "pending"
    return RedirectResponse(_list(page_path(kind, path), known, who), 303)


def _list(address: str, status: str, who: str, cursor: str = "") -> str:
    query = (("status", status), ("who", who[:96]), ("cursor", cursor))
    return f"{address}/access?{urlencode([pair for pair in query if pair[1]])}"


def _requests(
    ask: Ask, kind: str, path: str, status: str, *, cursor: str = "", who: str = "", error: str = ""
) -> Response:
    repo = deciding.kept(ask.db, ask.actor, path, kind=kind)
    status = status if status in queries.STATUSES else "pending"
    who = who.strip()[:96]
    found = queries.requests(ask.db, repo, status, limit=ROWS, cursor=cursor or None, who=who)
    versions = queries.versions(ask.db, repo, limit=SHOWN_VERSIONS)
    address = head(repo).address
    may_set = may(ask.actor, Action.ADMIN, repo)
    page = RequestsPage(
        title=f"Access to {repo.path}",
        area=repo.kind,
        head=head(repo, actor=ask.actor),
        kind_word=ONE[repo.kind],
        address=address,
        api=api_path(kind, repo.path),
        status=status,
        who=who,
        lists=[(word, label, _list(address, word, who)) for word, label in LISTS],
        counts=queries.counts(ask.db, repo),
        requests=found.requests,
        first=_list(address, status, who) if cursor else "",
        next=_list(address, status, who, found.next_cursor) if found.next_cursor else "",
        terms=versions[0].sha256 if versions else "",
        versions=versions,
        is_gated=bool(repo.gated),
        gated=repo.gated,
        settings=admissions.gate_of(ask.db, repo) if may_set else None,
        modes=MODES,
        renewals=RENEWALS,
        notifying=NOTIFYING,
        error=error,
    )
    return render(ask.request, page, blocks=("requests",), status=422 if error else 200)
