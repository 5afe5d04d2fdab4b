"""Reads of a repository's content: revisions, entries, listings, history. Nothing here writes.

Facts of a commit are immutable and kept by :mod:`freehold.gitkit.objects`; what is read from rows each time is only
where a name points and which packs there are.
"""

import base64
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from freehold.accounts import queries as accounts
from freehold.content import rules
from freehold.content.errors import AmbiguousRevision, EntryNotFound, RevisionNotFound
from freehold.content.kit import Kit
from freehold.content.tables import Content, DownloadDay, DownloadMonth, Pack, Ref, RepoContent
from freehold.core.errors import BadRequest
from freehold.gitkit.objects import CommitInfo, Entry, Objects
from freehold.repos.tables import Repo

#: How many values one ``IN (...)`` holds at most (SQLite refuses more than 32,766).
BATCH = 10_000
#: Names that one search looks at: half a second.
MAX_NAMES_SEARCHED = 500_000
_COMMIT = func.coalesce(Ref.peeled, Ref.target)


@dataclass(frozen=True)
class Page:
    """Some entries of a directory at ``commit``, and the cursor to the next ones."""

    commit: str
    entries: Sequence[Entry]
    next_cursor: str | None


@dataclass(frozen=True)
class PathAt:
    """A file or folder of a commit, as rooms above say what can be done with it (``Slots.path_actions``)."""

    repo: Repo
    revision: str  #: as the address has it
    commit: str
    path: str  #: empty: the root
    is_folder: bool


@dataclass(frozen=True)
class Folder(Page):
    """The same of a folder as people look at it: entries from the ``start``-th of ``total``, folders before files."""

    total: int
    start: int


@dataclass(frozen=True)
class Search:
    """Paths that a search found, each with whether it is a folder, and whether there are ``more``.

    ``is_partial``: the folder has more names than one search looks at.
    """

    paths: Sequence[tuple[str, bool]]
    more: bool
    is_partial: bool


@dataclass(frozen=True)
class FileAt:
    """A file of a commit, as its page shows it and as rooms above look into it (``Slots.file_views``)."""

    repo: Repo
    revision: str  #: as the address has it: a branch, a tag, a commit
    commit: str
    entry: Entry
    content: Content | None  #: how a large file is kept; None for what git holds, and for bytes that are not here

    @property
    def ending(self) -> str:
        """The file's ending in small letters, without its point; empty where it has none."""
        name = self.entry.path.rpartition("/")[2]
        return name.rpartition(".")[2].lower() if "." in name else ""


@dataclass(frozen=True)
class Log:
    """Some commits, newest first, of ``total``, and the cursor to the next ones.

    ``logins`` has the account of an author by mail address. ``renamed_from`` says where a file was before the last of
    ``commits``, when that is where it came from.
    """

    commits: Sequence[CommitInfo]
    total: int
    next_cursor: str | None
    logins: Mapping[str, str] = field(default_factory=dict)
    renamed_from: str | None = None

    def author(self, info: CommitInfo) -> str:
        """The login name of who made a commit, where the hub knows it, else the name that the commit gives."""
        return self.logins.get(info.author.email.lower(), info.author.name)


# ---- revisions ---------------------------------------------------------------------------------------------


def head(db: Session, repo: Repo, ref: str = rules.MAIN, *, locked: bool = False) -> str | None:
    """The commit that ``ref`` (full name) leads to; None when there is no such ref.

    ``locked`` keeps it there until the transaction ends. (SQLite has one writer, which is a lock in itself.)
    """
    query = select(_COMMIT).where(Ref.repo_id == repo.id, Ref.name == ref)
    return db.scalar(query.with_for_update() if locked else query)


def target(db: Session, repo: Repo, ref: str) -> str | None:
    """What ``ref`` itself points to: the commit, or the annotated tag that leads to it."""
    return db.scalar(select(Ref.target).where(Ref.repo_id == repo.id, Ref.name == ref))


def branch_names(db: Session, repo: Repo, limit: int) -> list[str]:
    """The full names of up to ``limit`` branches, in order."""
    branches = select(Ref.name).where(Ref.repo_id == repo.id, Ref.name.startswith(rules.BRANCHES))
    return list(db.scalars(branches.order_by(Ref.name).limit(limit)))


def pull_heads(db: Session, repo: Repo, numbers: Collection[int]) -> dict[int, str]:
    """Where the refs of these pull requests point; those that are gone are absent."""
    names = {f"{rules.PULLS}{number}": number for number in numbers}
    rows = db.execute(select(Ref.name, Ref.target).where(Ref.repo_id == repo.id, Ref.name.in_(names)))
    return {names[name]: target for name, target in rows}


