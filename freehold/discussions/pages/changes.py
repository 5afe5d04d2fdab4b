"""A commit, and the comparison of two revisions, as pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action
from freehold.accounts import csrf
from freehold.content.rules import BRANCHES
from freehold.core.errors import BadRequest
from freehold.core.http import Ask, door, quoted
from freehold.core.routes import Router
from freehold.discussions import comparisons, queries, service
from freehold.discussions.comparisons import Compared
from freehold.discussions.pages import shown
from freehold.discussions.pages.shown import FileShown, View
from freehold.discussions.tables import Discussion
from freehold.gitkit.objects import CommitInfo
from freehold.repos import paths
from freehold.repos import service as repos
from freehold.repos.access import may
from freehold.repos.heads import head as repo_head
from freehold.repos.rules import page_path
from freehold.web.components import RepoHead
from freehold.web.render import render

paths.register()
router = Router(include_in_schema=False)
REPO = "/{kind:prefix}{namespace}/{name}"


@dataclass(frozen=True)
class CommitPage:
    """What one commit did to its first parent."""

    title: str
    area: str
    head: RepoHead
    commit: CommitInfo
    body: str  #: the message below its first line
    files: Sequence[FileShown]
    left_out: int
    summary: str
    patch: str
    view: View
    pull: Discussion | None  #: the pull request that brings it; clients print this page for what they proposed
    pull_address: str
    undo: str  #: where it is taken back; empty for whoever may not even propose that


@dataclass(frozen=True)
class ComparePage:
    """Two revisions: what the second has since both grew apart. Without ``compared`` only the form."""

    title: str
    area: str
    head: RepoHead
    base: str
    other: str
    branches: Sequence[str]
    commits: Sequence[CommitInfo]
    total: int
    files: Sequence[FileShown] | None
    left_out: int
    summary: str
    patch: str
    view: View
    may_open: bool
    subject: str
    text: str
    error: str


@router.get(REPO + "/commit/{revision:segment}")
@door(Action.READ)
def commit(ask: Ask, kind: str, namespace: str, name: str, revision: str) -> Response:
    """The address that clients are given for a commit."""
    path = f"{namespace}/{name}"
    found = comparisons.of_commit(ask.db, ask.kit, ask.actor, path, revision, kind=kind, bounds=shown.PAGE)
    (info,) = found.commits
    view = shown.view(ask.request)
    pull = queries.brought_by(ask.db, found.repo, info.oid)
    root = page_path(found.repo.kind, found.repo.path)
    page = CommitPage(
        title=f"{info.title[:100]} · {found.repo.path}",
        area=found.repo.kind,
        head=repo_head(found.repo, actor=ask.actor),
        commit=info,
        body=info.message.partition("\n")[2].strip()[:20_000],
        files=shown.files(found, in_columns=view.in_columns),
        left_out=found.files.total - len(found.files.files),
        summary=shown.summary_of(found),
        patch=shown.patch_address(found),
        view=view,
        pull=pull,
        pull_address=f"{root}/discussions/{pull.num}" if pull else "",
        undo=f"{root}/revert/{info.oid}" if repos.refused(ask.actor, Action.PROPOSE, found.repo) is None else "",
    )
    return render(ask.request, page, blocks={"changes"})


@router.get(REPO + "/compare")
@door(Action.READ)
def choose(ask: Ask, kind: str, namespace: str, name: str, base: str = "", head: str = "") -> Response:
    """Two revisions to choose; a chosen pair has an address of its own."""
    repo = repos.load(ask.db, ask.actor, f"{namespace}/{name}", Action.READ, kind=kind)
    if base.strip() and head.strip():
        spec = f"{quoted(base.strip()[:300])}...{quoted(head.strip()[:300])}"
        return RedirectResponse(f"{page_path(repo.kind, repo.path)}/compare/{spec}", 303)
    return render(ask.request, _page(ask, kind, f"{namespace}/{name}", base or "main", head, None))


@router.get(REPO + "/compare/{spec:rest}")
@door(Action.READ)
def compare(ask: Ask, kind: str, namespace: str, name: str, spec: str) -> Response:
    path = f"{namespace}/{name}"
    base, _, other = comparisons.parsed(spec)
    found = comparisons.of_revisions(ask.db, ask.kit, ask.actor, path, spec, kind=kind, bounds=shown.PAGE)
    return render(ask.request, _page(ask, kind, path, base, other, found))


@router.post(REPO + "/compare/{spec:rest}")
@door(Action.PROPOSE)
def propose(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    spec: str,
    title: Annotated[str, Form()] = "",
    text: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    """A pull request that brings what was compared."""
    csrf.check(ask.request, token)
    path = f"{namespace}/{name}"
    base, _, other = comparisons.parsed(spec)
    said = {"title": title, "description": text.replace("\r\n", "\n")}
    try:
        made = service.create_pull_request(
            ask.db, ask.actor, path, kind=kind, base=base, head=other, kit=ask.kit, **said
        )
    except BadRequest as err:
        found = comparisons.of_revisions(ask.db, ask.kit, ask.actor, path, spec, kind=kind, bounds=shown.PAGE)
        page = _page(ask, kind, path, base, other, found, subject=title[:400], text=text, error=err.message)
        return render(ask.request, page, status=422)
    repo = repos.load(ask.db, ask.actor, path, Action.READ, kind=kind)
    return RedirectResponse(f"{repo_head(repo).address}/discussions/{made.num}", 303)


def _page(
    ask: Ask,
    kind: str,
    path: str,
    base: str,
    other: str,
    found: Compared | None,
    *,
    subject: str = "",
    text: str = "",
    error: str = "",
) -> ComparePage:
    repo = repos.load(ask.db, ask.actor, path, Action.READ, kind=kind)
    view = shown.view(ask.request)
    branches = queries.other_branches(ask.db, repo, None)
    brings = found is not None and found.total > 0 and base.removeprefix(BRANCHES) in branches
    return ComparePage(
        title=f"Compare {base} with {other} of {repo.path}" if found else f"Compare revisions of {repo.path}",
        area=repo.kind,
        head=repo_head(repo, actor=ask.actor),
        base=base[:300],
        other=other[:300],
        branches=branches,
        commits=found.commits if found else (),
        total=found.total if found else 0,
        files=shown.files(found, in_columns=view.in_columns) if found else None,
        left_out=found.files.total - len(found.files.files) if found else 0,
        summary=shown.summary_of(found) if found else "",
        patch=shown.patch_address(found) if found else "",
        view=view,
        may_open=brings and bool(may(ask.actor, Action.PROPOSE, repo)),
        subject=subject or (found.commits[-1].title[:200] if found is not None and found.commits else ""),
        text=text,
        error=error,
    )
