"""One piece of news to everyone it concerns, a batch at a time."""

from sqlalchemy.orm import Session

from freehold.content.kit import Kit
from freehold.inbox.queue import SPREAD
from freehold.inbox.service import delivering, notifying
from freehold.inbox.tables import News
from freehold.tasks.queue import enqueue


def spread(db: Session, kit: Kit, news_id: str, *, webhooks_after: str | None, people_after: str | None) -> None:
    """The next batch has it; the batch after that is in the queue. ``*_after`` None: that side is done."""
    news = db.get(News, news_id)
    if news is None:
        return
    next_webhooks = next_people = None
    if webhooks_after is not None:
        next_webhooks = delivering.spread(db, kit, news, after=webhooks_after)
    if people_after is not None:
        next_people = notifying.spread(db, kit, news, after=people_after)
    if next_webhooks is not None or next_people is not None:
        enqueue(
            db,
            SPREAD,
            key=f"news {news.repo_id}",
            news_id=news_id,
            webhooks_after=next_webhooks,
            people_after=next_people,
        )
