"""Threads and what is sent to them. Source: protocol/hub-api.md 6.

Unknown keys are ignored: clients send more with each version. Lengths are judged by ``rules``, which say what is wrong;
the limits here only keep out what no person wrote.
"""

import html
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field

from freehold.accounts.tables import Account
from freehold.core import clock
from freehold.core.lru import Lru
from freehold.discussions import queries, rules
from freehold.discussions.tables import CommentVersion, Discussion, Event
from freehold.repos.tables import Repo
from freehold.web import markdown, references

MAX_CHARS = 1 << 20
#: Rendering takes up to 20 microseconds a character: this much of a thread is rendered, the rest is shown as it is.
MAX_RENDERED_CHARS = 400_000
_rendered: Lru[tuple[str, tuple[tuple[str, str], ...]], str] = Lru(4 << 20, len)


class NewDiscussion(BaseModel):
    """``base``: the branch that a pull request is for, ``main`` without; ``head``: a revision that it brings."""

    title: str = Field(max_length=MAX_CHARS)
    description: str = Field("", max_length=MAX_CHARS)
    pullRequest: bool = False
    base: str = Field("", max_length=300)
    head: str = Field("", max_length=300)


class NewComment(BaseModel):
    comment: str = Field(max_length=MAX_CHARS)


class NewTitle(BaseModel):
    title: str = Field(max_length=MAX_CHARS)


class NewStatus(BaseModel):
    status: Literal["open", "closed"]
    comment: str | None = Field(None, max_length=MAX_CHARS)


class EditedComment(BaseModel):
    content: str = Field(max_length=MAX_CHARS)


class NewBase(BaseModel):
    base: str = Field(min_length=1, max_length=300)


class NewRemark(BaseModel):
    """Words about a line of a file; ``side`` before or after, ``oid`` the commit that was looked at."""

    path: str = Field(max_length=5_000)
    line: int = Field(ge=1, le=10_000_000)
    text: str = Field(max_length=MAX_CHARS)
    side: str = Field("after", max_length=20)
    oid: str = Field("", max_length=40)


class NewReview(BaseModel):
    """``state``: approved, changes_requested or commented."""

    state: str = Field(max_length=40)
    comment: str = Field("", max_length=MAX_CHARS)
    remarks: list[NewRemark] = Field(default_factory=list, max_length=200)


class Merge(BaseModel):
    comment: str | None = Field(None, max_length=MAX_CHARS)


def summary(repo: Repo, discussion: Discussion) -> dict[str, Any]:
    """A thread as lists show it."""
    return {
        "num": discussion.num,
        "title": discussion.title,
        "status": discussion.status,
        "isPullRequest": discussion.is_pull_request,
        "pinned": discussion.is_pinned,
        "locked": discussion.is_locked,
        "createdAt": clock.wire(discussion.created_at),
        "repo": {"name": repo.path, "type": repo.kind},
        **_author(discussion.author),
    }


def details(thread: queries.Thread) -> dict[str, Any]:
    """A thread with everything in it. ``filesWithConflicts`` true: it cannot be merged, and there are no names."""
    discussion, changes = thread.discussion, thread.changes
    shown = summary(thread.repo, discussion) | {"events": events(thread.events, thread.seen)}
    if changes is None:
        return shown
    merged = {"mergeCommitId": discussion.merge_commit} if discussion.merge_commit else {}
    shown["changes"] = {"base": discussion.base, **merged}
    shown["filesWithConflicts"] = True if changes.conflicts is None else list(changes.conflicts)
    return shown if changes.diff is None else shown | {"diff": changes.diff}


def events(found: Iterable[Event], seen: queries.Seen) -> list[dict[str, Any]]:
    """Events in their order; the comments of a very long thread are rendered up to a point."""
    shown, left = [], MAX_RENDERED_CHARS
    for item in found:
        left -= len(item.versions[-1].text) if item.versions else 0
        shown.append(event(item, seen, rendered=left >= 0))
    return shown


def event(item: Event, seen: queries.Seen, *, rendered: bool = True) -> dict[str, Any]:
    data = dict(item.data)
    if item.type in ("comment", "review"):
        data |= _words(item, seen, rendered)
    return {
        "id": item.id,
        "type": item.type,
        "createdAt": clock.wire(item.created_at),
        "data": data,
        **_author(item.author),
    }


def _words(item: Event, seen: queries.Seen, rendered: bool) -> dict[str, Any]:
    """What was said, before and now; of a remark also whether its line is still the one it is about."""
    remark = {"outdated": item.id in seen.outdated} if "place" in item.data else {}
    counted = {"reactions": dict(seen.reactions.get(item.id, {}))}
    if item.is_hidden:
        latest = {"raw": rules.HIDDEN, "html": f"<p>{rules.HIDDEN}</p>", "updatedAt": clock.wire(item.created_at)}
        return {"edited": False, "hidden": True, "latest": latest, "numEdits": 0, "history": [], **counted, **remark}
    *before, now = item.versions
    return {
        "edited": bool(before),
        "hidden": False,
        "latest": _version(now) | {"html": comment_html(now.text, seen.leads, rendered=rendered)},
        "numEdits": len(before),
        "history": [_version(version) for version in before],
        **counted,
        **remark,
    }


def comment_html(text: str, leads: Mapping[str, str], *, rendered: bool = True) -> str:
    """A comment as safe HTML; kept, because the same thread is read many times, by readers who know other things."""
    if not rendered:
        return f"<pre>{html.escape(text)}</pre>"
    mine = {word: leads[word] for word in references.found([text]) if word in leads}
    return _rendered.of((text, tuple(mine.items())), lambda: markdown.render(text, leads=mine).html)


def _version(version: CommentVersion) -> dict[str, Any]:
    return {"raw": version.text, "updatedAt": clock.wire(version.created_at), **_author(version.author)}


def _author(account: Account | None) -> dict[str, Any]:
    """Left out where the account is gone: clients fail on null. Source: protocol/hub-api.md 6."""
    if account is None:
        return {}
    return {"author": {"name": account.name, "fullname": account.full_name or account.name, "type": account.kind}}
