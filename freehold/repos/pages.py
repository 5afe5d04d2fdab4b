"""New repositories and the settings of those that are there, as pages."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action, Actor, Thing, decide
from freehold.accounts import csrf
from freehold.accounts.queries import names
from freehold.core.errors import BadRequest, Conflict, Forbidden
from freehold.core.http import Ask, door
from freehold.repos import paths, rules, service
from freehold.repos.heads import ONE, head
from freehold.web import flash
from freehold.web.components import RepoHead
from freehold.web.render import render

paths.register()
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


# ---- settings ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SettingsPage:
    """What an owner may set of a repository, one form each. ``failed`` names the form that ``error`` is about."""

    title: str
    area: str
    kind: str
    kind_word: str
    head: RepoHead
    visibility: str
    gated: str
    discussions_disabled: bool
    namespaces: tuple[str, ...]  #: where it may be moved to
    namespace: str
    name: str  #: what was typed for its name
    failed: str
    error: str


_REPO = "/{kind:prefix}{namespace}/{name}"


@router.get(_REPO + "/settings")
@door(Action.ADMIN)
def settings_page(ask: Ask, kind: str, namespace: str, name: str) -> Response:
    return _settings(ask, kind, f"{namespace}/{name}")


@router.post(_REPO + "/settings")
@door(Action.ADMIN)
def set_settings(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    visibility: Annotated[str, Form()] = "",
    gated: Annotated[str, Form()] = "",
    discussions: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check_in_person(ask, token)
    path = f"{namespace}/{name}"
    changes = service.Changes(visibility=visibility, gated=gated, discussions_disabled=discussions != "open")
    try:
        repo = service.change_settings(ask.db, ask.actor, path, changes, kind=kind)
    except BadRequest as err:
        return _settings(ask, kind, path, failed="general", error=err.message)
    answer = RedirectResponse(f"{rules.page_path(kind, repo.path)}/settings", 303)
    return flash.say(ask.request, answer, "Settings saved.")


@router.post(_REPO + "/settings/name")
@door(Action.ADMIN)
def rename(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    to_namespace: Annotated[str, Form()] = "",
    to_name: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check_in_person(ask, token)
    path = f"{namespace}/{name}"
    try:
        repo = service.move(ask.db, ask.actor, path, f"{to_namespace}/{to_name.strip()}", kind=kind)
    except (BadRequest, Conflict, Forbidden) as err:
        ask.db.rollback()  # a lost race for the name leaves the transaction unusable
        return _settings(ask, kind, path, name=to_name, failed="name", error=err.message)
    answer = RedirectResponse(f"{rules.page_path(kind, repo.path)}/settings", 303)
    return flash.say(ask.request, answer, f"It is called {repo.path} now.")


@router.post(_REPO + "/settings/delete")
@door(Action.ADMIN)
def delete(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    confirm: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check_in_person(ask, token)
    path = f"{namespace}/{name}"
    repo = service.load(ask.db, ask.actor, path, Action.ADMIN, kind=kind)
    if confirm.strip() != repo.path:
        return _settings(ask, kind, path, failed="delete", error=f"Type {repo.path} to delete it.")
    service.delete_repo(ask.db, ask.actor, path, kind=kind)
    return flash.say(ask.request, RedirectResponse(f"/{repo.owner.name}", 303), f"{repo.path} is deleted.")


def _settings(ask: Ask, kind: str, path: str, *, name: str = "", failed: str = "", error: str = "") -> Response:
    repo = service.load(ask.db, ask.actor, path, Action.ADMIN, kind=kind)
    page = SettingsPage(
        title=f"Settings of {repo.path}",
        area=repo.kind,
        kind=repo.kind,
        kind_word=ONE[repo.kind],
        head=head(repo, actor=ask.actor),
        visibility=repo.visibility,
        gated=repo.gated,
        discussions_disabled=repo.discussions_disabled,
        namespaces=tuple(dict.fromkeys((repo.owner.name, *_namespaces(ask)))),
        namespace=repo.owner.name,
        name=name[:200] or repo.name,
        failed=failed,
        error=error,
    )
    return render(ask.request, page, status=422 if error else 200)
