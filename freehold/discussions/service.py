"""What people can do in discussions and pull requests, and what a push tells them."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.accounts.tables import Account
from freehold.content import queries as content
from freehold.content.events import PullRequestPushed, RepoPushed
from freehold.content.kit import Kit
from freehold.content.rules import MAIN, PULLS
from freehold.content.service import merging
from freehold.content.service.numbers import next_number
from freehold.content.service.refs import create_pull
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.events import Bus
from freehold.core.ids import new_id
from freehold.discussions import access, queries, rules
from freehold.discussions.errors import CommentNotFound, DiscussionFull, NotPossibleNow
from freehold.discussions.tables import CommentVersion, Discussion, Event
from freehold.gitkit.merging import Merge
from freehold.gitkit.objects import CommitInfo, Objects
from freehold.repos import service as repos
from freehold.repos.tables import Repo


def subscribe(bus: Bus, kit: Kit) -> None:
    """Commits that open a pull request, or go on with one, are told in it, in the same transaction."""
    bus.subscribe(PullRequestPushed, on_opened(kit))
    bus.subscribe(RepoPushed, on_pushed(kit))


# ---- threads -----------------------------------------------------------------------------------------------


def create_discussion(
    db: Session, actor: Actor, path: str, *, kind: str, title: str, description: str = ""
) -> Discussion:
    """An open thread with a first comment."""
    title, description = rules.checked_title(title), rules.checked_description(description)
    repo = repos.load(db, actor, path, Action.PROPOSE, kind=kind)
    discussion = _opened(db, actor, repo, next_number(db, repo), title, status="open")
    _say(db, actor, discussion, description)
    return discussion


def create_pull_request(
    db: Session, actor: Actor, path: str, *, kind: str, title: str, description: str = ""
) -> Discussion:
    """A draft with a ref of its own at the head of ``main``, for commits to come. Source: protocol/hub-api.md 6."""
    title, description = rules.checked_title(title), rules.checked_description(description)
    repo, number, head = create_pull(db, actor, path, kind=kind)
    discussion = _opened(db, actor, repo, number, title, status="draft", base=MAIN, start=head)
    _say(db, actor, discussion, description)
    return discussion


def rename(db: Session, actor: Actor, path: str, num: int, *, kind: str, title: str) -> Event:
    """The thread is called ``title``. Raises :class:`NotPossibleNow` when it was called so already."""
    title = rules.checked_title(title)
    discussion = _led(db, actor, path, num, kind)
    if discussion.title == title:
        raise NotPossibleNow("It is called so already.")
    before, discussion.title = discussion.title, title
    return _add(db, actor, discussion, "title-change", {"from": before, "to": title})


def change_status(
    db: Session, actor: Actor, path: str, num: int, *, kind: str, status: str, comment: str = ""
) -> Event:
    """The thread is ``status`` (open or closed), with ``comment`` said before. Opening a draft makes it ready."""
    discussion = _led(db, actor, path, num, kind)
    rules.check_status(discussion.status, status)
    if comment.strip():
        _say(db, actor, discussion, rules.checked_comment(comment))
    discussion.status = status
    return _add(db, actor, discussion, "status-change", {"status": status})


def merge(database: Database, kit: Kit, actor: Actor, path: str, num: int, *, kind: str, comment: str = "") -> str:
    """The pull request is in its branch, by a commit with both as parents; that commit.

    Opens its own transactions. Raises :class:`NotPossibleNow` for what is no open pull request, ``MergeConflict`` with
    the files that both sides changed, ``NothingToMerge`` when it brings nothing.
    """
    if comment.strip():
        comment = rules.checked_comment(comment)
    with database.read() as db:
        repo = repos.load(db, actor, path, Action.WRITE, kind=kind)
        discussion = queries.numbered(db, repo, num)
        rules.check_mergeable(discussion.is_pull_request, discussion.status)
        base, start, title = discussion.base, discussion.start, discussion.title
    assert base is not None, "a pull request without a branch to go to"

    def then(db: Session, repo: Repo, merged: Merge, commit: str) -> None:
        """Looked at again: it may have been closed, or merged by another, while the commit was made."""
        discussion = queries.numbered(db, repo, num, locked=True)
        rules.check_mergeable(discussion.is_pull_request, discussion.status)
        if comment.strip():
            _say(db, actor, discussion, comment)
        # What it was compared with at the end: the branch holds both sides from now on.
        discussion.start = merged.ancestor or discussion.start
        discussion.status, discussion.merge_commit = "merged", commit
        _add(db, actor, discussion, "status-change", {"status": "merged"})

    return merging.merge(
        database,
        kit,
        actor,
        path,
        kind=kind,
        base=base,
        proposal=f"{PULLS}{num}",
        start=start,
        message=f"{title} (#{num})",
        then=then,
    )


# ---- comments ----------------------------------------------------------------------------------------------


def comment(db: Session, actor: Actor, path: str, num: int, *, kind: str, text: str) -> Event:
    """``text`` is the last word of the thread, whatever its status. Raises :class:`DiscussionFull`."""
    text = rules.checked_comment(text)
    repo = repos.load(db, actor, path, Action.PROPOSE, kind=kind)
    return _say(db, actor, queries.numbered(db, repo, num, locked=True), text)


def edit_comment(db: Session, actor: Actor, path: str, num: int, comment_id: str, *, kind: str, text: str) -> Event:
    """The actor's own comment says ``text``; what it said before stays in its history."""
    text = rules.checked_comment(text)
    repo = repos.load(db, actor, path, Action.PROPOSE, kind=kind)
    discussion = queries.numbered(db, repo, num, locked=True)
    event = _comment(db, discussion, comment_id)
    access.check_author(actor, event)
    if event.is_hidden:
        raise NotPossibleNow("This comment is hidden: its words are gone.")
    _count(discussion, len(text))
    number = event.versions[-1].number + 1
    event.versions.append(_version(db, actor, event.id, number, text))
    db.flush()
    return event


