"""What the pages of files have in common: addresses, the way to a path, the names to switch to."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from urllib.parse import quote

from freehold.accounts import queries as accounts
from freehold.content import queries, rules
from freehold.content.tables import Content
from freehold.core.http import Ask, quoted
from freehold.gitkit.objects import CommitInfo, Entry
from freehold.repos.heads import head
from freehold.repos.tables import Repo
from freehold.web import figures
from freehold.web.slots import Slots

#: Names in the menu of branches and tags; a filter beside them finds the others.
MAX_NAMES = 100
#: Entries of a tree that are counted to say what goes with it.
MAX_COUNTED = 10_000


@dataclass(frozen=True)
class Crumb:
    """One part of a path and where it leads; empty: here."""

    name: str
    address: str


@dataclass(frozen=True)
class Names:
    """Branches and tags to switch to, with the addresses of this page there."""

    branches: Sequence[tuple[str, str]]
    tags: Sequence[tuple[str, str]]
    more: int  #: names that the menu has no room for


def literal_ref(rev: str, path: str) -> tuple[str, str]:
    """``/tree/refs/pr/1/file`` as people type it, beside the proper form with %2F. Source: hub-api.md 0.6."""
    if rev != "refs":
        return rev, path
    group, _, rest = path.partition("/")
    name, _, path = rest.partition("/")
    return f"refs/{group}/{name}", path


def address(repo: Repo, page: str, rev: str, path: str = "") -> str:
    """Where ``page`` (``tree``, ``blob``, ``commits``, ...) of ``path`` at ``rev`` is."""
    return f"{head(repo).address}/{page}/{quoted(rev)}{'/' + quote(path) if path else ''}"


def names(ask: Ask, repo: Repo, page: str, path: str = "", *, current: str = "") -> Names:
    """The branches and tags, and where this page is there; the first ones, and ``current`` in any case."""
    refs = [ref.name for ref in queries.refs(ask.db, repo) if ref.name.startswith((rules.BRANCHES, rules.TAGS))]
    shown = [name for name in refs if name.partition("/")[2].partition("/")[2] == current]
    shown += [name for name in refs if name not in shown][: MAX_NAMES - len(shown)]

    def under(prefix: str) -> list[tuple[str, str]]:
        found = [name.removeprefix(prefix) for name in sorted(shown) if name.startswith(prefix)]
        return [(name, address(repo, page, name, path)) for name in found]

    return Names(under(rules.BRANCHES), under(rules.TAGS), len(refs) - len(shown))


def crumbs(repo: Repo, rev: str, path: str) -> list[Crumb]:
    """The folders on the way to ``path``, the repository first; the last one is here."""
    parts = path.split("/") if path else []
    found = [Crumb(repo.name, address(repo, "tree", rev))]
    found += [Crumb(part, address(repo, "tree", rev, "/".join(parts[: at + 1]))) for at, part in enumerate(parts)]
    found[-1] = Crumb(found[-1].name, "")
    return found


def actions(ask: Ask, place: queries.PathAt) -> str:
    """What rooms above offer to do with a file or folder, as HTML."""
    slots: Slots = ask.request.app.state.slots
    return "".join(fill(ask, place) for fill in slots.path_actions)


def goods(ask: Ask, repo: Repo) -> str:
    """Fills the words for what is deleted with a repository: the files of its main branch, and all that it takes."""
    head_commit = queries.head(ask.db, repo)
    entries = queries.objects(ask.db, repo, ask.kit).walk(head_commit) if head_commit else iter(())
    files = sum(entry.kind == "file" for entry in islice(entries, MAX_COUNTED))
    more = next(entries, None) is not None
    took = figures.size(queries.used_storage(ask.db, repo))
    return f"{'more than ' if more else ''}{figures.plural(files, 'file')} with their history, {took}"


def profile(ask: Ask, change: CommitInfo | None) -> str:
    """Where the page of a commit's author is; empty for somebody the hub does not know."""
    found = accounts.logins(ask.db, {change.author.email}) if change is not None else {}
    return "".join(f"/{quote(name)}" for name in found.values())


def contents(ask: Ask, repo: Repo, entries: Collection[Entry]) -> dict[str, Content]:
    """By SHA-256, how the large files of ``entries`` are kept."""
    return queries.contents(ask.db, repo, {entry.pointer.sha256 for entry in entries if entry.pointer})


def kept_as(entry: Entry, content: Content | None) -> str:
    """How a file is kept: ``git``, ``LFS``, ``Xet``, both, or not here; empty for a folder."""
    if entry.kind == "directory":
        return ""
    if entry.pointer is None:
        return "git"
    if content is None:
        return "not here"
    ways = [word for word, holds in (("LFS", content.is_whole), ("Xet", content.file_hash is not None)) if holds]
    return ", ".join(ways)
