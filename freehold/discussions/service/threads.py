"""Threads: opened, renamed, closed, locked and pinned."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.content import queries as content
from freehold.content.rules import PULLS
from freehold.content.service.numbers import next_number
from freehold.core import events
from freehold.discussions import access, rules
from freehold.discussions.errors import NotPossibleNow
from freehold.discussions.events import DiscussionOpened, StatusChanged, ThreadRenamed
from freehold.discussions.service import rows
from freehold.discussions.tables import Discussion, Event
from freehold.repos import service as repos


def create_discussion(
    db: Session, actor: Actor, path: str, *, kind: str, title: str, description: str = ""
) -> Discussion:
    """An open thread with a first comment."""
    title, description = rules.checked_title(title), rules.checked_description(description)
    repo = repos.load(db, actor, path, Action.PROPOSE, kind=kind)
    repos.refuse_closed_discussions(repo)
    discussion = rows.new_discussion(db, actor, repo, next_number(db, repo), title, status="open")
    event = rows.add_words(db, actor, repo, discussion, "comment", description, {})
    events.publish(db, DiscussionOpened(repo, discussion, actor, event))
    return discussion


def rename(db: Session, actor: Actor, path: str, num: int, *, kind: str, title: str) -> Event:
    """The thread is called ``title``. Raises :class:`NotPossibleNow` when it was called so already."""
    title = rules.checked_title(title)
    repo, discussion = rows.led(db, actor, path, num, kind)
    if discussion.title == title:
        raise NotPossibleNow("It is called so already.")
    before, discussion.title = discussion.title, title
    event = rows.add(db, actor, discussion, "title-change", {"from": before, "to": title})
    events.publish(db, ThreadRenamed(repo, discussion, actor, event, before))
    return event


def change_status(
    db: Session, actor: Actor, path: str, num: int, *, kind: str, status: str, comment: str = ""
) -> Event:
    """The thread is ``status`` (open or closed), with ``comment`` said before. Opening a draft makes it ready.

    Closing deletes nothing. Raises :class:`NotPossibleNow` for a pull request whose commits are gone.
    """
    repo, discussion = rows.led(db, actor, path, num, kind)
    rules.check_status(discussion.status, status)
    if status == "open":
        access.check_speaks(actor, repo, discussion)
        if discussion.is_pull_request and content.head(db, repo, f"{PULLS}{num}") is None:
            raise NotPossibleNow(f"{PULLS}{num} is gone, and its commits with it; push it again or open another one.")
    if comment.strip():
        text = rules.checked_comment(comment)
        access.check_speaks(actor, repo, discussion)
        rows.say(db, actor, repo, discussion, text)
    before, discussion.status = discussion.status, status
    event = rows.add(db, actor, discussion, "status-change", {"status": status})
    events.publish(db, StatusChanged(repo, discussion, actor, event, before))
    return event


def change_lock(db: Session, actor: Actor, path: str, num: int, *, kind: str, is_locked: bool) -> Event:
    """Only those who may write to the repository add to a locked thread; everybody else reads it."""
    _, discussion = rows.written(db, actor, path, num, kind)
    if discussion.is_locked == is_locked:
        raise NotPossibleNow(f"It is {'locked' if is_locked else 'not locked'} already.")
    discussion.is_locked = is_locked
    return rows.add(db, actor, discussion, "locking-change", {"locked": is_locked})


def change_pin(db: Session, actor: Actor, path: str, num: int, *, kind: str, is_pinned: bool) -> Event:
    """A pinned thread stands above the list. Raises :class:`NotPossibleNow` when there are enough of them."""
    repo, discussion = rows.written(db, actor, path, num, kind)
    if discussion.is_pinned == is_pinned:
        raise NotPossibleNow(f"It is {'pinned' if is_pinned else 'not pinned'} already.")
    if is_pinned:
        pinned = select(func.count()).where(Discussion.repo_id == repo.id, Discussion.is_pinned)
        if (db.scalar(pinned) or 0) >= rules.MAX_PINNED:
            raise NotPossibleNow(f"{rules.MAX_PINNED} threads are pinned already; take one of them down first.")
    discussion.is_pinned = is_pinned
    return rows.add(db, actor, discussion, "pinning-change", {"pinned": is_pinned})