def hide_comment(db: Session, actor: Actor, path: str, num: int, comment_id: str, *, kind: str) -> Event:
    """The comment's words are gone for good, in every version; that there was one stays."""
    repo = repos.load(db, actor, path, Action.WRITE, kind=kind)
    discussion = queries.numbered(db, repo, num, locked=True)
    event = _comment(db, discussion, comment_id)
    if event.is_hidden:
        raise NotPossibleNow("This comment is hidden already.")
    discussion.characters -= sum(len(version.text) for version in event.versions)
    event.versions.clear()
    event.is_hidden = True
    db.flush()
    return event


# ---- news from below ---------------------------------------------------------------------------------------


def on_opened(kit: Kit) -> Callable[[Session, Any], None]:
    """A listener: a commit made as a proposal opens a pull request. Source: protocol/hub-api.md 3.6."""

    def opened(db: Session, event: PullRequestPushed) -> None:
        repo, actor = event.repo, event.actor
        start = content.head(db, repo, event.base)
        title = rules.title_of_commit(event.title)
        discussion = _opened(db, actor, repo, event.number, title, status="open", base=event.base, start=start)
        _say(db, actor, discussion, rules.checked_description(event.description))
        _tell_commits(db, kit, actor, repo, discussion, before=start, after=event.commit)

    return opened


def on_pushed(kit: Kit) -> Callable[[Session, Any], None]:
    """A listener: commits to a pull request's ref are told in it. What is merged is a record: it takes no more."""

    def pushed(db: Session, event: RepoPushed) -> None:
        number = event.ref.removeprefix(PULLS)
        if event.before is None or event.after is None or event.ref == number or not number.isdecimal():
            return
        discussion = queries.find(db, event.repo, int(number), locked=True)
        if discussion is None:  # from before there were discussions
            return
        if discussion.status == "merged":
            raise NotPossibleNow(f"Pull request {number} is merged; open a new one for more commits.")
        _tell_commits(db, kit, event.actor, event.repo, discussion, before=event.before, after=event.after)

    return pushed


