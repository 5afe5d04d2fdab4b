"""Gates over JSON: requests as the official client lists and answers them, and what it cannot: asking, and evidence.

Source: protocol/hub-api.md 8. Asking, organisations and records have no call of the public hub to follow.
"""

from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from freehold.access.rules import Action
from freehold.core.http import Ask, door, next_page
from freehold.core.routes import Router
from freehold.gating import exports, queries, schemas
from freehold.gating.errors import BadListing
from freehold.gating.exports import Format
from freehold.gating.schemas import AskAccess, Grant, Handle
from freehold.gating.service import asking, deciding
from freehold.repos import paths

paths.register()
router = Router(tags=["gates"])
PAGE = 100
_REPO = "/api/{kind:plural}/{namespace}/{name}"
_REQUESTS = _REPO + "/user-access-request"


# ---- for whoever decides ------------------------------------------------------------------------------------


@router.get(_REQUESTS + "/{status}")
@door(Action.WRITE)
def list_requests(
    ask: Ask, kind: str, namespace: str, name: str, status: str, limit: int = PAGE, cursor: str = ""
) -> Response:
    """Requests that are ``pending``, ``accepted`` or ``rejected``, newest first."""
    repo = deciding.gated(ask.db, ask.actor, f"{namespace}/{name}", kind=kind)
    if status not in queries.STATUSES:
        raise BadListing(f"{status[:40]!r} is no list; use {', '.join(queries.STATUSES)}.")
    most = max(1, min(limit, queries.MAX_PAGE))
    page = queries.requests(ask.db, repo, status, limit=most, cursor=cursor or None)
    headers = next_page(ask.request, page.next_cursor) if page.next_cursor else {}
    return JSONResponse([schemas.request(one, ask.base_url) for one in page.requests], headers=headers)


@router.post(_REQUESTS + "/handle")
@door(Action.WRITE)
def handle(ask: Ask, kind: str, namespace: str, name: str, body: Handle) -> dict[str, Any]:
    """The request is accepted, rejected, or put back among those that wait."""
    admission = deciding.decide(
        ask.db,
        ask.actor,
        f"{namespace}/{name}",
        body.status,
        kind=kind,
        name=body.user,
        request_id=body.requestId,
        reason=body.rejectionReason,
    )
    return schemas.decided(admission, ask.base_url)


@router.post(_REQUESTS + "/grant")
@door(Action.WRITE)
def grant(ask: Ask, kind: str, namespace: str, name: str, body: Grant) -> dict[str, Any]:
    """The person or organisation is let in, whether it asked or not."""
    admission = deciding.grant(ask.db, ask.actor, f"{namespace}/{name}", body.user, kind=kind)
    return schemas.decided(admission, ask.base_url)


@router.get(_REPO + "/user-access-report")
@door(Action.WRITE)
def report(ask: Ask, kind: str, namespace: str, name: str, format: Format = "json") -> Response:
    """Every request with its answers, as a file."""
    return report_of(ask, kind, f"{namespace}/{name}", format)


def report_of(ask: Ask, kind: str, path: str, form: Format) -> Response:
    repo = deciding.gated(ask.db, ask.actor, path, kind=kind)

    def fetch(db: Any, last: Any) -> Any:
        after = last.admission.id if last else None
        return queries.requests(db, repo, None, limit=queries.MAX_PAGE, cursor=after).requests

    database, name = ask.request.app.state.database, f"access-{repo.name}"
    return exports.file(database, fetch, schemas.reported, schemas.REPORT_COLUMNS, form=form, name=name)


@router.get(_REPO + "/access-records")
@door(Action.WRITE)
def records(ask: Ask, kind: str, namespace: str, name: str, format: Format = "json") -> Response:
    """Evidence: who agreed to which terms when, and every decision, in their order, as a file."""
    repo = deciding.kept(ask.db, ask.actor, f"{namespace}/{name}", kind=kind)

    def fetch(db: Any, last: Any) -> Any:
        return queries.records(db, repo_id=repo.id, after=last)

    database, called = ask.request.app.state.database, f"access-records-{repo.name}"
    return exports.file(database, fetch, schemas.record, schemas.RECORD_COLUMNS, form=format, name=called)


# ---- for whoever asks ---------------------------------------------------------------------------------------


@router.get(_REPO + "/access-request")
@door(Action.LIST)
def my_request(ask: Ask, kind: str, namespace: str, name: str) -> dict[str, Any]:
    """Where the caller stands at the gate, what is asked of it, and what it has to agree to anew."""
    return schemas.mine(queries.mine(ask.db, ask.kit, ask.actor, f"{namespace}/{name}", kind=kind))


@router.put(_REPO + "/access-request")
@door(Action.LIST)
def ask_access(ask: Ask, kind: str, namespace: str, name: str, body: AskAccess) -> dict[str, Any]:
    """Agree to the terms, for oneself or for an organisation that one administers."""
    admission = asking.ask(
        ask.db,
        ask.kit,
        ask.actor,
        f"{namespace}/{name}",
        kind=kind,
        answers=body.fields,
        organisation=body.organization,
        agreed=body.terms,
    )
    return schemas.decided(admission, ask.base_url) | {"terms": admission.terms}


@router.delete(_REPO + "/access-request")
@door(Action.LIST)
def leave(ask: Ask, kind: str, namespace: str, name: str, organization: str | None = None) -> dict[str, Any]:
    """The request is withdrawn, or the access given up."""
    asking.leave(ask.db, ask.actor, f"{namespace}/{name}", kind=kind, organisation=organization)
    return {}


@router.get(_REPO + "/terms")
@door(Action.LIST)
def terms(ask: Ask, kind: str, namespace: str, name: str) -> list[dict[str, Any]]:
    """Which terms were in force since when, the newest first."""
    return [schemas.version(one) for one in queries.terms(ask.db, ask.actor, f"{namespace}/{name}", kind=kind)]


@router.get(_REPO + "/terms/{sha256}")
@door(Action.LIST)
def terms_text(ask: Ask, kind: str, namespace: str, name: str, sha256: str) -> Response:
    """The very bytes that have this SHA-256."""
    _, text = queries.text(ask.db, ask.kit, ask.actor, f"{namespace}/{name}", sha256, kind=kind)
    return _text(text)


# ---- for organisations --------------------------------------------------------------------------------------


@router.get("/api/organizations/{org}/access-requests")
@door(Action.READ)
def organisation(ask: Ask, org: str) -> dict[str, Any]:
    """What the organisation was let in to, and the members it stands for; for its members."""
    return schemas.covered(queries.organisation(ask.db, ask.actor, org))


@router.get("/api/organizations/{org}/access-records")
@door(Action.ADMIN)
def organisation_records(ask: Ask, org: str, format: Format = "json") -> Response:
    """Evidence of what the organisation agreed to, as a file; for its administrators."""
    account = queries.audited_organisation(ask.db, ask.actor, org)

    def fetch(db: Any, last: Any) -> Any:
        return queries.records(db, account_id=account.id, after=last)

    database, called = ask.request.app.state.database, f"access-records-{account.name}"
    return exports.file(database, fetch, schemas.record, schemas.RECORD_COLUMNS, form=format, name=called)


@router.get("/api/organizations/{org}/terms/{sha256}")
@door(Action.READ)
def organisation_terms(ask: Ask, org: str, sha256: str) -> Response:
    """A text that the organisation agreed to, also when its repository is gone; for its members."""
    return _text(queries.text_agreed(ask.db, ask.actor, org, sha256))


def _text(text: str) -> Response:
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
    return PlainTextResponse(text, headers=headers)
