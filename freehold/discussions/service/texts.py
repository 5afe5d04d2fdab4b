"""The words of threads, so that they are found by them: the title, and what its comments say now.

Written in the transaction that changes them: a hidden comment is found no more, a deleted thread neither.
"""

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from freehold.core.database import Database
from freehold.core.events import Bus
from freehold.discussions.events import (
    CommentAdded,
    CommentEdited,
    CommentHidden,
    DiscussionOpened,
    ReviewGiven,
    ThreadRenamed,
)
from freehold.discussions.tables import CommentVersion, Discussion, DiscussionText, Event
from freehold.wordkit import service
from freehold.wordkit.markdown import plain

#: Of a thread: comments that are looked at, and characters of each.
MAX_COMMENTS, MAX_COMMENT_CHARS = 300, 4_000
#: Threads of older releases whose words are cut in one turn, and how often there is one.
BATCH, BACKFILL_S = 500, 60

Told = DiscussionOpened | CommentAdded | CommentEdited | CommentHidden | ReviewGiven | ThreadRenamed


def subscribe(bus: Bus) -> None:
    """The words follow whatever is said, said otherwise, hidden or called otherwise."""
    for event in (DiscussionOpened, CommentAdded, CommentEdited, CommentHidden, ReviewGiven, ThreadRenamed):
        bus.subscribe(event, on_told)


def on_told(db: Session, event: Told) -> None:
    keep(db, event.discussion)


def keep(db: Session, discussion: Discussion) -> None:
    """The thread is found by its title and by what its first comments say now."""
    said = "\n\n".join(plain(text) for text in _said(db, discussion))
    row = db.scalar(select(DiscussionText).where(DiscussionText.discussion_id == discussion.id))
    if row is None:
        row = DiscussionText(discussion_id=discussion.id)
        db.add(row)
    service.write(db, row, title=discussion.title, body=said)
    db.flush()


def _said(db: Session, discussion: Discussion) -> list[str]:
    newest = (
        select(func.max(CommentVersion.number))
        .where(CommentVersion.event_id == Event.id)
        .correlate(Event)
        .scalar_subquery()
    )
    query = select(func.substr(CommentVersion.text, 1, MAX_COMMENT_CHARS)).join(
        Event, and_(Event.id == CommentVersion.event_id, CommentVersion.number == newest)
    )
    query = query.where(Event.discussion_id == discussion.id, Event.is_hidden.is_(False))
    return list(db.scalars(query.order_by(Event.position).limit(MAX_COMMENTS)))


class Backfill:
    """Cuts the words of threads that have none, or of an older way: once through all of them, in batches."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._after: str | None = ""

    def turn(self) -> int:
        """The next batch has its words; how many. Costs nothing once there are no more."""
        if self._after is None:
            return 0
        query = select(Discussion).outerjoin(DiscussionText, DiscussionText.discussion_id == Discussion.id)
        lacking = func.coalesce(DiscussionText.version, 0) != service.VERSION
        query = query.where(Discussion.id > self._after, lacking).order_by(Discussion.id).limit(BATCH)
        with self._database.read() as db:
            if not list(db.scalars(query.limit(1))):
                self._after = None
                return 0
        with self._database.write() as db:
            found = list(db.scalars(query))
            for discussion in found:
                keep(db, discussion)
        self._after = found[-1].id if len(found) == BATCH else None
        return len(found)