def _tell_commits(
    db: Session, kit: Kit, actor: Actor, repo: Repo, discussion: Discussion, *, before: str | None, after: str
) -> None:
    for commit in _new_commits(content.objects(db, repo, kit), before, after):
        # A push is not refused for a full thread: git's own log has the rest.
        if discussion.events < rules.MAX_EVENTS:
            _add(db, actor, discussion, "commit", {"subject": commit.title, "oid": commit.oid})


def _new_commits(objects: Objects, before: str | None, after: str) -> list[CommitInfo]:
    """What ``after`` has on top of ``before``, oldest first; of a history made anew, its head."""
    if before == after:
        return []
    common = objects.merge_base(before, after) if before is not None else None
    if common is None:
        return objects.log(after, 0, 1)
    found = []
    for commit in objects.log(after, 0, rules.MAX_COMMITS_TOLD):
        if commit.oid == common:
            break
        found.append(commit)
    return found[::-1]


# ---- rows --------------------------------------------------------------------------------------------------


def _opened(
    db: Session,
    actor: Actor,
    repo: Repo,
    num: int,
    title: str,
    *,
    status: str,
    base: str | None = None,
    start: str | None = None,
) -> Discussion:
    discussion = Discussion(
        id=new_id(),
        repo_id=repo.id,
        num=num,
        title=title,
        status=status,
        is_pull_request=base is not None,
        base=base,
        start=start,
        merge_commit=None,
        author=_account(db, actor),
        events=0,
        characters=0,
        created_at=clock.now(),
    )
    db.add(discussion)
    db.flush()
    return discussion


def _led(db: Session, actor: Actor, path: str, num: int, kind: str) -> Discussion:
    """The thread, for its author and for those who may write to the repository."""
    repo = repos.load(db, actor, path, Action.PROPOSE, kind=kind)
    discussion = queries.numbered(db, repo, num, locked=True)
    access.check_leads(actor, repo, discussion)
    return discussion


def _say(db: Session, actor: Actor, discussion: Discussion, text: str) -> Event:
    _count(discussion, len(text))
    event = _add(db, actor, discussion, "comment", {})
    event.versions.append(_version(db, actor, event.id, 1, text))
    db.flush()
    return event


def _add(db: Session, actor: Actor, discussion: Discussion, type_: str, data: dict[str, str]) -> Event:
    """The next event of the thread, whose row the caller holds locked. A full thread can still be closed or merged."""
    if discussion.events >= rules.MAX_EVENTS and data.get("status") not in ("closed", "merged"):
        raise DiscussionFull(discussion.num)
    discussion.events += 1
    event = Event(
        id=new_id(),
        discussion_id=discussion.id,
        position=discussion.events,
        type=type_,
        author=_account(db, actor),
        data=data,
        is_hidden=False,
        created_at=clock.now(),
        versions=[],
    )
    db.add(event)
    db.flush()
    return event


def _version(db: Session, actor: Actor, event_id: str, number: int, text: str) -> CommentVersion:
    author = _account(db, actor)
    return CommentVersion(event_id=event_id, number=number, text=text, author=author, created_at=clock.now())


def _comment(db: Session, discussion: Discussion, comment_id: str) -> Event:
    query = select(Event).where(Event.discussion_id == discussion.id, Event.id == comment_id.lower()[:24])
    event = db.scalar(query.where(Event.type == "comment"))
    if event is None:
        raise CommentNotFound(discussion.num)
    return event


def _count(discussion: Discussion, characters: int) -> None:
    if discussion.characters + characters > rules.MAX_CHARACTERS:
        raise DiscussionFull(discussion.num)
    discussion.characters += characters


def _account(db: Session, actor: Actor) -> Account | None:
    return db.get(Account, actor.id) if actor.id is not None else None
