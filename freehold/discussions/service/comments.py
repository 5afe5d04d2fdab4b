"""Comments, and what people think of them."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.content.rows import insert_missing
from freehold.core import clock, events
from freehold.discussions import access, queries, rules
from freehold.discussions.errors import NotPossibleNow
from freehold.discussions.events import CommentEdited, CommentHidden
from freehold.discussions.service import rows
from freehold.discussions.tables import Event, Reaction


def comment(db: Session, actor: Actor, path: str, num: int, *, kind: str, text: str) -> Event:
    """``text`` is the last word of the thread, whatever its status. Raises ``DiscussionFull``, ``ThreadLocked``."""
    text = rules.checked_comment(text)
    repo, discussion = rows.open_to(db, actor, path, num, kind)
    return rows.say(db, actor, repo, discussion, text)


def edit_comment(db: Session, actor: Actor, path: str, num: int, comment_id: str, *, kind: str, text: str) -> Event:
    """The actor's own comment says ``text``; what it said before stays in its history."""
    text = rules.checked_comment(text)
    repo, discussion = rows.open_to(db, actor, path, num, kind)
    event = queries.with_words(db, discussion, comment_id)
    access.check_author(actor, event)
    if event.is_hidden:
        raise NotPossibleNow("This comment is hidden: its words are gone.")
    rows.count(discussion, len(text))
    before = event.versions[-1]
    event.versions.append(rows.version(db, actor, event.id, before.number + 1, text))
    db.flush()
    rows.tell_mentioned(db, actor, repo, discussion, event, text, before.text)
    events.publish(db, CommentEdited(repo, discussion, actor, event))
    return event


def hide_comment(db: Session, actor: Actor, path: str, num: int, comment_id: str, *, kind: str) -> Event:
    """The comment's words are gone for good, in every version; that there was one stays."""
    repo, discussion = rows.written(db, actor, path, num, kind)
    event = queries.with_words(db, discussion, comment_id)
    if event.is_hidden:
        raise NotPossibleNow("This comment is hidden already.")
    discussion.characters -= sum(len(version.text) for version in event.versions)
    event.versions.clear()
    event.is_hidden = True
    if "place" in event.data:  # the excerpt is words too
        event.data = {"place": {**event.data["place"], "excerpt": ""}}
    db.execute(delete(Reaction).where(Reaction.event_id == event.id))
    db.flush()
    events.publish(db, CommentHidden(repo, discussion, actor, event))
    return event


def react(db: Session, actor: Actor, path: str, num: int, comment_id: str, name: str, *, kind: str) -> Event:
    """The actor thinks ``name`` of the comment, counted once however often it is said."""
    event = _judged(db, actor, path, num, comment_id, kind)
    row = {"event_id": event.id, "account_id": actor.id, "name": rules.checked_reaction(name)}
    insert_missing(db, Reaction, [{**row, "created_at": clock.now()}])
    return event


def take_back(db: Session, actor: Actor, path: str, num: int, comment_id: str, name: str, *, kind: str) -> Event:
    """The actor no longer thinks so; nothing happens where it never did."""
    event = _judged(db, actor, path, num, comment_id, kind)
    mine = (Reaction.event_id == event.id, Reaction.account_id == actor.id)
    db.execute(delete(Reaction).where(*mine, Reaction.name == rules.checked_reaction(name)))
    return event


def _judged(db: Session, actor: Actor, path: str, num: int, comment_id: str, kind: str) -> Event:
    _, discussion = rows.open_to(db, actor, path, num, kind)
    event = queries.with_words(db, discussion, comment_id)
    if event.is_hidden:
        raise NotPossibleNow("This comment is hidden: its words are gone.")
    return event
