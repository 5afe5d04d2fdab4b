"""Threads as pages: a new one, one with what is in it, and what can be done there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Form
from starlette.responses import RedirectResponse, Response

from freehold.access.rules import Action
from freehold.accounts import csrf
from freehold.content import queries as content
from freehold.content.rules import BRANCHES
from freehold.core.errors import HubError
from freehold.core.http import Ask, door, int_between
from freehold.core.routes import Router
from freehold.discussions import queries, rules, service
from freehold.discussions.access import is_author
from freehold.discussions.errors import BadText
from freehold.discussions.pages import shown
from freehold.discussions.pages.shown import Entry, Rights, ThreadHead
from freehold.discussions.tables import Discussion, Event
from freehold.repos import paths
from freehold.repos import service as repos
from freehold.repos.heads import head
from freehold.repos.tables import Repo
from freehold.web.components import RepoHead
from freehold.web.figures import plural
from freehold.web.render import render

paths.register()
router = Router(include_in_schema=False)
ALL = "/{kind:prefix}{namespace}/{name}/discussions"
ONE = ALL + "/{num:int}"


@dataclass(frozen=True)
class NewDiscussionPage:
    """The form for a new thread."""

    title: str
    area: str
    head: RepoHead
    subject: str  #: what was typed
    text: str
    error: str


@dataclass(frozen=True)
class MergeState:
    """Where a pull request stands. ``state`` is clean, conflicts, gone, empty, draft, closed or merged."""

    state: str
    conflicts: Sequence[str]
    is_behind: bool
    merge_commit: str
    merge_address: str
    revert_address: str  #: where a merged one is taken back
    reviews: Sequence[tuple[str, str, bool]]  #: who, verdict, whether it is about the newest commits
    branches: Sequence[str]  #: what it may be for instead


@dataclass(frozen=True)
class Gap:
    """What of a long thread is on other pages: how many entries came before those shown, how many came after."""

    earlier: int
    later: int
    to_earlier: str
    to_later: str


@dataclass(frozen=True)
class DiscussionPage:
    """A thread, oldest first."""

    title: str
    area: str
    head: RepoHead
    thread: ThreadHead
    entries: Sequence[Entry]
    gap: Gap
    rights: Rights
    merge: MergeState | None
    try_hf: str  #: what to paste into a shell to have the proposed files; empty for a discussion
    text: str  #: a reply that was typed and not taken
    error: str
    came_to: str


@dataclass(frozen=True)
class CommentPage:
    """One comment with everything it ever said, and the form to change it."""

    title: str
    area: str
    head: RepoHead
    thread: ThreadHead
    id: str
    back: str  #: where the thread shows it
    by: str
    versions: Sequence[tuple[str, str, datetime]]  #: words, who, when; the newest first
    may_edit: bool
    text: str
    error: str


def open_threads(ask: Ask, head: RepoHead) -> int:
    """Fills the number beside the tab. A gate keeps it from whoever it keeps from the threads."""
    return 0 if head.gated and not head.can_set else queries.open_count(ask.db, head.repo_id)


def goods(ask: Ask, repo: Repo) -> str:
    """Fills the words for what is deleted with a repository."""
    threads = queries.counts(ask.db, repo)[1]
    return plural(threads, "discussion or pull request", "discussions and pull requests") if threads else ""


# ---- a new one ----------------------------------------------------------------------------------------------


@router.get(ALL + "/new")
@door(Action.READ)
def new_form(ask: Ask, kind: str, namespace: str, name: str) -> Response:
    repo = repos.load(ask.db, ask.actor, f"{namespace}/{name}", Action.READ, kind=kind)
    if ask.actor.is_anonymous:
        return RedirectResponse(shown.login(f"{head(repo).address}/discussions/new"), 303)
    repos.load(ask.db, ask.actor, f"{namespace}/{name}", Action.PROPOSE, kind=kind)
    return render(
        ask.request, NewDiscussionPage(f"New discussion of {repo.path}", kind, head(repo, actor=ask.actor), "", "", "")
    )


@router.post(ALL + "/new")
@door(Action.PROPOSE)
def create(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    title: Annotated[str, Form()] = "",
    text: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check(ask.request, token)
    path = f"{namespace}/{name}"
    repo = repos.load(ask.db, ask.actor, path, Action.PROPOSE, kind=kind)
    try:
        made = service.create_discussion(ask.db, ask.actor, path, kind=kind, title=title, description=_lines(text))
    except BadText as err:
        page = NewDiscussionPage(
            f"New discussion of {repo.path}", kind, head(repo, actor=ask.actor), title[:400], text, err.message
        )
        return render(ask.request, page, status=422)
    return RedirectResponse(f"{head(repo).address}/discussions/{made.num}", 303)


# ---- one thread --------------------------------------------------------------------------------------------


@router.get(ONE)
@door(Action.READ)
def discussion(ask: Ask, kind: str, namespace: str, name: str, num: int) -> Response:
    """The newest entries of a long thread, or those before a position: ``?before=``."""
    return _page(ask, kind, f"{namespace}/{name}", num)


def _page(ask: Ask, kind: str, path: str, num: int, *, text: str = "", error: str = "", status: int = 200) -> Response:
    before = int_between(ask.request.query_params, "before", 0, 0, rules.MAX_NUM) or None
    thread = queries.part_of_thread(ask.db, ask.kit, ask.actor, path, num, kind=kind, before=before)
    found = thread.discussion
    page = DiscussionPage(
        title=f"{found.title} (#{num}) of {thread.repo.path}",
        area=thread.repo.kind,
        head=head(thread.repo, actor=ask.actor),
        thread=shown.thread_head(ask, thread.repo, found),
        entries=list(shown.entries(thread, ask.actor)),
        gap=_gap(thread),
        rights=shown.rights(ask.actor, thread.repo, found),
        merge=_merge_state(ask, thread) if found.is_pull_request else None,
        try_hf=_try_hf(ask, thread) if found.is_pull_request else "",
        text=text,
        error=error,
        came_to=shown.login(f"{head(thread.repo).address}/discussions/{num}"),
    )
    return render(ask.request, page, status=status)


def _try_hf(ask: Ask, thread: queries.Thread) -> str:
    repo = thread.repo
    option = "" if repo.kind == "model" else f" --repo-type {repo.kind}"
    revision = f"--revision refs/pr/{thread.discussion.num}"
    return f"export HF_ENDPOINT={ask.base_url}\nhf download {repo.path}{option} \\\n  {revision}"


def _gap(thread: queries.Thread) -> Gap:
    positions, total = [event.position for event in thread.events], thread.discussion.events
    root = f"{head(thread.repo).address}/discussions/{thread.discussion.num}"
    begins, ends = (positions[1] if len(positions) > 1 else 2), (positions[-1] if positions else 0)
    further = ends + 1 + rules.ENTRIES_SHOWN
    return Gap(
        earlier=begins - 2,
        later=max(0, total - ends),
        to_earlier=f"{root}?before={begins}#talk",
        to_later=f"{root}?before={further}#talk" if further <= total else f"{root}#talk",
    )


def _merge_state(ask: Ask, thread: queries.Thread) -> MergeState:
    found, changes = thread.discussion, thread.changes
    assert changes is not None, "a pull request has changes"
    state = found.status
    if state == "open":
        is_gone, is_empty = changes.conflicts is None, changes.is_empty
        state = "gone" if is_gone else "empty" if is_empty else "conflicts" if changes.conflicts else "clean"
    branches = queries.other_branches(ask.db, thread.repo, found.base) if found.status in ("open", "draft") else []
    oid = found.merge_commit or ""
    return MergeState(
        state=state,
        conflicts=list(changes.conflicts or ()),
        is_behind=changes.is_behind,
        merge_commit=oid[:7],
        merge_address=f"{head(thread.repo).address}/commit/{oid}" if oid else "",
        revert_address=_revert_address(thread, oid),
        reviews=_verdicts(queries.reviews(ask.db, found), content.head(ask.db, thread.repo, f"refs/pr/{found.num}")),
        branches=branches,
    )


def _revert_address(thread: queries.Thread, oid: str) -> str:
    branch = (thread.discussion.base or "").removeprefix(BRANCHES)
    return f"{head(thread.repo).address}/revert/{oid}?{urlencode({'branch': branch})}" if oid else ""


def _verdicts(reviews: Sequence[Event], newest: str | None) -> list[tuple[str, str, bool]]:
    """The last verdict of each reviewer."""
    last = {}
    for event in reviews:
        if event.data["state"] != "commented" and event.author is not None:
            words = {"approved": "approved", "changes_requested": "changes wanted"}[event.data["state"]]
            last[event.author.name] = (event.author.name, words, event.data["oid"] == newest)
    return list(last.values())


@router.post(ONE + "/comment")
@door(Action.PROPOSE)
def comment(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    num: int,
    text: Annotated[str, Form()] = "",
    status: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    """Say something; the second button also closes or opens the thread."""
    csrf.check(ask.request, token)
    path, said = f"{namespace}/{name}", _lines(text)
    try:
        if status in ("open", "closed"):
            service.change_status(ask.db, ask.actor, path, num, kind=kind, status=status, comment=said)
        else:
            service.comment(ask.db, ask.actor, path, num, kind=kind, text=said)
    except HubError as err:
        if err.status not in (400, 409):
            raise
        ask.db.rollback()
        return _page(ask, kind, path, num, text=text, error=err.message, status=422)
    return _back(ask, kind, path, num)


@router.post(ONE + "/title")
@door(Action.PROPOSE)
def rename(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    num: int,
    title: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check(ask.request, token)
    path = f"{namespace}/{name}"
    service.rename(ask.db, ask.actor, path, num, kind=kind, title=title)
    return _back(ask, kind, path, num)


@router.post(ONE + "/lock")
@door(Action.WRITE)
def lock(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    num: int,
    value: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check(ask.request, token)
    path = f"{namespace}/{name}"
    service.change_lock(ask.db, ask.actor, path, num, kind=kind, is_locked=value == "on")
    return _back(ask, kind, path, num)


@router.post(ONE + "/pin")
@door(Action.WRITE)
def pin(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    num: int,
    value: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check(ask.request, token)
    path = f"{namespace}/{name}"
    service.change_pin(ask.db, ask.actor, path, num, kind=kind, is_pinned=value == "on")
    return _back(ask, kind, path, num)


# ---- one comment -------------------------------------------------------------------------------------------


@router.get(ONE + "/comment/{comment_id}")
@door(Action.READ)
def one_comment(ask: Ask, kind: str, namespace: str, name: str, num: int, comment_id: str) -> Response:
    return _comment_page(ask, kind, f"{namespace}/{name}", num, comment_id)


def _comment_page(
    ask: Ask, kind: str, path: str, num: int, comment_id: str, *, text: str = "", error: str = "", status: int = 200
) -> Response:
    repo, found, event = queries.one_comment(ask.db, ask.actor, path, num, comment_id, kind=kind)
    rights = shown.rights(ask.actor, repo, found)
    versions = [
        (item.text, item.author.name if item.author else shown.GONE, item.created_at) for item in event.versions
    ]
    page = CommentPage(
        title=f"A comment in #{num} of {repo.path}",
        area=repo.kind,
        head=head(repo, actor=ask.actor),
        thread=shown.thread_head(ask, repo, found),
        id=event.id,
        back=shown.link(head(repo).address, found, event),
        by=event.author.name if event.author else shown.GONE,
        versions=versions[::-1],
        may_edit=bool(versions) and rights.speaks and is_author(ask.actor, event),
        text=text or (versions[-1][0] if versions else ""),
        error=error,
    )
    return render(ask.request, page, status=status)


@router.post(ONE + "/comment/{comment_id}")
@door(Action.PROPOSE)
def edit(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    num: int,
    comment_id: str,
    text: Annotated[str, Form()] = "",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check(ask.request, token)
    path = f"{namespace}/{name}"
    try:
        event = service.edit_comment(ask.db, ask.actor, path, num, comment_id, kind=kind, text=_lines(text))
    except BadText as err:
        return _comment_page(ask, kind, path, num, comment_id, text=text, error=err.message, status=422)
    return _back(ask, kind, path, num, event)


@router.post(ONE + "/comment/{comment_id}/hide")
@door(Action.WRITE)
def hide(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    num: int,
    comment_id: str,
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check(ask.request, token)
    path = f"{namespace}/{name}"
    event = service.hide_comment(ask.db, ask.actor, path, num, comment_id, kind=kind)
    return _back(ask, kind, path, num, event)


@router.post(ONE + "/comment/{comment_id}/react")
@door(Action.PROPOSE)
def react(
    ask: Ask,
    kind: str,
    namespace: str,
    name: str,
    num: int,
    comment_id: str,
    reaction: Annotated[str, Form()] = "",
    value: Annotated[str, Form()] = "on",
    token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    csrf.check(ask.request, token)
    path = f"{namespace}/{name}"
    change = service.react if value == "on" else service.take_back
    event = change(ask.db, ask.actor, path, num, comment_id, reaction, kind=kind)
    return _back(ask, kind, path, num, event)


def _back(ask: Ask, kind: str, path: str, num: int, event: Event | None = None) -> Response:
    """To the thread; to the page of it that shows ``event``."""
    repo = repos.load(ask.db, ask.actor, path, Action.READ, kind=kind)
    root = head(repo).address
    if event is not None:
        return RedirectResponse(shown.link(root, ask.db.get_one(Discussion, event.discussion_id), event), 303)
    return RedirectResponse(f"{root}/discussions/{num}", 303)


def _lines(text: str) -> str:
    """Browsers send their own line ends."""
    return text.replace("\r\n", "\n")
