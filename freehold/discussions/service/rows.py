"""How a thread grows: the rows that the verbs write, and who is told."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.access.service import of_user
from freehold.accounts.tables import Account
from freehold.core import clock, events
from freehold.core.ids import new_id
from freehold.discussions import access, queries, rules
from freehold.discussions.errors import DiscussionFull
from freehold.discussions.events import CommentAdded, Mentioned
from freehold.discussions.tables import CommentVersion, Discussion, Event
from freehold.repos import service as repos
from freehold.repos.access import may
from freehold.repos.tables import Repo
from freehold.web import references


def new_discussion(
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
    """A thread of its own without any event yet."""
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
        author=account(db, actor),
        events=0,
        characters=0,
        is_locked=False,
        is_pinned=False,
        created_at=clock.now(),
    )
    db.add(discussion)
    db.flush()
    return discussion


def led(db: Session, actor: Actor, path: str, num: int, kind: str) -> tuple[Repo, Discussion]:
    """The thread, held, for its author and for those who may write to the repository."""
    repo = repos.load(db, actor, path, Action.PROPOSE, kind=kind)
    discussion = queries.numbered(db, repo, num, locked=True)
    access.check_leads(actor, repo, discussion)
    return repo, discussion


def open_to(db: Session, actor: Actor, path: str, num: int, kind: str) -> tuple[Repo, Discussion]:
    """The thread, held, for whoever may speak in it."""
    repo = repos.load(db, actor, path, Action.PROPOSE, kind=kind)
    discussion = queries.numbered(db, repo, num, locked=True)
    access.check_speaks(actor, repo, discussion)
    return repo, discussion


def written(db: Session, actor: Actor, path: str, num: int, kind: str) -> tuple[Repo, Discussion]:
    """The thread, held, for those who may write to the repository."""
    repo = repos.load(db, actor, path, Action.WRITE, kind=kind)
    return repo, queries.numbered(db, repo, num, locked=True)


def say(
    db: Session, actor: Actor, repo: Repo, discussion: Discussion, text: str, place: Mapping[str, Any] | None = None
) -> Event:
    """``text`` is the newest comment; ``place`` is the line of a file that it is about."""
    event = add_words(db, actor, repo, discussion, "comment", text, {"place": dict(place)} if place else {})
    events.publish(db, CommentAdded(repo, discussion, actor, event))
    return event


def add_words(
    db: Session, actor: Actor, repo: Repo, discussion: Discussion, type_: str, text: str, data: Mapping[str, Any]
) -> Event:
    """An event with words of its own; whom they mention is told."""
    count(discussion, len(text))
    event = add(db, actor, discussion, type_, dict(data))
    event.versions.append(version(db, actor, event.id, 1, text))
    db.flush()
    tell_mentioned(db, actor, repo, discussion, event, text)
    return event


def add(db: Session, actor: Actor, discussion: Discussion, type_: str, data: dict[str, Any]) -> Event:
    """The next event of the thread, whose row the caller holds locked. A full thread can still be closed or merged."""
    if discussion.events >= rules.MAX_EVENTS and data.get("status") not in ("closed", "merged"):
        raise DiscussionFull(discussion.num)
    discussion.events += 1
    event = Event(
        id=new_id(),
        discussion_id=discussion.id,
        position=discussion.events,
        type=type_,
        author=account(db, actor),
        data=data,
        is_hidden=False,
        created_at=clock.now(),
        versions=[],
    )
    db.add(event)
    db.flush()
    return event


def tell_mentioned(
    db: Session, actor: Actor, repo: Repo, discussion: Discussion, event: Event, text: str, before: str = ""
) -> None:
    """People named in ``text`` and not in ``before`` are told, a few of them, where they may read the repository."""
    known = {name.lower() for name in references.mentioned(before)}
    names = [name.lower() for name in references.mentioned(text) if name.lower() not in known]
    named = select(Account).where(Account.key.in_(names[: rules.MAX_MENTIONS]), Account.kind == "user")
    if not names:
        return
    people = db.scalars(named.where(Account.is_disabled.is_(False), Account.id != actor.id)).all()
    told = sorted(person.id for person in people if may(of_user(db, person), Action.READ, repo))
    if told:
        events.publish(db, Mentioned(repo, discussion, actor, event, told))


def version(db: Session, actor: Actor, event_id: str, number: int, text: str) -> CommentVersion:
    return CommentVersion(
        event_id=event_id, number=number, text=text, author=account(db, actor), created_at=clock.now()
    )


def count(discussion: Discussion, characters: int) -> None:
    if discussion.characters + characters > rules.MAX_CHARACTERS:
        raise DiscussionFull(discussion.num)
    discussion.characters += characters


def account(db: Session, actor: Actor) -> Account | None:
    return db.get(Account, actor.id) if actor.id is not None else None
