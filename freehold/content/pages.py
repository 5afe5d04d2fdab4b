"""Files as pages: folders, one file, and the history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action
from freehold.content import queries, rules
from freehold.content.errors import EntryNotFound
from freehold.content.tables import Content
from freehold.core.http import Ask, door, quoted
from freehold.gitkit.objects import CommitInfo, Entry
from freehold.repos import paths, service
from freehold.repos.heads import head
from freehold.repos.tables import Repo
from freehold.web.components import RepoHead
from freehold.web.render import render
from freehold.web.slots import Slots

paths.register()
router = APIRouter(include_in_schema=False)
ROWS = 500
#: The last change is searched for this many rows; beyond, a page would wait for history.
ROWS_WITH_CHANGES = 200
COMMITS = 50
MAX_SHOWN_BYTES = 512 * 1024
MAX_SHOWN_LINES = 5_000
PICTURES = frozenset({"png", "jpg", "jpeg", "gif", "webp", "avif", "svg"})


@dataclass(frozen=True)
class Crumb:
    """One part of a path and where it leads; empty: here."""

    name: str
    address: str


@dataclass(frozen=True)
class Row:
    """A file or folder of the list, or a submodule: ``elsewhere`` is its commit, in a repository that is not here."""

    name: str
    address: str
    is_folder: bool
    is_large: bool
    size_bytes: int | None
    kept_as: str
    change: CommitInfo | None
    elsewhere: str = ""


@dataclass(frozen=True)
class Names:
    """Branches and tags to switch to, with the addresses of this page there."""

    branches: Sequence[tuple[str, str]]
    tags: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class TreePage:
    """A folder of a repository at a revision."""

    title: str
    area: str
    head: RepoHead
    revision: str
    names: Names
    crumbs: Sequence[Crumb]
    latest: CommitInfo
    commits: int
    history: str  #: address of the list of commits
    rows: Sequence[Row]
    next: str  #: address of the next page, or empty
    actions: str  #: what rooms above offer to do here, as HTML


@dataclass(frozen=True)
class BlobPage:
    """One file at a revision. ``lines`` is None where the file is not shown as text."""

    title: str
    area: str
    head: RepoHead
    revision: str
    crumbs: Sequence[Crumb]
    size_bytes: int
    digest_name: str  #: ``sha256`` or ``git blob``
    digest: str
    kept_as: str
    xet_hash: str
    change: CommitInfo | None
    history: str
    edit: str  #: where it is changed by hand; empty for what is no text, and at revisions that stay as they are
    permanent: str  #: address of this very version
    download: str
    raw: str
    picture: str  #: address of the picture it is, or empty
    view: str  #: what a room above makes of it, as HTML; empty for nothing
    lines: Sequence[str] | None
    why_not: str  #: why it is not shown
    actions: str  #: what rooms above offer to do with it, as HTML


@dataclass(frozen=True)
class CommitsPage:
    """The history of a revision, or of one file or folder at it, newest first."""

    title: str
    area: str
    head: RepoHead
    revision: str
    names: Names
    crumbs: Sequence[Crumb]  #: to the file or folder whose history this is; empty: all of it
    commits: Sequence[CommitInfo]
    authors: Sequence[str]  #: of each commit, by login name where the hub knows it
    renamed_from: str  #: what the file was called before all these, or empty
    renamed_address: str  #: the history of that
    total: int
    first: str
    next: str


_REPO = "/{kind:prefix}{namespace}/{name}"


@router.get(_REPO + "/tree/{rev:segment}")
@router.get(_REPO + "/tree/{rev:segment}/{path:rest}")
@door(Action.READ)
def tree(ask: Ask, kind: str, namespace: str, name: str, rev: str, path: str = "", cursor: str = "") -> Response:
    repo = service.load(ask.db, ask.actor, f"{namespace}/{name}", Action.READ, kind=kind)
    rev, path = _literal_ref(rev, path.strip("/"))
    page = queries.tree_page(ask.db, repo, ask.kit, rev, path, recursive=False, limit=ROWS, cursor=cursor or None)
    log = queries.log_page(ask.db, repo, ask.kit, page.commit, limit=1)
    root = head(repo).address
    here = f"{root}/tree/{quoted(rev)}{'/' + quote(path) if path else ''}"
    shown = TreePage(
        title=f"{path or 'Files'} of {repo.path}",
        area=repo.kind,
        head=head(repo, actor=ask.actor),
        revision=rev,
        names=_names(ask, repo, "tree"),
        crumbs=_crumbs(repo, rev, path),
        latest=log.commits[0],
        commits=log.total,
        history=f"{root}/commits/{quoted(rev)}",
        rows=[*([] if cursor else _submodules(ask, repo, page.commit, path)), *_rows(ask, repo, rev, page)],
        next=f"{here}?cursor={page.next_cursor}" if page.next_cursor else "",
        actions=_actions(ask, queries.PathAt(repo, rev, page.commit, path, True)),
    )
    return render(ask.request, shown)


@router.get(_REPO + "/blob/{rev:segment}/{path:rest}")
@door(Action.READ)
def blob(ask: Ask, kind: str, namespace: str, name: str, rev: str, path: str) -> Response:
    repo = service.load(ask.db, ask.actor, f"{namespace}/{name}", Action.READ, kind=kind)
    rev, path = _literal_ref(rev, path)
    commit, found = queries.entries_at(ask.db, repo, ask.kit, rev, [path])
    if not found:
        raise EntryNotFound(path, commit)
    entry = found[0]
    root = head(repo).address
    if entry.kind == "directory":
        return RedirectResponse(f"{root}/tree/{quoted(rev)}/{quote(entry.path)}", 303)
    content = _contents(ask, repo, found).get(entry.pointer.sha256) if entry.pointer else None
    view = _view(ask, queries.FileAt(repo, rev, commit, entry, content))
    lines, why_not = _shown(ask, repo, entry)
    ending = entry.path.rpartition(".")[2].lower()
    file = f"{quoted(rev)}/{quote(entry.path)}"
    shown = BlobPage(
        title=f"{entry.path} of {repo.path}",
        area=repo.kind,
        head=head(repo, actor=ask.actor),
        revision=rev,
        crumbs=_crumbs(repo, rev, entry.path),
        size_bytes=entry.true_size_bytes,
        digest_name="sha256" if entry.pointer else "git blob",
        digest=entry.pointer.sha256 if entry.pointer else entry.oid,
        kept_as=_kept_as(entry, content),
        xet_hash=(content.file_hash or "") if content else "",
        change=queries.last_changes(ask.db, repo, ask.kit, commit, [entry]).get(entry.path),
        history=f"{root}/commits/{file}",
        edit=f"{root}/edit/{file}" if lines is not None and rev != commit else "",
        permanent=f"{root}/blob/{commit}/{quote(entry.path)}",
        download=f"{root}/resolve/{file}?download=true",
        raw=f"{root}/resolve/{file}",
        picture=f"{root}/resolve/{file}" if ending in PICTURES else "",
        view=view,
        lines=lines,
        why_not=why_not,
        actions=_actions(ask, queries.PathAt(repo, rev, commit, entry.path, False)),
    )
    return render(ask.request, shown)


@router.get(_REPO + "/commits/{rev:segment}")
@router.get(_REPO + "/commits/{rev:segment}/{path:rest}")
@door(Action.READ)
def commits(ask: Ask, kind: str, namespace: str, name: str, rev: str, path: str = "", cursor: str = "") -> Response:
    repo = service.load(ask.db, ask.actor, f"{namespace}/{name}", Action.READ, kind=kind)
    rev, path = _literal_ref(rev, path.strip("/"))
    log = queries.log_page(ask.db, repo, ask.kit, rev, limit=COMMITS, cursor=cursor or None, path=path)
    here = f"{head(repo).address}/commits/{quoted(rev)}{'/' + quote(path) if path else ''}"
    before = f"{head(repo).address}/commits/{log.commits[-1].parents[0]}" if log.renamed_from else ""
    shown = CommitsPage(
        title=f"History of {path + ' in ' if path else ''}{repo.path}",
        area=repo.kind,
        head=head(repo, actor=ask.actor),
        revision=rev,
        names=_names(ask, repo, "commits"),
        crumbs=_crumbs(repo, rev, path) if path else (),
        commits=log.commits,
        authors=[log.author(info) for info in log.commits],
        renamed_from=log.renamed_from or "",
        renamed_address=f"{before}/{quote(log.renamed_from)}" if log.renamed_from else "",
        total=log.total,
        first=here if cursor else "",
        next=f"{here}?cursor={log.next_cursor}" if log.next_cursor else "",
    )
    return render(ask.request, shown)


def _literal_ref(rev: str, path: str) -> tuple[str, str]:
    """``/tree/refs/pr/1/file`` as people type it, beside the proper form with %2F. Source: hub-api.md 0.6."""
    if rev != "refs":
        return rev, path
    group, _, rest = path.partition("/")
    name, _, path = rest.partition("/")
    return f"refs/{group}/{name}", path


def _names(ask: Ask, repo: Repo, what: str) -> Names:
    root = f"{head(repo).address}/{what}"
    refs = queries.refs(ask.db, repo)[:200]

    def under(prefix: str) -> list[tuple[str, str]]:
        names = [ref.name.removeprefix(prefix) for ref in refs if ref.name.startswith(prefix)]
        return [(name, f"{root}/{quoted(name)}") for name in names]

    return Names(under(rules.BRANCHES), under(rules.TAGS))


def _crumbs(repo: Repo, rev: str, path: str) -> list[Crumb]:
    root = f"{head(repo).address}/tree/{quoted(rev)}"
    parts = path.split("/") if path else []
    crumbs = [Crumb(repo.name, root)]
    crumbs += [Crumb(part, f"{root}/{quote('/'.join(parts[: at + 1]))}") for at, part in enumerate(parts)]
    crumbs[-1] = Crumb(crumbs[-1].name, "")
    return crumbs


def _submodules(ask: Ask, repo: Repo, commit: str, path: str) -> list[Row]:
    found = queries.objects(ask.db, repo, ask.kit).submodules(commit, path)
    return [Row(name, "", False, False, None, "another repository", None, oid) for name, oid in found.items()]


def _rows(ask: Ask, repo: Repo, rev: str, page: queries.Page) -> list[Row]:
    # Folders first, as people look for them; inside each kind git's order stays.
    entries = sorted(page.entries, key=lambda entry: entry.kind != "directory")
    changes: Mapping[str, CommitInfo] = {}
    if len(entries) <= ROWS_WITH_CHANGES:
        changes = queries.last_changes(ask.db, repo, ask.kit, page.commit, entries)
    contents = _contents(ask, repo, entries)
    root = head(repo).address
    return [
        Row(
            name=entry.path.rpartition("/")[2],
            address=f"{root}/{'tree' if entry.kind == 'directory' else 'blob'}/{quoted(rev)}/{quote(entry.path)}",
            is_folder=entry.kind == "directory",
            is_large=entry.pointer is not None,
            size_bytes=entry.true_size_bytes if entry.kind == "file" else None,
            kept_as=_kept_as(entry, contents.get(entry.pointer.sha256) if entry.pointer else None),
            change=changes.get(entry.path),
        )
        for entry in entries
    ]


def _contents(ask: Ask, repo: Repo, entries: Sequence[Entry]) -> dict[str, Content]:
    return queries.contents(ask.db, repo, {entry.pointer.sha256 for entry in entries if entry.pointer})


def _kept_as(entry: Entry, content: Content | None) -> str:
    if entry.kind == "directory":
        return ""
    if entry.pointer is None:
        return "git"
    if content is None:
        return "not here"
    ways = [word for word, holds in (("whole", content.is_whole), ("chunks", content.file_hash is not None)) if holds]
    return " and ".join(ways)


def _view(ask: Ask, file: queries.FileAt) -> str:
    """The first thing that a room above makes of the file."""
    slots: Slots = ask.request.app.state.slots
    return next((view for fill in slots.file_views if (view := fill(ask, file))), "")


def _actions(ask: Ask, place: queries.PathAt) -> str:
    slots: Slots = ask.request.app.state.slots
    return "".join(fill(ask, place) for fill in slots.path_actions)


def _shown(ask: Ask, repo: Repo, entry: Entry) -> tuple[Sequence[str] | None, str]:
    """The lines of a text file, or why it is not shown."""
    if entry.pointer is not None:
        return None, "Large files are not shown here; download it to look inside."
    if entry.size_bytes > MAX_SHOWN_BYTES:
        return None, "This file is too long to be shown here; download it to look inside."
    data: bytes = queries.objects(ask.db, repo, ask.kit).blob(entry.oid)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = "\x00"
    if "\x00" in text:
        return None, "This file is not text; download it to look inside."
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    if len(lines) > MAX_SHOWN_LINES:
        return None, f"This file has {len(lines):,} lines; download it to look inside."
    return lines, ""
