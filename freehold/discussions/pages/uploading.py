"""Files brought in a browser: by script in parts that go on where they stopped, without it by a plain form."""

import shlex
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action, Actor
from freehold.accounts import csrf
from freehold.content.intake import refuse_without_room
from freehold.content.kit import Kit
from freehold.content.service import bringing, commits
from freehold.content.service.bringing import Brought
from freehold.content.service.commits import Done, Target
from freehold.content.service.proposals import Proposal
from freehold.core.bodies import receive_body
from freehold.core.errors import BadRequest, HubError
from freehold.core.http import Ask, door, in_thread, stream_door
from freehold.core.multipart import Form, FormReader
from freehold.core.routes import Router
from freehold.discussions.pages import forms
from freehold.discussions.pages.forms import REPO, STALE, ChangeForm, Refusal, Said
from freehold.discussions.service import places
from freehold.repos import paths
from freehold.repos import service as repos
from freehold.repos.heads import head
from freehold.repos.rules import page_path
from freehold.web.components import RepoHead
from freehold.web.render import render

paths.register()
router = Router(include_in_schema=False)
UPLOAD = REPO + "/upload/{rev:segment}"
#: Of one form without script; with it a commit takes as many as it may have operations.
MAX_FORM_FILES = 2_000
#: What a new repository has at most: attributes and a card.
FIRST_FILES = 2


@dataclass(frozen=True)
class UploadPage:
    """Where files are brought to a folder of a branch."""

    title: str
    area: str
    head: RepoHead
    form: ChangeForm
    folder: str  #: where they go; empty: the root
    revision: str  #: as addresses have it
    api: str  #: address that the script's calls begin with
    tree: str  #: where a commit leads
    plan: str  #: names what the browser remembers of this page
    is_new: bool  #: whether nothing but the first commit is there
    max_form_bytes: int
    max_form_files: int
    max_inline_bytes: int
    max_commit_bytes: int
    max_file_bytes: int
    terminal: str  #: the same from a terminal, with hf
    git: str


@router.get(UPLOAD)
@router.get(UPLOAD + "/{folder:rest}")
@door(Action.READ)
def form(ask: Ask, kind: str, namespace: str, name: str, rev: str, folder: str = "") -> Response:
    path = f"{namespace}/{name}"
    rev, folder = forms.literal_ref(rev, folder.strip("/"))
    repo = repos.load(ask.db, ask.actor, path, Action.READ, kind=kind)
    if ask.actor.is_anonymous:
        return forms.sign_in(ask, forms.at(head(repo).address, "upload", rev, folder))
    return _page(ask, kind, path, rev, folder)


@router.post(UPLOAD)
@router.post(UPLOAD + "/{folder:rest}")
@stream_door(Action.PROPOSE)
async def bring(request: Request, kind: str, namespace: str, name: str, rev: str, folder: str = "") -> Response:
    """The plain form: every file whole, on disk as it arrives, and one commit or pull request with all of them."""
    kit: Kit = request.app.state.kit
    path = f"{namespace}/{name}"
    rev, folder = forms.literal_ref(rev, folder.strip("/"))
    # Whoever may not bring anything is told so before the body is read.
    actor = await in_thread(request, lambda ask: _admitted(ask, kind, path), reads=True)
    said = Said.model_validate({})
    try:
        with commits.scratch_directory(kit) as scratch:
            announced = request.headers.get("content-length", "")
            refuse_without_room(kit.tmp, int(announced) if announced.isdigit() and len(announced) < 18 else 0)
            given = partial(csrf_checked, request)
            with FormReader(request, scratch, max_files=MAX_FORM_FILES, admit=given) as reader:
                await receive_body(request, reader.take, limit_bytes=kit.settings.max_commit_bytes)
                brought = reader.finish()
            said = Said.model_validate(brought.fields)
            opens_pull = said.words.opens_pull
            work = partial(_bring, request, actor, Target(kind, path, rev, opens_pull), folder, brought, said)
            done: Done = await run_in_threadpool(work, scratch)
    except ClientDisconnect as err:
        raise BadRequest("The connection ended in the middle of the form: nothing was kept.") from err
    except HubError as err:
        if err.status not in forms.TOLD_IN_FORM:
            raise
        status = STALE if err.status == STALE else 422
        refusal = Refusal(f"{err.message} Choose the files again.", status, said.parent[:40].lower())
        return await in_thread(request, lambda ask: _page(ask, kind, path, rev, folder, said, refusal), reads=True)
    root = page_path(done.kind, done.repo)
    if done.pull is not None:
        return RedirectResponse(f"{root}/discussions/{done.pull}", 303)
    return RedirectResponse(forms.at(root, "tree", rev, folder), 303)


