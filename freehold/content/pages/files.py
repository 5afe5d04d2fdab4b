"""One file as a page."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action
from freehold.content import queries
from freehold.content.errors import EntryNotFound
from freehold.content.pages import shared, showing
from freehold.content.pages.shared import Crumb, Names
from freehold.content.pages.showing import Shown, Tab
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.gitkit.objects import CommitInfo
from freehold.repos import paths, service
from freehold.repos.heads import head
from freehold.web.components import RepoHead
from freehold.web.render import render, widened

paths.register()
router = Router(include_in_schema=False)
#: What a view needs beyond the usual policy, for its own answer alone: sounds, films and documents from this hub; a
#: notebook's pictures, which lie in the notebook and are checked to be pictures.
_WIDENED = {
    "sound": ("media-src", "'self'"),
    "film": ("media-src", "'self'"),
    "notebook": ("img-src", "data:"),
    "document": ("frame-src", "'self'"),
}


@dataclass(frozen=True)
class BlobPage:
    """One file at a revision."""

    title: str
    area: str
    head: RepoHead
    revision: str
    names: Names
    path: str
    crumbs: Sequence[Crumb]
    size_bytes: int
    digest_name: str  #: ``sha256`` or ``git blob``
    digest: str
    kept_as: str
    xet_hash: str
    change: CommitInfo | None
    change_author: str  #: where its author's page is; empty for somebody the hub does not know
    history: str
    edit: str  #: where it is changed by hand; empty for what is no text, and at revisions that stay as they are
    permanent: str  #: address of this very version
    download: str
    raw: str
    shown: Shown
    tabs: Sequence[Tab]
    actions: str  #: what rooms above offer to do with it, as HTML


@router.get("/{kind:prefix}{namespace}/{name}/blob/{rev:segment}/{path:rest}")
@door(Action.READ)
def blob(ask: Ask, kind: str, namespace: str, name: str, rev: str, path: str, view: str = "") -> Response:
    repo = service.load(ask.db, ask.actor, f"{namespace}/{name}", Action.READ, kind=kind)
    rev, path = shared.literal_ref(rev, path)
    commit, found = queries.entries_at(ask.db, repo, ask.kit, rev, [path])
    if not found:
        raise EntryNotFound(path, commit)
    entry = found[0]
    if entry.kind == "directory":
        return RedirectResponse(shared.address(repo, "tree", rev, entry.path), 303)
    content = shared.contents(ask, repo, found).get(entry.pointer.sha256) if entry.pointer else None
    file = queries.FileAt(repo, rev, commit, entry, content)
    shown, tabs = showing.show(ask, file, view)
    change = queries.last_changes(ask.db, repo, ask.kit, commit, [entry]).get(entry.path)
    is_changed_by_hand = shown.is_text and entry.pointer is None and rev != commit
    page = BlobPage(
        title=f"{entry.path} of {repo.path}",
        area=repo.kind,
        head=head(repo, actor=ask.actor),
        revision=rev,
        names=shared.names(ask, repo, "blob", entry.path, current=rev),
        path=entry.path,
        crumbs=shared.crumbs(repo, rev, entry.path),
        size_bytes=entry.true_size_bytes,
        digest_name="sha256" if entry.pointer else "git blob",
        digest=entry.pointer.sha256 if entry.pointer else entry.oid,
        kept_as=shared.kept_as(entry, content),
        xet_hash=(content.file_hash or "") if content else "",
        change=change,
        change_author=shared.profile(ask, change),
        history=shared.address(repo, "commits", rev, entry.path),
        edit=shared.address(repo, "edit", rev, entry.path) if is_changed_by_hand else "",
        permanent=shared.address(repo, "blob", commit, entry.path),
        download=shared.address(repo, "resolve", rev, entry.path) + "?download=true",
        raw=shared.address(repo, "resolve", rev, entry.path),
        shown=shown,
        tabs=tabs,
        actions=shared.actions(ask, queries.PathAt(repo, rev, commit, entry.path, False)),
    )
    return render(ask.request, page, headers=widened(*_WIDENED[shown.view]) if shown.view in _WIDENED else None)