def refs(db: Session, repo: Repo) -> list[Ref]:
    """Every ref of the repository, by name."""
    return list(db.scalars(select(Ref).where(Ref.repo_id == repo.id).order_by(Ref.name)))


def resolve_revision(db: Session, repo: Repo, revision: str, kit: Kit) -> str:
    """The commit id that a branch, tag, full ref, commit id or abbreviated one (4 digits at least) stands for.

    Raises :class:`RevisionNotFound`, for commits of other repositories too, and :class:`AmbiguousRevision`.
    """
    found = resolve_ref(db, repo, revision)
    if found is not None:
        return found[1]
    commits = objects(db, repo, kit).expand(revision.lower()) if rules.ABBREVIATION.fullmatch(revision) else []
    if len(commits) > 1:
        raise AmbiguousRevision(revision, commits)
    if not commits:
        raise RevisionNotFound(revision)
    return commits[0]


def resolve_ref(db: Session, repo: Repo, revision: str) -> tuple[str, str] | None:
    """The full name of the ref that ``revision`` names and the commit it points to; a branch before a tag."""
    candidates = rules.ref_candidates(revision)
    rows = db.execute(select(Ref.name, _COMMIT).where(Ref.repo_id == repo.id, Ref.name.in_(candidates)))
    targets = {row[0]: row[1] for row in rows}
    return next(((name, targets[name]) for name in candidates if name in targets), None)


def objects(db: Session, repo: Repo, kit: Kit) -> Objects:
    """The git objects of the repository."""
    return kit.git.open(repo.id, pack_names(db, repo))


def pack_names(db: Session, repo: Repo) -> list[str]:
    return list(db.scalars(select(Pack.name).where(Pack.repo_id == repo.id)))


# ---- entries -----------------------------------------------------------------------------------------------


def tree_page(
    db: Session,
    repo: Repo,
    kit: Kit,
    revision: str,
    path: str,
    *,
    recursive: bool,
    limit: int,
    cursor: str | None = None,
) -> Page:
    """Up to ``limit`` entries of the directory ``path``. The cursor holds on to the commit of the first page.

    Raises :class:`RevisionNotFound`, and :class:`EntryNotFound` where there is no directory (hub-api.md 1.6).
    """
    if cursor is None:
        commit, start = resolve_revision(db, repo, revision, kit), 0
    else:
        commit, start = _opened_cursor(cursor)
        commit = resolve_revision(db, repo, commit, kit)
    found = objects(db, repo, kit)
    directory = found.entry(commit, path)
    if directory is None or directory.kind != "directory":
        raise EntryNotFound(path, commit)
    entries = list(islice(found.walk(commit, path, recursive), start, start + limit + 1))
    more = _cursor(commit, start + limit) if len(entries) > limit else None
    return Page(commit, entries[:limit], more)


def folder_page(
    db: Session, repo: Repo, kit: Kit, revision: str, path: str, *, limit: int, cursor: str | None = None
) -> Folder:
    """As :func:`tree_page` for people: folders before files over all pages, and how many entries there are.

    Reads what is on the page, whatever the folder holds. Raises the same.
    """
    commit, start = (revision, 0) if cursor is None else _opened_cursor(cursor)
    commit = resolve_revision(db, repo, commit, kit)
    found = objects(db, repo, kit).folder(commit, path, start, limit)
    if found is None:
        raise EntryNotFound(path, commit)
    entries, total = found
    more = _cursor(commit, start + limit) if start + limit < total else None
    return Folder(commit, entries, more, total, start)


def search_names(db: Session, repo: Repo, kit: Kit, commit: str, path: str, words: str, *, limit: int) -> Search:
    """Up to ``limit`` files and folders below ``path`` whose paths hold all of ``words``, whatever their case.

    Those that hold them in their own name come first. Looks at ``MAX_NAMES_SEARCHED`` names at most.
    """
    wanted = words.lower().split()
    by_name: list[tuple[str, bool]] = []
    by_path: list[tuple[str, bool]] = []
    ahead, looked_at = len(path) + 1 if path else 0, 0
    for looked_at, (whole, is_folder) in enumerate(objects(db, repo, kit).names(commit, path), 1):
        lowered = whole[ahead:].lower()
        if all(word in lowered for word in wanted):
            own = lowered.rpartition("/")[2]
            group = by_name if all(word in own for word in wanted) else by_path
            if len(group) <= limit:
                group.append((whole, is_folder))
        if looked_at >= MAX_NAMES_SEARCHED or len(by_name) > limit:
            break
    found = by_name + by_path
    return Search(found[:limit], len(found) > limit, looked_at >= MAX_NAMES_SEARCHED)


