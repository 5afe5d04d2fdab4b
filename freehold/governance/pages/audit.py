"""The trail as pages and files: of the whole hub for its administrators, of an organisation for its own."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from freehold.access.rules import Action
from freehold.accounts import csrf
from freehold.accounts.tables import Account
from freehold.core import clock
from freehold.core.http import Ask, door, unit_of_work, work_door
from freehold.core.routes import Router
from freehold.governance import access, rules
from freehold.governance.queries import trail
from freehold.governance.queries.trail import Filter
from freehold.governance.tables import AuditEntry
from freehold.people.access import organization
from freehold.web.render import render
from freehold.web.sheets import safe_cell

router = Router(include_in_schema=False)
ROOT = "/admin/audit"
COLUMNS = (
    "at", "verb", "actor", "actor_id", "via", "address", "thing_kind", "thing", "thing_id", "details", "request_id",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """An entry as it is shown."""

    entry: AuditEntry
    words: str
    link: str  #: where what it is about is, if it has a page
    details: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class AuditPage:
    """The trail of the hub."""

    title: str
    root: str  #: address of this page
    lines: Sequence[Line]
    filter: Filter
    subjects: Sequence[str]
    next: str  #: address of what is older; empty: nothing is
    first: str  #: address of the newest; empty: this is it
    query: str  #: the filter as a query, for the exports
    chain: trail.Chain
    area: str = "admin"


@dataclass(frozen=True)
class OrganizationAuditPage:
    """What was done in and to one organisation. Where people called from is not its business."""

    title: str
    org: Account
    root: str
    lines: Sequence[Line]
    filter: Filter
    subjects: Sequence[str]
    next: str
    first: str
    query: str


@router.get(ROOT)
@door(Action.ADMIN)
def audit_page(ask: Ask) -> Response:
    access.administer(ask.actor)
    wanted = trail.parsed(ask.request.query_params)
    lines, shown = _shown(ask, wanted, ROOT)
    page = AuditPage("Audit trail", ROOT, lines, wanted, rules.SUBJECTS, *shown, chain=trail.chain(ask.db))
    return render(ask.request, page)


@router.get("/organizations/{org}/settings/audit")
@door(Action.ADMIN)
def organization_page(ask: Ask, org: str) -> Response:
    root = f"/organizations/{quote(org, safe='')}/settings/audit"
    if not csrf.is_in_person(ask):
        return RedirectResponse(f"/login?next={root}", 303)
    found = organization(ask.db, ask.actor, org, Action.ADMIN)
    wanted = trail.parsed(ask.request.query_params, owner_id=found.id)
    lines, shown = _shown(ask, wanted, root)
    page = OrganizationAuditPage(f"Audit trail of {found.name}", found, root, lines, wanted, rules.SUBJECTS, *shown)
    return render(ask.request, page)


def _shown(ask: Ask, wanted: Filter, root: str) -> tuple[list[Line], tuple[str, str, str]]:
    """The lines of a page; the addresses of the next and of the first one, and the filter as a query."""
    before = ask.request.query_params.get("before", "")[:24]
    found = trail.entries(ask.db, wanted, before=before, limit=trail.PAGE + 1)
    given = wanted.given()
    more = ""
    if len(found) > trail.PAGE:
        more = f"{root}?{urlencode(given | {'before': found[trail.PAGE - 1].id})}"
    query = urlencode(given)
    first = f"{root}?{query}".rstrip("?") if before else ""
    return [shown_line(entry) for entry in found[: trail.PAGE]], (more, first, query)


def shown_line(entry: AuditEntry) -> Line:
    """The entry in words."""
    told = [(name, _told(value)) for name, value in entry.details.items()]
    page = rules.page_of(entry.thing_kind, entry.thing_name) if entry.thing_id else ""
    return Line(entry, rules.words(entry.verb), page, told)


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


# ---- files -------------------------------------------------------------------------------------------------


@router.get(ROOT + "/export.{form}")
@work_door(Action.ADMIN)
def export(request: Request, form: str) -> Response:
    with unit_of_work(request) as ask:
        access.administer(ask.actor)
        wanted = trail.parsed(request.query_params)
    return _file(request, form, wanted, tells_address=True)


@router.get("/organizations/{org}/settings/audit/export.{form}")
@work_door(Action.ADMIN)
def export_organization(request: Request, org: str, form: str) -> Response:
    with unit_of_work(request) as ask:
        wanted = trail.parsed(request.query_params, owner_id=organization(ask.db, ask.actor, org, Action.ADMIN).id)
    return _file(request, form, wanted, tells_address=False)


def _file(request: Request, form: str, wanted: Filter, *, tells_address: bool) -> Response:
    """Streamed a batch at a time; ``trail.MAX_EXPORTED`` entries at most."""
    writes: Callable[[Sequence[dict[str, Any]]], str] = _csv if form == "csv" else _json_lines
    batches = trail.exported(request.app.state.database, wanted)

    def pieces() -> Iterator[str]:
        if form == "csv":
            yield ",".join(COLUMNS) + "\r\n"
        for batch in batches:
            yield writes([_row(entry, tells_address=tells_address) for entry in batch])

    name = f"audit-{clock.now():%Y%m%d}.{'csv' if form == 'csv' else 'jsonl'}"
    return StreamingResponse(
        pieces(),
        media_type="text/csv; charset=utf-8" if form == "csv" else "application/x-ndjson",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def _row(entry: AuditEntry, *, tells_address: bool) -> dict[str, Any]:
    return {
        "at": clock.wire(entry.at),
        "verb": entry.verb,
        "actor": entry.actor_name,
        "actor_id": entry.actor_id or "",
        "via": entry.via,
        "address": entry.address if tells_address else "",
        "thing_kind": entry.thing_kind,
        "thing": entry.thing_name,
        "thing_id": entry.thing_id,
        "details": entry.details,
        "request_id": entry.request_id if tells_address else "",
    }


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    for row in rows:
        cells = [json.dumps(row[name]) if name == "details" else str(row[name]) for name in COLUMNS]
        writer.writerow([safe_cell(cell) for cell in cells])
    return out.getvalue()


def _json_lines(rows: Sequence[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
