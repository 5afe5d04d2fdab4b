"""Files and folders moved or deleted in a browser, and commits taken back."""

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from freehold.access.rules import Action, Actor
from freehold.content import queries as content
from freehold.content.errors import EntryNotFound
from freehold.content.rules import BRANCHES
from freehold.content.service import reverting
from freehold.content.service.commits import Done, Target
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.discussions import rules, service
from freehold.discussions.pages import forms
from freehold.discussions.pages.forms import REPO, ChangeForm, Refusal, Said
from freehold.discussions.service import places
from freehold.gitkit.objects import CommitInfo
from freehold.repos import paths
from freehold.repos import service as repos
from freehold.repos.heads import head
from freehold.repos.rules import page_path
from freehold.web.components import RepoHead
from freehold.web.render import part, render

paths.register()
router = Router(include_in_schema=False)
MOVE = REPO + "/move/{rev:segment}/{file:rest}"
DELETE = REPO + "/delete/{rev:segment}/{file:rest}"
REVERT = REPO + "/revert/{commit:segment}"


@dataclass(frozen=True)
class MovePage:
    """A file or folder that is to get another path."""

    title: str
    area: str
    head: RepoHead
    form: ChangeForm
    path: str
    to: str  #: what was typed
    is_folder: bool
    holds: places.Holding


@dataclass(frozen=True)
class DeletePage:
    """A file or folder that is to go, and how much that is."""

    title: str
    area: str
    head: RepoHead
    form: ChangeForm
    path: str
    is_folder: bool
    holds: places.Holding


@dataclass(frozen=True)
class RevertPage:
    """A commit to take back, on one of the branches. ``parents`` has something to choose from for a merge."""

    title: str
    area: str
    head: RepoHead
    form: ChangeForm
    commit: CommitInfo
    by: str
    branches: tuple[str, ...]
    parents: tuple[CommitInfo, ...]
    side: int  #: which of them stays, from 1


@dataclass(frozen=True)
class PathActions:
    """What can be done with a file or folder, beside what its page shows; every address may be empty."""

    new: str
    upload: str
    rename: str
    remove: str


def path_actions(ask: Ask, place: content.PathAt) -> str:
    """Fills the slot beside the buttons of a file or folder, for whoever may at least propose a change there."""
    if place.revision == place.commit or repos.refused(ask.actor, Action.PROPOSE, place.repo) is not None:
        return ""
    root = head(place.repo).address

    def to(what: str) -> str:
        return forms.at(root, what, place.revision, place.path)

    has_name = bool(place.path)
    actions = PathActions(
        new=to("new") if place.is_folder else "",
        upload=to("upload") if place.is_folder else "",
        rename=to("move") if has_name else "",
        remove=to("delete") if has_name else "",
    )
    return part(ask.request, actions)


class Moving(Said):
    to: str = ""


class Reverting(Said):
    branch: str = "main"
    side: str = ""


# ---- moving --------------------------------------------------------------------------------------------------


@router.get(MOVE)
@door(Action.READ)
def move_form(ask: Ask, kind: str, namespace: str, name: str, rev: str, file: str) -> Response:
    path = f"{namespace}/{name}"
    rev, file = forms.literal_ref(rev, file.rstrip("/"))
    repo = repos.load(ask.db, ask.actor, path, Action.READ, kind=kind)
    if ask.actor.is_anonymous:
        return forms.sign_in(ask, forms.at(head(repo).address, "move", rev, file))
    return _move(ask, kind, path, rev, file)


@router.post(MOVE)
def move(
    request: Request, kind: str, namespace: str, name: str, rev: str, file: str, said: Annotated[Moving, Form()]
) -> Response:
    path, state = f"{namespace}/{name}", request.app.state
    rev, file = forms.literal_ref(rev, file.rstrip("/"))
    to = said.to.strip().strip("/")

    def act(actor: Actor) -> Done:
        return service.move(
            state.database, state.kit, actor, path, kind=kind, revision=rev, file=file, to=to, words=said.words
        )

    return forms.attempt(
        request,
        said,
        act,
        lambda ask, refusal: _move(ask, kind, path, rev, file, said, refusal),
        lambda done: forms.at(page_path(done.kind, done.repo), "blob", rev, to),
    )


# No door here and below: the verbs open their own transactions around the bytes they write.
move.action = Action.PROPOSE  # type: ignore[attr-defined]


def _move(
    ask: Ask, kind: str, path: str, rev: str, file: str, said: Moving | None = None, refusal: Refusal | None = None
) -> Response:
    place = _thing(ask, kind, path, rev, file)
    assert place.entry is not None, "looked up as something that is there"
    root = head(place.repo).address
    is_folder = place.entry.kind == "directory"
    page = MovePage(
        title=f"Rename {file} of {place.repo.path}",
        area=place.repo.kind,
        head=head(place.repo, actor=ask.actor),
        form=forms.change_form(
            ask.db,
            ask.kit,
            place,
            usual=f"Rename {file}",
            cancel=forms.at(root, "tree" if is_folder else "blob", rev, file),
            said=said,
            refusal=refusal,
        ),
        path=file,
        to=said.to[:5000] if said else file,
        is_folder=is_folder,
        holds=places.holding(ask.db, ask.kit, place),
    )
    return render(ask.request, page, status=refusal.status if refusal else 200)


# ---- deleting ------------------------------------------------------------------------------------------------


