"""Background tasks: the queue, and what is done every so often."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from freehold.access.rules import Action
from freehold.core import clock
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.governance import access
from freehold.governance.pages.forms import Csrf, act, search
from freehold.governance.service import work
from freehold.tasks import queue
from freehold.tasks.periodic import Periodic
from freehold.tasks.queue import Counts
from freehold.tasks.tables import Task
from freehold.tasks.worker import describe
from freehold.web.render import render

router = Router(include_in_schema=False)
ROOT = "/admin/tasks"
STATES = ("failed", "late", "running", "waiting")
SHOWN = 200


@dataclass(frozen=True)
class Line:
    """A task as it is shown."""

    task: Task
    state: str  #: one of ``STATES``
    about: str
    due_at: datetime | None


@dataclass(frozen=True)
class TasksPage:
    """What waits, runs and failed, and how the periodic work of this node goes."""

    title: str
    lines: Sequence[Line]
    counts: Counts
    state: str
    name: str
    states: Sequence[str]
    is_cut: bool  #: there are more than are shown
    periodics: Sequence[Periodic]
    error: str
    root: str = ROOT
    area: str = "admin"


@router.get(ROOT)
@door(Action.ADMIN)
def tasks_page(ask: Ask) -> Response:
    access.administer(ask.actor)
    return _list(ask)


@router.post(ROOT + "/-/retry")
@door(Action.ADMIN)
def retry_all(ask: Ask, token: Csrf = "") -> Response:
    return act(
        ask, token, lambda: work.retry_all(ask.db, ask.actor),
        to=ROOT, said="What had failed is tried again.", again=lambda error: _list(ask, error),
    )  # fmt: skip


@router.post(ROOT + "/{task_id}/retry")
@door(Action.ADMIN)
def retry(ask: Ask, task_id: str, token: Csrf = "") -> Response:
    return act(
        ask, token, lambda: work.retry(ask.db, ask.actor, task_id),
        to=ROOT, said="The task is tried again.", again=lambda error: _list(ask, error),
    )  # fmt: skip


@router.post(ROOT + "/{task_id}/drop")
@door(Action.ADMIN)
def drop(ask: Ask, task_id: str, token: Csrf = "") -> Response:
    return act(
        ask, token, lambda: work.drop(ask.db, ask.actor, task_id),
        to=ROOT, said="The task is forgotten.", again=lambda error: _list(ask, error),
    )  # fmt: skip


def _list(ask: Ask, error: str = "") -> Response:
    access.administer(ask.actor)
    state, name = ask.request.query_params.get("state", ""), search(ask, "name")
    state = state if state in STATES else ""
    found = queue.listed(ask.db, state=state, name=name, limit=SHOWN + 1)
    page = TasksPage(
        title="Background tasks",
        lines=[_line(task) for task in found[:SHOWN]],
        counts=queue.counts(ask.db),
        state=state,
        name=name,
        states=STATES,
        is_cut=len(found) > SHOWN,
        periodics=getattr(ask.request.app.state, "periodics", ()),
        error=error,
    )
    return render(ask.request, page, status=422 if error else 200)


def _line(task: Task) -> Line:
    if task.due_at is None:
        state = "failed"
    elif task.lease is not None:
        state = "running"
    else:
        state = "late" if task.due_at < clock.now() else "waiting"
    return Line(task, state, describe(task.values), task.due_at)
