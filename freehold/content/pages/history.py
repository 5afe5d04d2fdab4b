"""The history of a revision, or of one file or folder at it, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from urllib.parse import quote

from starlette.responses import Response

from freehold.access.rules import Action
from freehold.content import queries
from freehold.content.pages import shared
from freehold.content.pages.shared import Crumb, Names
from freehold.core.http import Ask, door
from freehold.core.routes import Router
from freehold.gitkit.objects import CommitInfo
from freehold.repos import paths, service
from freehold.repos.heads import head
from freehold.web.components import RepoHead
from freehold.web.render import render

paths.register()
router = Router(include_in_schema=False)
COMMITS = 50


@dataclass(frozen=True)
class Change:
    """A commit of the list, and where it leads."""

    commit: CommitInfo
    author: str  #: the login name where the hub knows it, else the name that the commit gives
    author_address: str  #: the author's page; empty for somebody the hub does not know
    browse: str  #: the files at this point


@dataclass(frozen=True)
class Day:
    """The commits of one day (UTC)."""

    day: date
    changes: Sequence[Change]


@dataclass(frozen=True)
class CommitsPage:
    """The history of a revision, or of one file or folder at it, newest first."""

    title: str
    area: str
    head: RepoHead
    revision: str
    names: Names
    crumbs: Sequence[Crumb]  #: to the file or folder whose history this is; empty: all of it
    days: Sequence[Day]
    renamed_from: str  #: what the file was called before all these, or empty
    renamed_address: str  #: the history of that
    total: int
    first: str
    next: str


_REPO = "/{kind:prefix}{namespace}/{name}"


@router.get(_REPO + "/commits/{rev:segment}")
@router.get(_REPO + "/commits/{rev:segment}/{path:rest}")
@door(Action.READ)
def commits(ask: Ask, kind: str, namespace: str, name: str, rev: str, path: str = "", cursor: str = "") -> Response:
    repo = service.load(ask.db, ask.actor, f"{namespace}/{name}", Action.READ, kind=kind)
    rev, path = shared.literal_ref(rev, path.strip("/"))
    log = queries.log_page(ask.db, repo, ask.kit, rev, limit=COMMITS, cursor=cursor or None, path=path)
    here = shared.address(repo, "commits", rev, path)
    before = f"{head(repo).address}/commits/{log.commits[-1].parents[0]}" if log.renamed_from else ""
    changes = [_change(log, info, f"{head(repo).address}/tree/{info.oid}") for info in log.commits]
    shown = CommitsPage(
        title=f"History of {path + ' in ' if path else ''}{repo.path}",
        area=repo.kind,
        head=head(repo, actor=ask.actor),
        revision=rev,
        names=shared.names(ask, repo, "commits", path, current=rev),
        crumbs=shared.crumbs(repo, rev, path) if path else (),
        days=[Day(day, list(group)) for day, group in groupby(changes, key=lambda change: change.commit.when.date())],
        renamed_from=log.renamed_from or "",
        renamed_address=f"{before}/{quote(log.renamed_from)}" if log.renamed_from else "",
        total=log.total,
        first=here if cursor else "",
        next=f"{here}?cursor={log.next_cursor}" if log.next_cursor else "",
    )
    return render(ask.request, shown)


def _change(log: queries.Log, info: CommitInfo, browse: str) -> Change:
    login = log.logins.get(info.author.email.lower(), "")
    return Change(info, log.author(info), f"/{quote(login)}" if login else "", browse)