@router.get(DELETE)
@door(Action.READ)
def delete_form(ask: Ask, kind: str, namespace: str, name: str, rev: str, file: str) -> Response:
    path = f"{namespace}/{name}"
    rev, file = forms.literal_ref(rev, file.rstrip("/"))
    repo = repos.load(ask.db, ask.actor, path, Action.READ, kind=kind)
    if ask.actor.is_anonymous:
        return forms.sign_in(ask, forms.at(head(repo).address, "delete", rev, file))
    return _delete(ask, kind, path, rev, file)


@router.post(DELETE)
def delete(
    request: Request, kind: str, namespace: str, name: str, rev: str, file: str, said: Annotated[Said, Form()]
) -> Response:
    path, state = f"{namespace}/{name}", request.app.state
    rev, file = forms.literal_ref(rev, file.rstrip("/"))

    def act(actor: Actor) -> Done:
        return service.remove(
            state.database, state.kit, actor, path, kind=kind, revision=rev, file=file, words=said.words
        )

    return forms.attempt(
        request,
        said,
        act,
        lambda ask, refusal: _delete(ask, kind, path, rev, file, said, refusal),
        lambda done: forms.at(page_path(done.kind, done.repo), "tree", rev),
    )


delete.action = Action.PROPOSE  # type: ignore[attr-defined]


def _delete(
    ask: Ask, kind: str, path: str, rev: str, file: str, said: Said | None = None, refusal: Refusal | None = None
) -> Response:
    place = _thing(ask, kind, path, rev, file)
    assert place.entry is not None, "looked up as something that is there"
    root = head(place.repo).address
    is_folder = place.entry.kind == "directory"
    page = DeletePage(
        title=f"Delete {file} of {place.repo.path}",
        area=place.repo.kind,
        head=head(place.repo, actor=ask.actor),
        form=forms.change_form(
            ask.db,
            ask.kit,
            place,
            usual=f"Delete {file}",
            cancel=forms.at(root, "tree" if is_folder else "blob", rev, file),
            said=said,
            refusal=refusal,
        ),
        path=file,
        is_folder=is_folder,
        holds=places.holding(ask.db, ask.kit, place),
    )
    return render(ask.request, page, status=refusal.status if refusal else 200)


def _thing(ask: Ask, kind: str, path: str, rev: str, file: str) -> places.Place:
    place = places.place(ask.db, ask.kit, ask.actor, path, kind=kind, revision=rev, file=file, is_there=True)
    if place.entry is None:  # the root has no name to change
        raise EntryNotFound(file, place.head)
    return place


# ---- taking a commit back ------------------------------------------------------------------------------------


@router.get(REVERT)
@door(Action.READ)
def revert_form(ask: Ask, kind: str, namespace: str, name: str, commit: str, branch: str = "main") -> Response:
    path = f"{namespace}/{name}"
    repo = repos.load(ask.db, ask.actor, path, Action.READ, kind=kind)
    if ask.actor.is_anonymous:
        return forms.sign_in(ask, forms.at(head(repo).address, "revert", commit))
    return _revert(ask, kind, path, commit, branch)


@router.post(REVERT)
def revert(
    request: Request, kind: str, namespace: str, name: str, commit: str, said: Annotated[Reverting, Form()]
) -> Response:
    path, state, words = f"{namespace}/{name}", request.app.state, said.words
    target = Target(kind, path, said.branch[:300], words.opens_pull)
    summary, description = words.said("")

    def act(actor: Actor) -> Done:
        side = int(said.side) if said.side.isascii() and said.side.isdigit() and len(said.side) < 4 else None
        return reverting.revert(
            state.database,
            state.kit,
            actor,
            target,
            commit,
            parent=side,
            summary=summary,
            description=description,
        )

    return forms.attempt(
        request,
        said,
        act,
        lambda ask, refusal: _revert(ask, kind, path, commit, said.branch, said, refusal),
        lambda done: forms.at(page_path(done.kind, done.repo), "commit", done.commit),
    )


revert.action = Action.PROPOSE  # type: ignore[attr-defined]


def _revert(
    ask: Ask,
    kind: str,
    path: str,
    commit: str,
    branch: str,
    said: Reverting | None = None,
    refusal: Refusal | None = None,
) -> Response:
    place = places.place(ask.db, ask.kit, ask.actor, path, kind=kind, revision=branch[:300], file="")
    objects = content.objects(ask.db, place.repo, ask.kit)
    info = objects.commit(content.resolve_revision(ask.db, place.repo, commit, ask.kit))
    log = content.log_page(ask.db, place.repo, ask.kit, info.oid, limit=1)
    root = head(place.repo).address
    form = forms.change_form(
        ask.db,
        ask.kit,
        place,
        usual=f'Revert "{info.title[:180]}"',
        cancel=forms.at(root, "commit", info.oid),
        said=said,
        refusal=refusal,
    )
    names = content.branch_names(ask.db, place.repo, rules.MAX_BRANCHES_SHOWN)
    page = RevertPage(
        title=f"Revert {info.oid[:7]} of {place.repo.path}",
        area=place.repo.kind,
        head=head(place.repo, actor=ask.actor),
        # Only what the commit did is taken back, on whatever is there now: no earlier look can go stale.
        form=replace(form, parent=""),
        commit=info,
        by=log.author(info),
        branches=tuple(dict.fromkeys([form.branch, *(one.removeprefix(BRANCHES) for one in names)])),
        parents=tuple(objects.commit(oid) for oid in info.parents[:8]) if len(info.parents) > 1 else (),
        side=int(said.side) if said and said.side.isdigit() and len(said.side) < 4 else 1,
    )
    return render(ask.request, page, status=refusal.status if refusal else 200)
