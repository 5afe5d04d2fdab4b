"""Pipelines as pages: the list, one with its steps drawn and its last traces, and the form that serves one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import Form
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action
from freehold.accounts import csrf
from freehold.core.errors import BadRequest, Conflict, NotFound
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.inference.service import names as served
from freehold.pipelines import queries, service
from freehold.pipelines.queries import Seen
from freehold.pipelines.service import USUAL_PATH, Given
from freehold.pipelines.tables import PipelineTrace
from freehold.repos.rules import page_path
from freehold.web import flash
from freehold.web.forms import FINE, Wrong, wrong
from freehold.web.render import render

router = Router(include_in_schema=False)
Text = Annotated[str, Form()]
Csrf = Annotated[str, Form(alias="csrf")]
RECENT = 20
KINDS = {"model": "Model", "dataset": "Data set", "space": "Space"}
EXAMPLE = """\
title: Draft, check, polish
steps:
  - name: draft
    kind: generate
    model: {model}
    prompt: "Answer in three sentences: {{{{input}}}}"
  - name: sound
    kind: check
    check: {{kind: refusal}}
    refuse: I cannot answer that.
  - name: polish
    kind: rewrite
    of: draft
    model: {model}
    prompt: "Make this plain and polite: {{{{steps.draft.text}}}}"
"""


@dataclass(frozen=True)
class PipelinesPage:
    """The pipelines that the visitor may call or change."""

    title: str
    rows: Sequence[Seen]
    may_create: bool
    example: str  #: a file that would be one


@dataclass(frozen=True)
class PipelinePage:
    """One pipeline: its steps, how to call it, and for who may change it its last traces and what can be changed."""

    title: str
    pipeline: Seen
    file: str  #: the address of its file at the pinned revision; empty: not for the visitor
    traces: Sequence[PipelineTrace]
    example: str  #: a call of it, for a shell
    revision: str  #: as typed, or where it would be pinned next
    wrong: Wrong


@dataclass(frozen=True)
class PipelineFormPage:
    """The form that serves a file."""

    title: str
    typed: Given
    kinds: dict[str, str]
    wrong: Wrong


@router.get("/pipelines")
@door(Action.READ)
def listed(ask: Ask) -> Response:
    page = PipelinesPage(
        title="Pipelines",
        rows=queries.listed(ask.db, ask.actor),
        may_create=csrf.is_in_person(ask),
        example=EXAMPLE.format(model=_model(ask)),
    )
    return render(ask.request, page)


def _model(ask: Ask) -> str:
    """One for an example: the first that the reader may talk to, so that what is copied works."""
    return next((one.name for one in served.listed(ask.db, ask.actor) if "chat" in one.abilities), "lab/assistant")


@router.get("/pipelines/new")
@door(Action.CREATE_IN)
def new(ask: Ask, repo: str = "", kind: str = "model", path: str = USUAL_PATH) -> Response:
    if not csrf.is_in_person(ask):
        return RedirectResponse("/login?next=/pipelines/new", 303)
    return _form(ask, Given(repo[:193], path=path[:512], kind=kind if kind in KINDS else "model"))


@router.post("/pipelines/new")
@door(Action.CREATE_IN)
def serve(
    ask: Ask,
    repo: Text = "",
    kind: Text = "model",
    path: Text = USUAL_PATH,
    revision: Text = "main",
    name: Text = "",
    keeps: Text = "",
    token: Csrf = "",
) -> Response:
    csrf.check_in_person(ask, token)
    kind = kind if kind in KINDS else "model"
    typed = Given(repo.strip()[:193], name[:193], path[:600], revision[:255], kind, bool(keeps))
    try:
        made = service.serve(ask.db, ask.kit, ask.actor, typed)
    except (BadRequest, Conflict, NotFound) as err:
        ask.db.rollback()
        field = {"path": "path", "name": "name"}.get(err.field, "repo" if isinstance(err, NotFound) else "")
        return _form(ask, typed, Wrong(err.message, field), status=422)
    return flash.say(ask.request, RedirectResponse(f"/pipelines/{made.name}", 303), f"{made.name} answers from now on.")


@router.get("/pipelines/{namespace}/{called}")
@door(Action.READ)
def pipeline(ask: Ask, namespace: str, called: str) -> Response:
    return _page(ask, f"{namespace}/{called}")


@router.post("/pipelines/{namespace}/{called}/pin")
@door(Action.WRITE)
def pin(ask: Ask, namespace: str, called: str, revision: Text = "main", token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    name = f"{namespace}/{called}"
    try:
        made = service.pin(ask.db, ask.kit, ask.actor, name, revision[:255])
    except (BadRequest, NotFound) as err:
        ask.db.rollback()
        return _page(ask, name, revision[:255], wrong(err, "revision", called={err.field: "revision"}), status=422)
    said = f"{made.name} is pinned at {made.revision[:7]}: the next call goes by it."
    return flash.say(ask.request, RedirectResponse(f"/pipelines/{made.name}", 303), said)


@router.post("/pipelines/{namespace}/{called}/settings")
@door(Action.WRITE)
def change(ask: Ask, namespace: str, called: str, on: Text = "", keeps: Text = "", token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    made = service.change(ask.db, ask.actor, f"{namespace}/{called}", is_on=bool(on), keeps_content=bool(keeps))
    return flash.say(ask.request, RedirectResponse(f"/pipelines/{made.name}", 303), f"{made.name} is changed.")


@router.post("/pipelines/{namespace}/{called}/stop")
@door(Action.WRITE)
def stop(ask: Ask, namespace: str, called: str, token: Csrf = "") -> Response:
    csrf.check_in_person(ask, token)
    gone = service.stop(ask.db, ask.actor, f"{namespace}/{called}")
    said = f"{gone} is served no more; its file stays."
    return flash.say(ask.request, RedirectResponse("/pipelines", 303), said)


def _form(ask: Ask, typed: Given, refused: Wrong = FINE, status: int = 200) -> Response:
    return render(ask.request, PipelineFormPage("Serve a pipeline", typed, KINDS, refused), status=status)


def _page(ask: Ask, name: str, revision: str = "main", refused: Wrong = FINE, status: int = 200) -> Response:
    found, made = service.load(ask.db, ask.actor, name, Action.READ)
    seen = queries.seen(ask.db, ask.actor, found, made)
    file = f"{page_path(seen.repo_kind, seen.repo)}/blob/{seen.revision}/{quote(seen.path)}" if seen.repo else ""
    page = PipelinePage(
        title=seen.name,
        pipeline=seen,
        file=file,
        traces=queries.traces(ask.db, ask.actor, found, limit=RECENT),
        example=(
            f'curl {ask.base_url}/v1/chat/completions -H "Authorization: Bearer $HF_TOKEN" \\\n'
            f"  -H 'Content-Type: application/json' -H 'X-Freehold-Trace: 1' \\\n"
            f'  -d \'{{"model": "{seen.name}", "messages": [{{"role": "user", "content": "Hello"}}]}}\''
        ),
        revision=revision,
        wrong=refused,
    )
    return render(ask.request, page, status=status)
