"""A text file written or changed in a browser: by whoever may write it at once, by everybody else as a proposal."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from freehold.access.rules import Action, Actor
from freehold.content.service.commits import Done
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.discussions import service
from freehold.discussions.pages import forms
from freehold.discussions.pages.forms import REPO, ChangeForm, Refusal, Said
from freehold.discussions.service import editing, places
from freehold.repos import paths
from freehold.repos import service as repos
from freehold.repos.heads import head
from freehold.repos.rules import page_path
from freehold.web.components import RepoHead
from freehold.web.render import render

paths.register()
router = Router(include_in_schema=False)
EDIT = REPO + "/edit/{rev:segment}/{file:rest}"
NEW = REPO + "/new/{rev:segment}"


@dataclass(frozen=True)
class EditPage:
    """A file to change, with what becomes of the changes."""

    title: str
    area: str
    head: RepoHead
    form: ChangeForm
    path: str
    text: str
    is_new: bool
    rename: str  #: where it gets another name; empty for what is new
    remove: str
    preview: str  #: what shows Markdown as it will be; empty for other text
    max_bytes: int


@dataclass(frozen=True)
class NewFilePage:
    """A file that is not there yet: its name with folders, and its text."""

    title: str
    area: str
    head: RepoHead
    form: ChangeForm
    path: str  #: what was typed, or the folder to begin with
    text: str
    upload: str  #: where files are brought instead of typed
    max_bytes: int


class Written(Said):
    text: str = ""


class Named(Written):
    path: str = ""


# ---- a file that is there ------------------------------------------------------------------------------------


@router.get(EDIT)
@door(Action.READ)
def form(ask: Ask, kind: str, namespace: str, name: str, rev: str, file: str) -> Response:
    path = f"{namespace}/{name}"
    rev, file = forms.literal_ref(rev, file)
    repo = repos.load(ask.db, ask.actor, path, Action.READ, kind=kind)
    if ask.actor.is_anonymous:
        return forms.sign_in(ask, forms.at(head(repo).address, "edit", rev, file))
    return _edit(ask, kind, path, rev, file)


@router.post(EDIT)
def change(
    request: Request, kind: str, namespace: str, name: str, rev: str, file: str, said: Annotated[Written, Form()]
) -> Response:
    """A commit, or a pull request with it; a refusal comes back with everything that was typed."""
    path, state = f"{namespace}/{name}", request.app.state
    rev, file = forms.literal_ref(rev, file)
    words = said.words
    return forms.attempt(
        request,
        said,
        lambda actor: service.change_file(
            state.database,
            state.kit,
            actor,
            path,
            kind=kind,
            revision=rev,
            file=file,
            text=said.text,
            summary=words.summary,
            description=words.description,
            parent=words.parent,
            opens_pull=words.opens_pull,
        ),
        lambda ask, refusal: _edit(ask, kind, path, rev, file, said, refusal),
        lambda done: forms.at(page_path(done.kind, done.repo), "blob", rev, file),
    )


# No door: the verb opens its own transactions around the bytes it writes.
change.action = Action.PROPOSE  # type: ignore[attr-defined]


def _edit(
    ask: Ask, kind: str, path: str, rev: str, file: str, said: Written | None = None, refusal: Refusal | None = None
) -> Response:
    found = service.draft(ask.db, ask.kit, ask.actor, path, kind=kind, revision=rev, file=file)
    place = places.place(ask.db, ask.kit, ask.actor, path, kind=kind, revision=rev, file=file)
    root = head(found.repo).address
    page = EditPage(
        title=f"{'New file' if found.is_new else 'Change'} {file} of {found.repo.path}",
        area=found.repo.kind,
        head=head(found.repo, actor=ask.actor),
        form=forms.change_form(
            ask.db,
            ask.kit,
            place,
            usual=f"{'Add' if found.is_new else 'Change'} {file}",
            cancel=root if found.is_new else forms.at(root, "blob", rev, file),
            said=said,
            refusal=refusal,
        ),
        path=file,
        text=found.text if said is None else said.text,
        is_new=found.is_new,
        rename="" if found.is_new else forms.at(root, "move", rev, file),
        remove="" if found.is_new else forms.at(root, "delete", rev, file),
        preview=f"{root}/preview" if file.lower().endswith((".md", ".markdown")) else "",
        max_bytes=editing.MAX_TEXT_BYTES,
    )
    return render(ask.request, page, status=refusal.status if refusal else 200)


# ---- a new one -------------------------------------------------------------------------------------------------


@router.get(NEW)
@router.get(NEW + "/{folder:rest}")
@door(Action.READ)
def new_form(ask: Ask, kind: str, namespace: str, name: str, rev: str, folder: str = "") -> Response:
    path = f"{namespace}/{name}"
    rev, folder = forms.literal_ref(rev, folder.strip("/"))
    repo = repos.load(ask.db, ask.actor, path, Action.READ, kind=kind)
    if ask.actor.is_anonymous:
        return forms.sign_in(ask, forms.at(head(repo).address, "new", rev, folder))
    return _new(ask, kind, path, rev, folder)


@router.post(NEW)
@router.post(NEW + "/{folder:rest}")
def create(
    request: Request,
    kind: str,
    namespace: str,
    name: str,
    rev: str,
    said: Annotated[Named, Form()],
    folder: str = "",
) -> Response:
    """A new file, by a commit or a pull request."""
    path, state = f"{namespace}/{name}", request.app.state
    rev, folder = forms.literal_ref(rev, folder.strip("/"))
    file = said.path.strip().strip("/")

    def act(actor: Actor) -> Done:
        return service.create_file(
            state.database,
            state.kit,
            actor,
            path,
            kind=kind,
            revision=rev,
            file=file,
            text=said.text,
            words=said.words,
        )

    return forms.attempt(
        request,
        said,
        act,
        lambda ask, refusal: _new(ask, kind, path, rev, folder, said, refusal),
        lambda done: forms.at(page_path(done.kind, done.repo), "blob", rev, file),
    )


create.action = Action.PROPOSE  # type: ignore[attr-defined]


def _new(
    ask: Ask, kind: str, path: str, rev: str, folder: str, said: Named | None = None, refusal: Refusal | None = None
) -> Response:
    place = places.place(ask.db, ask.kit, ask.actor, path, kind=kind, revision=rev, file=folder)
    root = head(place.repo).address
    page = NewFilePage(
        title=f"New file in {place.repo.path}",
        area=place.repo.kind,
        head=head(place.repo, actor=ask.actor),
        form=forms.change_form(
            ask.db,
            ask.kit,
            place,
            usual="Add the file",
            cancel=forms.at(root, "tree", rev, folder),
            said=said,
            refusal=refusal,
        ),
        path=said.path[:5000] if said else f"{folder}/" if folder else "",
        text=said.text if said else "",
        upload=forms.at(root, "upload", rev, folder),
        max_bytes=editing.MAX_TEXT_BYTES,
    )
    return render(ask.request, page, status=refusal.status if refusal else 200)
