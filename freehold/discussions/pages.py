"""A discussion to read: where the addresses that clients print lead."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter
from starlette.responses import Response

from freehold.access.rules import Action
from freehold.content.rules import BRANCHES
from freehold.core.http import Ask, door
from freehold.discussions import queries, rules, schemas
from freehold.repos import paths
from freehold.repos.heads import head
from freehold.web.components import RepoHead
from freehold.web.render import render

paths.register()
router = APIRouter(include_in_schema=False)
GONE = "a deleted account"


@dataclass(frozen=True)
class Entry:
    """One event. ``html`` is a comment's; other events have ``words`` and perhaps an ``address``."""

    id: str
    type: str
    by: str
    at: datetime
    html: str
    is_edited: bool
    words: str
    address: str


@dataclass(frozen=True)
class DiscussionPage:
    """A thread, oldest first."""

    title: str
    area: str
    head: RepoHead
    subject: str
    num: int
    status: str
    is_pull_request: bool
    by: str
    at: datetime
    branch: str  #: what a pull request is for; empty for a discussion
    proposal: str  #: address of a pull request's files, or empty
    entries: Sequence[Entry]


@router.get("/{kind:prefix}{namespace}/{name}/discussions/{num:int}")
@door(Action.READ)
def discussion(ask: Ask, kind: str, namespace: str, name: str, num: int) -> Response:
    path = f"{namespace}/{name}"
    thread = queries.thread(ask.db, ask.kit, ask.actor, path, num, kind=kind, with_changes=False)
    found, root = thread.discussion, head(thread.repo).address
    page = DiscussionPage(
        title=f"{found.title} (#{num}) of {thread.repo.path}",
        area=thread.repo.kind,
        head=head(thread.repo),
        subject=found.title,
        num=num,
        status=found.status,
        is_pull_request=found.is_pull_request,
        by=found.author.name if found.author else GONE,
        at=found.created_at,
        branch=(found.base or "").removeprefix(BRANCHES),
        proposal=f"{root}/tree/refs%2Fpr%2F{num}" if found.is_pull_request else "",
        entries=list(_entries(thread, root)),
    )
    return render(ask.request, page)


def _entries(thread: queries.Thread, root: str) -> Iterator[Entry]:
    left = schemas.MAX_RENDERED_CHARS
    for event in thread.events:
        html = words = address = ""
        match event.type:
            case "comment" if event.is_hidden:
                words = rules.HIDDEN
            case "comment":
                left -= len(event.versions[-1].text)
                html = schemas.comment_html(event.versions[-1].text, thread.seen.leads, rendered=left >= 0)
            case "status-change":
                words = f"marked this as {event.data['status']}"
            case "title-change":
                words = f"renamed this from {event.data['from']} to {event.data['to']}"
            case "commit":
                words, address = event.data["subject"], f"{root}/commit/{event.data['oid']}"
        by = event.author.name if event.author else GONE
        yield Entry(event.id, event.type, by, event.created_at, html, len(event.versions) > 1, words, address)