def csrf_checked(request: Request, fields: dict[str, str]) -> None:
    """Before the first file is kept: the token stands before the files in our own form."""
    csrf.check(request, fields.get("csrf", ""))


def _admitted(ask: Ask, kind: str, path: str) -> Actor:
    repos.load(ask.db, ask.actor, path, Action.PROPOSE, kind=kind)
    actor: Actor = ask.actor
    return actor


def _bring(
    request: Request, actor: Actor, target: Target, folder: str, brought: Form, said: Said, scratch: Path
) -> Done:
    state = request.app.state
    summary, description = said.words.said(_usual(len(brought.files), folder))
    files = [
        Brought(f"{folder}/{file.name}" if folder else file.name, file.path, file.size_bytes, file.sha256, file.sample)
        for file in brought.files
    ]
    words = Proposal(summary, description, said.words.parent.lower() or None)
    return bringing.bring(state.database, state.kit, actor, target, files, words, scratch)


def _usual(count: int, folder: str) -> str:
    return f"Upload {count:,} {'file' if count == 1 else 'files'}{f' to {folder}' if folder else ''}"


def _page(
    ask: Ask, kind: str, path: str, rev: str, folder: str, said: Said | None = None, refusal: Refusal | None = None
) -> Response:
    found = places.place(ask.db, ask.kit, ask.actor, path, kind=kind, revision=rev, file=folder)
    repo, settings = found.repo, ask.kit.settings
    shown = head(repo, actor=ask.actor)
    root = shown.address
    option = "" if repo.kind == "model" else f" --repo-type {repo.kind}"
    where = f" {shlex.quote(folder)}" if folder else ""
    revision = "" if found.ref == "refs/heads/main" else f" --revision {shlex.quote(rev)}"
    proposing = "" if found.may_commit else " --create-pr"
    page = UploadPage(
        title=f"Upload to {repo.path}",
        area=repo.kind,
        head=shown,
        form=forms.change_form(
            ask.db,
            ask.kit,
            found,
            usual=f"Upload files{f' to {folder}' if folder else ''}",
            cancel=forms.at(root, "tree", rev, folder),
            said=said,
            refusal=refusal,
        ),
        folder=folder,
        revision=rev,
        api=f"/api/{shown.plural}/{repo.path}",
        tree=forms.at(root, "tree", rev, folder),
        plan=f"{repo.id}:{found.ref}:{folder}",
        is_new=not folder and not places.holding(ask.db, ask.kit, found, FIRST_FILES).is_cut,
        max_form_bytes=settings.max_commit_bytes,
        max_form_files=MAX_FORM_FILES,
        max_inline_bytes=settings.max_inline_bytes,
        max_commit_bytes=settings.max_commit_bytes,
        max_file_bytes=settings.max_object_bytes,
        terminal=f"export HF_ENDPOINT={ask.base_url}\nhf upload {repo.path} .{where}{option}{revision}{proposing}",
        git=f"git clone {ask.base_url}{root}",
    )
    return render(ask.request, page, status=refusal.status if refusal else 200)
