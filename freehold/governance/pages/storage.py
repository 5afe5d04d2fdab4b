"""Storage: what is kept and for whom, what could go, and the runs that free and check it."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from freehold.access.rules import Action
from freehold.core.errors import BadRequest
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.governance import access, rules
from freehold.governance.pages.forms import Csrf, act
from freehold.governance.queries import health, repositories, storage
from freehold.governance.queries.repositories import Row, Wanted
from freehold.governance.queries.storage import Owned, Totals
from freehold.governance.rules import Lot
from freehold.governance.service import upkeep
from freehold.governance.tables import UpkeepRun
from freehold.web.render import render

router = Router(include_in_schema=False)
ROOT = "/admin/storage"
LARGEST = 10


@dataclass(frozen=True)
class StoragePage:
    """What is kept on the hub, by owner; what nothing needs any more; the newest runs."""

    title: str
    totals: Totals
    free_bytes: int | None  #: left where the store is a directory; None: it is elsewhere
    where: str  #: the store is
    owners: Sequence[Owned]
    is_cut: bool  #: there are more owners
    lots: Sequence[Lot]  #: the owners as parcels of a plan
    largest: Sequence[Row]
    rehearsal: UpkeepRun | None  #: the last one
    collected: UpkeepRun | None
    scrubbed: UpkeepRun | None
    runs: Sequence[UpkeepRun]
    error: str
    root: str = ROOT
    area: str = "admin"


@router.get(ROOT)
@door(Action.ADMIN)
def storage_page(ask: Ask) -> Response:
    access.administer(ask.actor)
    return _storage(ask)


@router.post(ROOT + "/{kind}")
@door(Action.ADMIN)
def run(ask: Ask, kind: str, token: Csrf = "") -> Response:
    """Rehearse the collector, run it, or scrub."""

    def change() -> None:
        if kind not in upkeep.KINDS:
            raise BadRequest("There is no such upkeep.")
        upkeep.ask(ask.db, ask.actor, kind)

    said = {
        "rehearse": "The collector rehearses; nothing is deleted by that.",
        "collect": "The collector runs as soon as a worker is free.",
        "scrub": "The scrub begins as soon as a worker is free.",
    }.get(kind, "")
    return act(ask, token, change, to=ROOT, said=said, again=lambda error: _storage(ask, error))


def _storage(ask: Ask, error: str = "") -> Response:
    access.administer(ask.actor)
    settings, db = ask.kit.settings, ask.db
    owners = storage.by_owner(db, limit=storage.MAX_OWNERS + 1)
    page = StoragePage(
        title="Storage",
        totals=storage.totals(db),
        free_bytes=health.free_bytes(settings),
        where=settings.store.partition("://")[0],
        owners=owners[: storage.MAX_OWNERS],
        is_cut=len(owners) > storage.MAX_OWNERS,
        lots=rules.plan([(owner.name, owner.size_bytes) for owner in owners]),
        largest=repositories.listed(db, Wanted(), limit=LARGEST)[0],
        rehearsal=storage.last_run(db, "rehearse"),
        collected=storage.last_run(db, "collect"),
        scrubbed=storage.last_run(db, "scrub"),
        runs=storage.runs(db),
        error=error,
    )
    return render(ask.request, page, status=422 if error else 200)
