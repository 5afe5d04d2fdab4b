"""Health: how the hub and what it stands on are doing; as a page and as JSON. And the overview of all."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

import freehold
from freehold.access.rules import Action
from freehold.core import clock, migrate
from freehold.core.http import Ask, door, unit_of_work, work_door
from freehold.core.routes import Router
from freehold.governance import access
from freehold.governance.pages.audit import Line, shown_line
from freehold.governance.queries import health, people, storage, trail
from freehold.governance.queries.health import Figures, Finding
from freehold.governance.queries.people import Figures as Counted
from freehold.governance.queries.storage import Totals
from freehold.governance.queries.trail import Filter
from freehold.tasks import queue
from freehold.tasks.queue import Counts
from freehold.web.render import render

router = Router(include_in_schema=False)
OVERVIEW = "/admin"
ROOT = "/admin/health"
NEWEST = 10


@dataclass(frozen=True)
class OverviewPage:
    """The few figures that matter, what wants attention, and what was done last."""

    title: str
    counted: Counted
    totals: Totals
    tasks: Counts
    attention: Sequence[tuple[str, str, str]]  #: what, where it is looked into, and how bad: warn or danger
    lines: Sequence[Line]
    root: str = OVERVIEW
    area: str = "admin"


@dataclass(frozen=True)
class HealthPage:
    """Every finding, and the figures of now."""

    title: str
    findings: Sequence[Finding]
    figures: Figures
    version: str
    schema: str
    root: str = ROOT
    area: str = "admin"


@router.get(OVERVIEW)
@door(Action.ADMIN)
def overview_page(ask: Ask) -> Response:
    access.administer(ask.actor)
    db = ask.db
    page = OverviewPage(
        title="Administration",
        counted=people.figures(db),
        totals=storage.totals(db),
        tasks=queue.counts(db),
        attention=health.attention(db, ask.kit.settings),
        lines=[shown_line(entry) for entry in trail.entries(db, Filter(), limit=NEWEST)],
    )
    return render(ask.request, page)


@router.get(ROOT)
@work_door(Action.ADMIN)
def health_page(request: Request) -> Response:
    with unit_of_work(request) as ask:
        access.administer(ask.actor)
    state = request.app.state  # outside of the transaction: the probes take a moment, and open their own
    page = HealthPage(
        title="Health",
        findings=_findings(state),
        figures=health.figures(state.kit.settings, state.database, state.kit.store),
        version=freehold.__version__,
        schema=migrate.head(),
    )
    return render(request, page)


@router.get(ROOT + ".json")
@work_door(Action.ADMIN)
def health_document(request: Request) -> Response:
    """For monitoring, with an administrator's token: 200 while nothing is wrong, else 503."""
    with unit_of_work(request) as ask:
        access.administer(ask.actor)
    state = request.app.state
    findings = _findings(state)
    is_well = not any(finding.advice and finding.is_fatal for finding in findings)
    told = {
        "well": is_well,
        "version": freehold.__version__,
        "at": clock.wire(clock.now()),
        "findings": [asdict(finding) for finding in findings],
        "index": asdict(state.index.state()),
        "figures": asdict(health.figures(state.kit.settings, state.database, state.kit.store)),
    }
    return JSONResponse(told, status_code=200 if is_well else 503, headers={"Cache-Control": "no-store"})


def _findings(state: Any) -> list[Finding]:
    found = health.examine_running(state.kit.settings, state.database, state.kit.store)
    return [*found, health.of_index(state.index.state())]
