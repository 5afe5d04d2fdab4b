"""The settings of a repository as pages: who sees it, what it is called, and its end."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action
from freehold.accounts import csrf
from freehold.accounts.queries import names
from freehold.core.errors import BadRequest, Conflict, Forbidden
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.repos import paths, rules, service
from freehold.repos.heads import ONE, head
from freehold.repos.pages import creating
from freehold.web import flash
from freehold.web.components import RepoHead
from freehold.web.render import render

paths.register()
router = Router(include_in_schema=False)


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
    goes: tuple[str, ...]  #: what is deleted with it, in words
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
        goes=tuple(words for fill in ask.request.app.state.slots.repo_goods if (words := fill(ask, repo))),
        failed=failed,
        error=error,
    )
    return render(ask.request, page, status=422 if error else 200)


def _namespaces(ask: Ask) -> tuple[str, ...]:
    """Where the actor may move it: its own name, and organisations that let it create."""
    return (ask.actor.name, *names(ask.db, creating.creates_in(ask.actor)))
