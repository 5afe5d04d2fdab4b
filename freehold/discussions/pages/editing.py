"""A text file changed in a browser: by whoever may write it at once, by everybody else as a proposal."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action, Actor
from freehold.accounts import csrf
from freehold.content.rules import BRANCHES
from freehold.core.errors import HubError
from freehold.core.http import Ask, door, quoted, unit_of_work
from freehold.discussions import service
from freehold.discussions.pages import shown
from freehold.repos import paths
from freehold.repos import service as repos
from freehold.repos.heads import head
from freehold.repos.rules import page_path
from freehold.web.components import RepoHead
from freehold.web.render import render

paths.register()
router = APIRouter(include_in_schema=False)
FILE = "/{kind:prefix}{namespace}/{name}/edit/{rev:segment}/{file:rest}"
#: What the form shows again instead of an error page: the writer's words must not be lost.
TOLD_IN_FORM = (400, 409, 412, 413, 422)


@dataclass(frozen=True)
class EditPage:
    """A file to change, with what becomes of the changes."""

    title: str
    area: str
    head: RepoHead
    revision: str
    path: str
    parent: str
    text: str
    summary: str
    description: str
    is_new: bool
    may_commit: bool
    may_propose: bool
    cancel: str
    error: str


@router.get(FILE)
@door(Action.READ)
def form(ask: Ask, kind: str, namespace: str, name: str, rev: str, file: str) -> Response:
    path = f"{namespace}/{name}"
    rev, file = _literal_ref(rev, file)
    repo = repos.load(ask.db, ask.actor, path, Action.READ, kind=kind)
    if ask.actor.is_anonymous:
        return RedirectResponse(shown.login(f"{head(repo).address}/edit/{quoted(rev)}/{quote(file)}"), 303)
    return _page(ask, kind, path, rev, file)


def _page(
    ask: Ask,
    kind: str,
    path: str,
    rev: str,
    file: str,
    *,
    text: str | None = None,
    summary: str = "",
    description: str = "",
    error: str = "",
    status: int = 200,
) -> Response:
    found = service.draft(ask.db, ask.kit, ask.actor, path, kind=kind, revision=rev, file=file)
    root = head(found.repo).address
    page = EditPage(
        title=f"{'New file' if found.is_new else 'Change'} {file} of {found.repo.path}",
        area=found.repo.kind,
        head=head(found.repo, actor=ask.actor),
        revision=rev.removeprefix(BRANCHES),
        path=file,
        parent=found.head,
        text=found.text if text is None else text,
        summary=summary[:400],
        description=description,
        is_new=found.is_new,
        may_commit=found.may_commit,
        may_propose=found.may_propose,
        cancel=root if found.is_new else f"{root}/blob/{quoted(rev)}/{quote(file)}",
        error=error,
    )
    return render(ask.request, page, status=status)


@router.post(FILE)
def change(
    request: Request,
    kind: str,
    namespace: str,
    name: str,
    rev: str,
    file: str,
    text: Annotated[str, Form()] = "",
    summary: Annotated[str, Form()] = "",
    description: Annotated[str, Form()] = "",
    parent: Annotated[str, Form()] = "",
    how: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    """A commit, or a pull request with it; a refusal comes back with everything that was typed."""
    csrf.check(request, token)
    path, state = f"{namespace}/{name}", request.app.state
    rev, file = _literal_ref(rev, file)
    with unit_of_work(request, reads=True) as ask:
        actor: Actor = ask.actor
    try:
        done = service.change_file(
            state.database,
            state.kit,
            actor,
            path,
            kind=kind,
            revision=rev,
            file=file,
            text=text,
            summary=summary,
            description=description.replace("\r\n", "\n"),
            parent=parent[:40],
            opens_pull=how != "commit",
        )
    except HubError as err:
        if err.status not in TOLD_IN_FORM:
            raise
        typed = {"text": text, "summary": summary, "description": description, "error": err.message}
        with unit_of_work(request, reads=True) as ask:
            return _page(ask, kind, path, rev, file, status=422, **typed)
    root = page_path(done.kind, done.repo)
    if done.pull is not None:
        return RedirectResponse(f"{root}/discussions/{done.pull}", 303)
    return RedirectResponse(f"{root}/blob/{quoted(rev)}/{quote(file)}", 303)


# No door: the verb opens its own transactions around the bytes it writes.
change.action = Action.PROPOSE  # type: ignore[attr-defined]


def _literal_ref(rev: str, path: str) -> tuple[str, str]:
    """``/edit/refs/pr/1/file`` as people type it, beside the proper form with %2F. Source: hub-api.md 0.6."""
    if rev != "refs":
        return rev, path
    group, _, rest = path.partition("/")
    name, _, path = rest.partition("/")
    return f"refs/{group}/{name}", path
