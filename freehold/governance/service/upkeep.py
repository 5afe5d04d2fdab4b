"""Upkeep that somebody asked for: rehearse or run the collector, scrub the store. As a background task, one at a time.

``report`` of a run: for the collector ``ended_claims``, ``pruned``, ``doomed`` and ``doomed_bytes`` by kind,
``deleted``, ``deleted_bytes``, ``waiting``, ``waiting_bytes``; for the scrub ``objects``, ``bytes``, ``damaged`` and
the first ``problems``, written down while it goes on.
"""

import time
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.content.kit import Kit
from freehold.content.service import scrubbing
from freehold.content.service.collecting import Collector, Report
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.errors import Conflict
from freehold.core.ids import ordered_id
from freehold.governance import access
from freehold.governance.service import trail
from freehold.governance.service.trail import Thing
from freehold.governance.tables import UpkeepRun
from freehold.tasks.queue import enqueue
from freehold.tasks.rules import GiveUp, Kind, error_text
from freehold.tasks.tables import Task
from freehold.tasks.worker import Turn

#: A scrub reads every byte there is: on large stores, for days.
UPKEEP = Kind("governance.upkeep", timeout_s=7 * 86400, max_attempts=3, at_once=1)
KINDS = ("rehearse", "collect", "scrub")
SAID_S = 5.0
MAX_PROBLEMS = 50
KEEP_RUNS = 200


def ask(db: Session, actor: Actor, kind: str) -> UpkeepRun:
    """The run begins as soon as a worker is free. Raises ``Conflict`` while one of its kind has not ended."""
    access.administer(actor, writes=True)
    assert kind in KINDS, f"{kind} is no upkeep"
    open_ = db.scalars(select(UpkeepRun).where(UpkeepRun.kind == kind, UpkeepRun.ended_at.is_(None))).all()
    if open_ and _is_at_work(db):
        raise Conflict("One has not ended yet. Wait for it.")
    for lost in open_:
        lost.ended_at, lost.error = clock.now(), "It was broken off, and nobody took it up again."
    run = UpkeepRun(
        id=ordered_id(),
        kind=kind,
        by_name=actor.name[:96],
        asked_at=clock.now(),
        began_at=None,
        ended_at=None,
        report={},
        error="",
    )
    db.add(run)
    db.flush()
    enqueue(db, UPKEEP, key="upkeep", run_id=run.id)
    trail.record(db, "upkeep.asked", Thing("hub", run.id, kind), actor=actor)
    return run


def _is_at_work(db: Session) -> bool:
    alive = select(Task.id).where(Task.name == UPKEEP.name, Task.due_at.is_not(None))
    return db.scalar(alive.limit(1)) is not None


def carry_out(turn: Turn, kit: Kit, run_id: str) -> None:
    """The run is done, or it is written down why not."""
    database = turn.database
    with database.write() as db:
        run = db.get(UpkeepRun, run_id)
        if run is None or run.ended_at is not None:
            return
        run.began_at, kind = clock.now(), run.kind
    try:
        report = _scrub(database, kit, run_id) if kind == "scrub" else _collect(database, kit, kind)
    except Exception as err:
        _note(database, run_id, None, error=error_text(err), ends=True)
        raise GiveUp(error_text(err)) from err
    _note(database, run_id, report, ends=True)


def _collect(database: Database, kit: Kit, kind: str) -> dict[str, Any]:
    collector = Collector(database, kit)
    return _figures(collector.dry_run() if kind == "rehearse" else collector.turn())


def _figures(report: Report) -> dict[str, Any]:
    return {
        "ended_claims": report.ended_claims,
        "pruned": len(report.pruned),
        "pruned_bytes": report.pruned_bytes,
        "doomed": dict(report.doomed),
        "doomed_bytes": dict(report.doomed_bytes),
        "deleted": report.deleted,
        "deleted_bytes": report.deleted_bytes,
        "waiting": report.waiting,
        "waiting_bytes": report.waiting_bytes,
    }


def _scrub(database: Database, kit: Kit, run_id: str) -> dict[str, Any]:
    objects = size_bytes = damaged = 0
    problems: list[str] = []
    said_at = time.monotonic()

    def report() -> dict[str, Any]:
        return {"objects": objects, "bytes": size_bytes, "damaged": damaged, "problems": problems}

    for checked in scrubbing.scrub(database, kit):
        objects, size_bytes = objects + 1, size_bytes + checked.size_bytes
        if checked.problem:
            damaged += 1
            if len(problems) < MAX_PROBLEMS:
                problems.append(f"{checked.key} {checked.problem}"[:300])
        if time.monotonic() - said_at > SAID_S:
            said_at = time.monotonic()
            _note(database, run_id, report())
    return report()


def _note(
    database: Database, run_id: str, report: dict[str, Any] | None, *, error: str = "", ends: bool = False
) -> None:
    with database.write() as db:
        run = db.get(UpkeepRun, run_id)
        if run is None:
            return
        if report is not None:
            run.report = report
        run.error = error
        if ends:
            run.ended_at = clock.now()
            old = db.scalars(select(UpkeepRun).order_by(UpkeepRun.id.desc()).offset(KEEP_RUNS)).all()
            for one in old:
                db.delete(one)
