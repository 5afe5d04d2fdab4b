"""New repositories, as a page."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action, Actor, Thing, decide
from freehold.accounts import csrf
from freehold.accounts.queries import names
from freehold.core.errors import BadRequest, Conflict, Forbidden
from freehold.core.http import Ask, door
from freehold.repos import rules, service
from freehold.repos.heads import ONE
from freehold.web.render import render

router = APIRouter(include_in_schema=False)
#: What the form makes; a kernel is published by its own tools.
OFFERED = ("model", "dataset", "space")


@dataclass(frozen=True)
class NewPage:
    """The form for a new repository."""

    title: str
    kind: str
    kind_word: str  #: ``data set``
    namespaces: tuple[str, ...]  #: where the visitor may create
    namespace: str  #: what was chosen
    name: str  #: what was typed
    visibility: str
    sdk: str
    sdks: tuple[str, ...]
    error: str
    hub: str  #: this hub's address, for the lines to paste


@router.get("/new")
@door(Action.CREATE_IN)
def new_page(ask: Ask, kind: str = "model", owner: str = "") -> Response:
    kind = kind if kind in OFFERED else "model"
    if ask.actor.is_anonymous:
        return RedirectResponse(f"/login?next=/new%3Fkind%3D{kind}", 303)
    return _form(ask, kind, namespace=owner)


@router.post("/new")
@door(Action.CREATE_IN)
def create(
    ask: Ask,
    kind: Annotated[str, Form()] = "model",
    namespace: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    visibility: Annotated[str, Form()] = "private",
    sdk: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check(ask.request, token)
    kind = kind if kind in OFFERED else "model"
    try:
        repo = service.create(
            ask.db, ask.actor, name.strip(), namespace=namespace, kind=kind, visibility=visibility, sdk=sdk or None
        )
    except (BadRequest, Conflict, Forbidden) as err:
        ask.db.rollback()  # a lost race for the name leaves the transaction unusable
        return _form(
            ask, kind, namespace=namespace, name=name, visibility=visibility, sdk=sdk, error=err.message, status=422
        )
    return RedirectResponse(rules.page_path(kind, repo.path), 303)


def _form(
    ask: Ask,
    kind: str,
    *,
    namespace: str = "",
    name: str = "",
    visibility: str = "private",
    sdk: str = "",
    error: str = "",
    status: int = 200,
) -> Response:
    page = NewPage(
        title=f"New {ONE[kind]}",
        kind=kind,
        kind_word=ONE[kind],
        namespaces=_namespaces(ask),
        namespace=namespace[:96] or ask.actor.name,
        name=name[:200],
        visibility=visibility if visibility in rules.VISIBILITIES else "private",
        sdk=sdk,
        sdks=rules.SDKS if kind == "space" else (),
        error=error,
        hub=ask.base_url,
    )
    return render(ask.request, page, status=status)


def _namespaces(ask: Ask) -> tuple[str, ...]:
    """Where the actor may create: its own name, and organisations that let it."""
    actor: Actor = ask.actor
    allowed = [org for org in actor.roles if decide(actor, Action.CREATE_IN, Thing(org, "private"))]
    return (actor.name, *names(ask.db, allowed))