def entries_at(db: Session, repo: Repo, kit: Kit, revision: str, paths: Iterable[str]) -> tuple[str, list[Entry]]:
    """The commit of ``revision`` and those of ``paths`` that are there; a trailing slash is no difference."""
    commit = resolve_revision(db, repo, revision, kit)
    found = objects(db, repo, kit)
    unique = dict.fromkeys(path.strip("/") for path in paths)
    return commit, [entry for path in unique if (entry := found.entry(commit, path)) is not None]


def siblings(db: Session, repo: Repo, kit: Kit, commit: str) -> list[Entry]:
    """Every file of ``commit``, in git's order."""
    return [entry for entry in objects(db, repo, kit).walk(commit) if entry.kind == "file"]


def last_changes(db: Session, repo: Repo, kit: Kit, commit: str, entries: Iterable[Entry]) -> dict[str, CommitInfo]:
    """By path, the commit that made each entry what it is."""
    return objects(db, repo, kit).last_changes(commit, [entry.path for entry in entries])


def xet_hashes(db: Session, repo: Repo, entries: Iterable[Entry]) -> dict[str, str]:
    """By SHA-256, the Xet file hash of those large files that are kept as recipes and are the repository's to read."""
    digests = sorted({entry.pointer.sha256 for entry in entries if entry.pointer})
    return {sha256: content.file_hash for sha256, content in contents(db, repo, digests).items() if content.file_hash}


def contents(db: Session, repo: Repo, digests: Collection[str]) -> dict[str, Content]:
    """By SHA-256, those of ``digests`` that the repository may use."""
    wanted = list(digests)
    found: dict[str, Content] = {}
    for at in range(0, len(wanted), BATCH):
        rows = db.scalars(
            select(Content)
            .join(RepoContent, RepoContent.sha256 == Content.sha256)
            .where(RepoContent.repo_id == repo.id, Content.sha256.in_(wanted[at : at + BATCH]))
        )
        found |= {content.sha256: content for content in rows}
    return found


# ---- history and sizes -------------------------------------------------------------------------------------


def log_page(
    db: Session, repo: Repo, kit: Kit, revision: str, *, limit: int, cursor: str | None = None, path: str = ""
) -> Log:
    """Up to ``limit`` commits reachable from ``revision``; with ``path``, those that changed what is there.

    A file or folder that is gone has a history too. Raises :class:`RevisionNotFound`, and :class:`EntryNotFound` for a
    path that never was.
    """
    commit, start = (revision, 0) if cursor is None else _opened_cursor(cursor)
    commit = resolve_revision(db, repo, commit, kit)
    found = objects(db, repo, kit)
    order = found.log_of_path(commit, path) if path else found.order(commit)
    if not order:
        raise EntryNotFound(path, commit)
    shown = [found.commit(oid) for oid in order[start : start + limit]]
    more = _cursor(commit, start + limit) if start + limit < len(order) else None
    emails = {info.author.email for info in shown}
    renamed = found.history.renamed_from(order[-1], path) if path and not more else None
    return Log(shown, len(order), more, accounts.logins(db, emails), renamed)


def used_storage(db: Session, repo: Repo) -> int:
    """Bytes that the repository's history and large files would take if nothing were shared."""
    in_git = select(func.coalesce(func.sum(Pack.size_bytes), 0)).where(Pack.repo_id == repo.id)
    large = (
        select(func.coalesce(func.sum(Content.size_bytes), 0))
        .join(RepoContent, RepoContent.sha256 == Content.sha256)
        .where(RepoContent.repo_id == repo.id)
    )
    return int(db.scalar(in_git) or 0) + int(db.scalar(large) or 0)


def downloads_by_day(db: Session, repo_id: str) -> dict[date, int]:
    """Downloads of the days that have a row of their own: the last :data:`counting.RECENT_DAYS`, and a few more."""
    rows = db.execute(select(DownloadDay.day, DownloadDay.downloads).where(DownloadDay.repo_id == repo_id))
    return {row.day: row.downloads for row in rows}


def downloads_by_month(db: Session, repo_id: str) -> dict[date, int]:
    """Downloads of earlier days, by the first day of their month."""
    rows = db.execute(select(DownloadMonth.month, DownloadMonth.downloads).where(DownloadMonth.repo_id == repo_id))
    return {row.month: row.downloads for row in rows}


def _cursor(commit: str, start: int) -> str:
    return base64.urlsafe_b64encode(f"{commit}.{start}".encode()).decode().rstrip("=")


def _opened_cursor(cursor: str) -> tuple[str, int]:
    try:
        opened = base64.urlsafe_b64decode(cursor[:200] + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        opened = ""
    match = re.fullmatch(r"([0-9a-f]{40})\.(\d{1,12})", opened)
    if match is None:
        raise BadRequest("The cursor is not one this hub gave out; start again without it.")
    return match[1], int(match[2])
