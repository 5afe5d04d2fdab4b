"""A new repository, as a page: whose it is, its name, its licence, who sees it, and the card it starts with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from starlette.responses import JSONResponse, RedirectResponse, Response

from freehold.access.rules import Action, Actor, Thing, decide
from freehold.accounts import csrf
from freehold.accounts import queries as accounts
from freehold.core.errors import BadRequest, Conflict, Forbidden, HubError
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.repos import licences, rules, service
from freehold.repos.events import FirstCard
from freehold.repos.heads import ONE
from freehold.web.flash import say
from freehold.web.render import render

router = Router(include_in_schema=False)
#: What the form makes; a kernel is published by its own tools.
OFFERED = ("model", "dataset", "space")
MAX_NAMESPACES = 500


@dataclass(frozen=True)
class Owner:
    """A namespace that the visitor may create in. ``is_private``: its new repositories are, unless said otherwise."""

    name: str
    is_private: bool


@dataclass(frozen=True)
class NewPage:
    """The form for a new repository."""

    title: str
    area: str
    kind: str
    kind_word: str  #: ``data set``
    kinds: Mapping[str, str]  #: every kind that can be made here, in words
    owners: tuple[Owner, ...]
    namespace: str  #: what was chosen
    name: str  #: what was typed
    suggestion: str  #: a name like it that can be, or empty
    visibility: str
    licence: str
    licences: Mapping[str, Mapping[str, str]]
    has_card: bool  #: whether it starts with one
    sdk: str
    sdks: tuple[str, ...]
    error: str
    is_name_wrong: bool  #: whether ``error`` is about the name
    hub: str  #: this hub's address, for the lines to paste


@router.get("/new")
@door(Action.CREATE_IN)
def new_page(ask: Ask, kind: str = "model", owner: str = "", name: str = "") -> Response:
    kind = kind if kind in OFFERED else "model"
    if ask.actor.is_anonymous:
        return RedirectResponse(f"/login?next=/new%3Fkind%3D{kind}", 303)
    return _form(ask, kind, namespace=owner, name=name)


@router.get("/new/name")
@door(Action.CREATE_IN)
def check_name(ask: Ask, kind: str = "model", namespace: str = "", name: str = "") -> Response:
    """Whether a repository may be called so, while somebody types: ``{"problem", "suggestion"}``, empty for fine."""
    problem, suggestion = _problem(ask, kind if kind in OFFERED else "model", namespace[:200], name[:200].strip())
    return JSONResponse({"problem": problem, "suggestion": suggestion}, headers={"Cache-Control": "no-store"})


def _problem(ask: Ask, kind: str, namespace: str, name: str) -> tuple[str, str]:
    try:
        service.owner_of_new(ask.db, ask.actor, name, namespace=namespace or None, kind=kind)
    except BadRequest as err:
        return err.message, rules.suggested_name(name)
    except HubError as err:
        return err.message, ""
    return "", ""


@router.post("/new")
@door(Action.CREATE_IN)
def create(
    ask: Ask,
    kind: Annotated[str, Form()] = "model",
    namespace: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    visibility: Annotated[str, Form()] = "",
    sdk: Annotated[str, Form()] = "",
    licence: Annotated[str, Form()] = "",
    card: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check(ask.request, token)
    kind, name = kind if kind in OFFERED else "model", name.strip()
    licence = licence if licence in licences.WORDS else ""
    try:
        repo = service.create(
            ask.db,
            ask.actor,
            name,
            namespace=namespace,
            kind=kind,
            visibility=visibility or None,
            sdk=sdk or None,
            # What a licence is written into is the card, asked for or not.
            card=FirstCard(licence) if card or licence else None,
        )
    except (BadRequest, Conflict, Forbidden) as err:
        ask.db.rollback()  # a lost race for the name leaves the transaction unusable
        typed = {"namespace": namespace, "name": name, "visibility": visibility, "licence": licence, "sdk": sdk}
        return _form(ask, kind, **typed, has_card=bool(card), error=err.message, status=422)
    first_steps = RedirectResponse(f"{rules.page_path(kind, repo.path)}/upload/main", 303)
    return say(ask.request, first_steps, f"{repo.path} is there. Bring its first files, here or from a terminal.")


def _form(
    ask: Ask,
    kind: str,
    *,
    namespace: str = "",
    name: str = "",
    visibility: str = "",
    licence: str = "",
    has_card: bool = True,
    sdk: str = "",
    error: str = "",
    status: int = 200,
) -> Response:
    owners = _owners(ask)
    chosen = next((one for one in owners if one.name.lower() == namespace.lower()), owners[0])
    problem, suggestion = _problem(ask, kind, chosen.name, name) if error else ("", "")
    usual = "private" if chosen.is_private else "public"
    page = NewPage(
        title=f"New {ONE[kind]}",
        area=kind,
        kind=kind,
        kind_word=ONE[kind],
        kinds={one: ONE[one] for one in OFFERED},
        owners=owners,
        namespace=chosen.name,
        name=name[:200],
        suggestion=suggestion,
        visibility=visibility if visibility in rules.VISIBILITIES else usual,
        licence=licence,
        licences=licences.GROUPS,
        has_card=has_card,
        sdk=sdk,
        sdks=rules.SDKS if kind == "space" else (),
        error=error,
        is_name_wrong=bool(problem),
        hub=ask.base_url,
    )
    return render(ask.request, page, status=status)


def _owners(ask: Ask) -> tuple[Owner, ...]:
    """Where the actor may create: its own name first, then organisations that let it."""
    rows = accounts.by_id(ask.db, [ask.actor.id, *creates_in(ask.actor)[:MAX_NAMESPACES]])
    found = sorted(rows, key=lambda account: account.id != ask.actor.id)
    return tuple(Owner(account.name, account.private_by_default) for account in found)


def creates_in(actor: Actor) -> list[str]:
    """The ids of the organisations that let ``actor`` create in them."""
    return [org for org in actor.roles if decide(actor, Action.CREATE_IN, Thing(org, "private"))]
