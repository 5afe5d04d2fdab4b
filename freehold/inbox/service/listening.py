"""What happens in the rooms below becomes news: one row in the same transaction, and one task that spreads it.

``data`` of each kind of news:

repo-created, repo-deleted     gated
repo-moved                     from, to, owner_id (of the new name)
repo-settings                  private, gated
pushed                         refs: [[full name, before, after], ...]; more: how many were left out
discussion-*, merged, ...      num, title, is_pull, event_id, and by kind: status, verdict, commit, people
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts.tables import Account
from freehold.community.events import RepoLiked
from freehold.content.events import RepoPushed
from freehold.content.rules import PULLS
from freehold.core import clock
from freehold.core.events import Bus
from freehold.core.ids import id_at, ordered_id
from freehold.discussions.events import (
    CommentAdded,
    CommentEdited,
    CommentHidden,
    DiscussionOpened,
    Mentioned,
    Merged,
    ProposalMoved,
    ReviewGiven,
    StatusChanged,
    ThreadRenamed,
)
from freehold.inbox import rules
from freehold.inbox.queue import SPREAD
from freehold.inbox.tables import News, WebhookWatch
from freehold.repos.events import RepoCreated, RepoDeleted, RepoMoved, RepoSettingsChanged
from freehold.repos.tables import Repo
from freehold.tasks.queue import enqueue

#: Refs of one push that are told one by one.
MAX_REFS_TOLD = 100


def subscribe(bus: Bus) -> None:
    """Every event that becomes news."""
    bus.subscribe(RepoCreated, on_created)
    bus.subscribe(RepoDeleted, on_deleted)
    bus.subscribe(RepoMoved, on_moved)
    bus.subscribe(RepoSettingsChanged, on_settings)
    bus.subscribe(RepoPushed, on_pushed)
    bus.subscribe(DiscussionOpened, on_opened)
    bus.subscribe(CommentAdded, on_comment)
    bus.subscribe(CommentEdited, on_edited)
    bus.subscribe(CommentHidden, on_hidden)
    bus.subscribe(ThreadRenamed, on_renamed)
    bus.subscribe(StatusChanged, on_status)
    bus.subscribe(Merged, on_merged)
    bus.subscribe(ReviewGiven, on_review)
    bus.subscribe(ProposalMoved, on_proposal_moved)
    bus.subscribe(Mentioned, on_mentioned)
    bus.subscribe(RepoLiked, on_liked)


# ---- repositories ------------------------------------------------------------------------------------------


def on_created(db: Session, event: RepoCreated) -> None:
    _tell(db, "repo-created", event.actor, event.repo, gated=event.repo.gated)
    db.info.setdefault("inbox_created", set()).add(event.repo.id)


def on_deleted(db: Session, event: RepoDeleted) -> None:
    _tell(db, "repo-deleted", event.actor, event.repo, gated=event.repo.gated)


def on_moved(db: Session, event: RepoMoved) -> None:
    repo = event.repo
    news = _tell(db, "repo-moved", event.actor, repo, **{"from": event.old_path, "to": repo.path})
    news.repo_path = event.old_path
    for watch in db.scalars(  # webhooks that watch the repository itself go with it
        select(WebhookWatch).where(WebhookWatch.type == repo.kind, WebhookWatch.key == event.old_path.lower())
    ):
        watch.name, watch.key = repo.path, repo.path.lower()


def on_settings(db: Session, event: RepoSettingsChanged) -> None:
    repo = event.repo
    _tell(db, "repo-settings", event.actor, repo, private=repo.visibility == "private", gated=repo.gated)


def on_pushed(db: Session, event: RepoPushed) -> None:
    """One push moves many refs, each told by an event of its own: they are one piece of news."""
    if event.before is None and event.repo.id in db.info.get("inbox_created", ()):
        return  # what a repository is made with is no news of its own
    told: dict[str, News] = db.info.setdefault("inbox_pushes", {})
    ref = [event.ref, event.before, event.after]
    news = told.get(event.repo.id)
    if news is None:
        told[event.repo.id] = _tell(db, "pushed", event.actor, event.repo, refs=[ref], more=0)
    elif len(news.data["refs"]) < MAX_REFS_TOLD:
        news.data = news.data | {"refs": [*news.data["refs"], ref]}
    else:
        news.data = news.data | {"more": news.data["more"] + 1}


def on_liked(db: Session, event: RepoLiked) -> None:
    _tell(db, "liked", event.actor, event.repo)


# ---- threads -----------------------------------------------------------------------------------------------

Thread = (
    DiscussionOpened
    | CommentAdded
    | CommentEdited
    | CommentHidden
    | ThreadRenamed
    | StatusChanged
    | Merged
    | ReviewGiven
    | ProposalMoved
    | Mentioned
)


def on_opened(db: Session, event: DiscussionOpened) -> None:
    _tell_thread(db, "discussion-opened", event)


def on_comment(db: Session, event: CommentAdded) -> None:
    _tell_thread(db, "comment", event)


def on_edited(db: Session, event: CommentEdited) -> None:
    _tell_thread(db, "comment-edited", event)


def on_hidden(db: Session, event: CommentHidden) -> None:
    _tell_thread(db, "comment-hidden", event)


def on_renamed(db: Session, event: ThreadRenamed) -> None:
    _tell_thread(db, "renamed", event, before=event.before)


def on_status(db: Session, event: StatusChanged) -> None:
    _tell_thread(db, "status", event, status=event.discussion.status, before=event.before)


def on_merged(db: Session, event: Merged) -> None:
    _tell_thread(db, "merged", event, commit=event.commit, status="merged")


def on_review(db: Session, event: ReviewGiven) -> None:
    _tell_thread(db, "review", event, verdict=event.verdict)


def on_proposal_moved(db: Session, event: ProposalMoved) -> None:
    _tell_thread(db, "proposal-moved", event, is_forced=event.is_forced)


def on_mentioned(db: Session, event: Mentioned) -> None:
    left = rules.MAX_NAMED_PER_HOUR - _named_lately(db, event.actor)
    people = list(event.account_ids)[: max(0, left)]
    if people:  # a flood of names over many comments ends here
        _tell_thread(db, "mention", event, people=people)


def _named_lately(db: Session, actor: Actor) -> int:
    """How many the actor's comments have named within the hour. Ids begin with their time: older ones are not read."""
    since = id_at(clock.now() - timedelta(hours=1))
    query = select(News.data).where(News.actor_id == actor.id, News.kind == "mention", News.id > since)
    return sum(len(data["people"]) for data in db.scalars(query.limit(rules.MAX_NAMED_PER_HOUR)))


def _tell_thread(db: Session, kind: str, event: Thread, **data: Any) -> None:
    found = event.discussion
    news = _tell(
        db,
        kind,
        event.actor,
        event.repo,
        num=found.num,
        title=found.title,
        is_pull=found.is_pull_request,
        event_id=event.event.id,
        **data,
    )
    news.discussion_id = found.id


def _tell(db: Session, kind: str, actor: Actor, repo: Repo, **data: Any) -> News:
    news = News(
        id=ordered_id(),
        kind=kind,
        actor=db.get(Account, actor.id) if actor.id is not None else None,
        repo_id=repo.id,
        repo_kind=repo.kind,
        repo_path=repo.path,
        owner_id=repo.owner_id,
        visibility=repo.visibility,
        discussion_id=None,
        data=data,
        at=clock.now(),
    )
    db.add(news)
    db.flush()
    # One repository's news in its order: what was said after the opening is told after it.
    enqueue(db, SPREAD, key=f"news {repo.id}", news_id=news.id)
    return news


def is_proposal(ref: str) -> bool:
    """Whether a ref is a pull request's: its commits are told in the thread, not as a push."""
    return ref.startswith(PULLS)
