"""A folder as a page: its files with their last changes, its README, and a search in names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from starlette.responses import Response

from freehold.access.rules import Action
from freehold.content import queries
from freehold.content.pages import shared, showing
from freehold.content.pages.shared import Crumb, Names
from freehold.content.viewers import texts
from freehold.core.http import Ask, door, quoted
from freehold.core.routes import Router
from freehold.gitkit.objects import CommitInfo, Entry
from freehold.repos import paths, service
from freehold.repos.heads import head
from freehold.repos.tables import Repo
from freehold.web.components import RepoHead
from freehold.web.render import render

paths.register()
router = Router(include_in_schema=False)
ROWS = 500
#: The last change is searched for this many rows, of folders this large; beyond, a page would wait for history.
ROWS_WITH_CHANGES, ENTRIES_WITH_CHANGES = 500, 5_000
FOUND = 100
MAX_WORDS = 200  # characters of a search
MAX_README_BYTES = 512 << 10
#: In the order in which one is taken.
READMES = ("readme.md", "readme.markdown", "readme", "readme.txt")


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
class Found:
    """A path that a search found."""

    path: str
    address: str
    is_folder: bool


@dataclass(frozen=True)
class Readme:
    """What the folder says of itself: safe HTML, or plain text."""

    name: str
    address: str
    html: str
    text: str


@dataclass(frozen=True)
class TreePage:
    """A folder of a repository at a revision."""

    title: str
    area: str
    head: RepoHead
    revision: str
    names: Names
    path: str
    crumbs: Sequence[Crumb]
    here: str  #: address of this folder
    latest: CommitInfo
    latest_author: str  #: where its author's page is; empty for somebody the hub does not know
    commits: int
    history: str  #: address of the list of commits of this folder
    archive: str  #: address of everything below as one zip
    total: int  #: entries of the folder
    start: int  #: how many of them come before this page
    rows: Sequence[Row]
    first: str  #: address of the first page, or empty
    next: str  #: address of the next page, or empty
    search: str  #: the words searched for; empty: the folder itself is shown
    found: Sequence[Found]
    found_more: str  #: what the search left out, in words
    readme: Readme | None
    actions: str  #: what rooms above offer to do here, as HTML


_REPO = "/{kind:prefix}{namespace}/{name}"


@router.get(_REPO + "/tree/{rev:segment}")
@router.get(_REPO + "/tree/{rev:segment}/{path:rest}")
@door(Action.READ)
def tree(
    ask: Ask, kind: str, namespace: str, name: str, rev: str, path: str = "", cursor: str = "", search: str = ""
) -> Response:
    repo = service.load(ask.db, ask.actor, f"{namespace}/{name}", Action.READ, kind=kind)
    rev, path = shared.literal_ref(rev, path.strip("/"))
    search = " ".join(search.split())[:MAX_WORDS]
    page = queries.folder_page(ask.db, repo, ask.kit, rev, path, limit=ROWS, cursor=cursor or None)
    log = queries.log_page(ask.db, repo, ask.kit, page.commit, limit=1)
    here = shared.address(repo, "tree", rev, path)
    found, found_more = _found(ask, repo, rev, page.commit, path, search) if search else ([], "")
    is_plain = not (search or cursor)
    shown = TreePage(
        title=f"{path or 'Files'} of {repo.path}",
        area=repo.kind,
        head=head(repo, actor=ask.actor),
        revision=rev,
        names=shared.names(ask, repo, "tree", path, current=rev),
        path=path,
        crumbs=shared.crumbs(repo, rev, path),
        here=here,
        latest=log.commits[0],
        latest_author=shared.profile(ask, log.commits[0]),
        commits=log.total,
        history=shared.address(repo, "commits", rev, path),
        archive=shared.address(repo, "archive", rev, path),
        total=page.total,
        start=page.start,
        rows=[*(_submodules(ask, repo, page.commit, path) if is_plain else []), *_rows(ask, repo, rev, page)],
        first=here if cursor else "",
        next=f"{here}?cursor={page.next_cursor}" if page.next_cursor else "",
        search=search,
        found=found,
        found_more=found_more,
        readme=_readme(ask, repo, rev, page) if is_plain else None,
        actions=shared.actions(ask, queries.PathAt(repo, rev, page.commit, path, True)),
    )
    return render(ask.request, shown)


def _found(ask: Ask, repo: Repo, rev: str, commit: str, path: str, words: str) -> tuple[Sequence[Found], str]:
    search = queries.search_names(ask.db, repo, ask.kit, commit, path, words, limit=FOUND)
    root, quoted_rev = head(repo).address, quoted(rev)
    found = [
        Found(whole, f"{root}/{'tree' if is_folder else 'blob'}/{quoted_rev}/{quote(whole)}", is_folder)
        for whole, is_folder in search.paths
    ]
    if search.is_partial:
        return (
            found,
            f"The first {queries.MAX_NAMES_SEARCHED:,} names were looked at; open a folder to search in it alone.",
        )
    return found, f"There are more than {FOUND}; another word tells them apart." if search.more else ""


def _submodules(ask: Ask, repo: Repo, commit: str, path: str) -> list[Row]:
    found = queries.objects(ask.db, repo, ask.kit).submodules(commit, path)
    return [Row(name, "", False, False, None, "another repository", None, oid) for name, oid in found.items()]


def _rows(ask: Ask, repo: Repo, rev: str, page: queries.Folder) -> list[Row]:
    changes: Mapping[str, CommitInfo] = {}
    if len(page.entries) <= ROWS_WITH_CHANGES and page.total <= ENTRIES_WITH_CHANGES:
        changes = queries.last_changes(ask.db, repo, ask.kit, page.commit, page.entries)
    contents = shared.contents(ask, repo, page.entries)
    root, quoted_rev = head(repo).address, quoted(rev)
    return [
        Row(
            name=entry.path.rpartition("/")[2],
            address=f"{root}/{'tree' if entry.kind == 'directory' else 'blob'}/{quoted_rev}/{quote(entry.path)}",
            is_folder=entry.kind == "directory",
            is_large=entry.pointer is not None,
            size_bytes=entry.true_size_bytes if entry.kind == "file" else None,
            kept_as=shared.kept_as(entry, contents.get(entry.pointer.sha256) if entry.pointer else None),
            change=changes.get(entry.path),
        )
        for entry in page.entries
    ]


def _readme(ask: Ask, repo: Repo, rev: str, page: queries.Folder) -> Readme | None:
    by_name = {entry.path.rpartition("/")[2].lower(): entry for entry in reversed(page.entries) if _may_be_shown(entry)}
    entry = next((by_name[name] for name in READMES if name in by_name), None)
    if entry is None:
        return None
    data = queries.objects(ask.db, repo, ask.kit).blob(entry.oid)
    text = texts.decoded(data, is_whole=True)
    if text is None or not text.text.strip():
        return None
    name = entry.path.rpartition("/")[2]
    address = shared.address(repo, "blob", rev, entry.path)
    if name.lower().endswith((".md", ".markdown")):
        html = showing.page_of_words(queries.FileAt(repo, rev, page.commit, entry, None), text.text).html
        return Readme(name, address, html, "") if html.strip() else None
    return Readme(name, address, "", text.text[: showing.TEXT_BYTES])


def _may_be_shown(entry: Entry) -> bool:
    return entry.kind == "file" and entry.pointer is None and entry.size_bytes <= MAX_README_BYTES
