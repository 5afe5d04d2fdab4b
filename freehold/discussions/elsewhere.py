"""Threads on pages of other rooms: what waits for somebody on their home, and what a search finds."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor, Thing, decide
from freehold.core.http import Ask
from freehold.discussions import rules
from freehold.discussions.tables import Discussion
from freehold.repos.access import readable
from freehold.repos.rules import page_path
from freehold.repos.tables import Repo
from freehold.web.components import Found, Line

#: Newest threads of the hub whose titles are looked through.
MAX_SEARCHED = 20_000
#: A search counts so far, and then says "or more".
MAX_COUNTED = 1_000


def desk(ask: Ask, limit: int) -> tuple[Sequence[Line], Sequence[Line]]:
    """Pull requests of others to what one may merge into, and one's own threads that are still open."""
    db, actor = ask.db, ask.actor
    return [_line(*row) for row in db.execute(_to_review(actor, limit))], [
        _line(*row) for row in db.execute(_opened(actor, limit))
    ]


def found(ask: Ask, words: str, limit: int) -> Found:
    """Threads whose titles hold all the words, in repositories that whoever asks may read."""
    query = _titled(ask.actor, words)
    rows = ask.db.execute(query.order_by(Discussion.created_at.desc(), Discussion.id.desc()).limit(limit)).all()
    total = len(rows) if len(rows) < limit else _count(ask.db, query)
    lines = [_line(*row) for row in rows]
    return Found("discussion", "Discussions", lines, min(total, MAX_COUNTED), total > MAX_COUNTED)


def _to_review(actor: Actor, limit: int) -> Select[Any]:
    mine = [actor.id, *(org_id for org_id in actor.roles if decide(actor, Action.WRITE, _of(org_id)))]
    query = _threads().where(
        Repo.owner_id.in_(mine),
        Discussion.is_pull_request,
        Discussion.status == "open",
        Discussion.author_id.is_distinct_from(actor.id),
    )
    return readable(query, actor).order_by(Discussion.created_at.desc()).limit(limit)


def _opened(actor: Actor, limit: int) -> Select[Any]:
    query = _threads().where(Discussion.author_id == actor.id, Discussion.status.in_(rules.STATUSES["open"]))
    return readable(query, actor).order_by(Discussion.created_at.desc()).limit(limit)


def _titled(actor: Actor, words: str) -> Select[Any]:
    newest = select(Discussion.id).order_by(Discussion.id.desc()).limit(MAX_SEARCHED)
    query = _threads().where(Discussion.id.in_(newest), Discussion.status != "draft")
    for word in words.lower().split():
        query = query.where(func.lower(Discussion.title).contains(word, autoescape=True))
    return readable(query, actor)


def _count(db: Session, query: Select[Any]) -> int:
    some = query.with_only_columns(Discussion.id).limit(MAX_COUNTED + 1).subquery()
    return db.scalar(select(func.count()).select_from(some)) or 0


def _threads() -> Any:
    return select(Discussion, Repo).join(Repo, Repo.id == Discussion.repo_id)


def _of(org_id: str) -> Thing:
    return Thing(owner_id=org_id, visibility="private")


def _line(thread: Discussion, repo: Repo) -> Line:
    kind = "pull request" if thread.is_pull_request else "discussion"
    said = {"open": "", "draft": ", a draft"}.get(thread.status, f", {thread.status}")
    return Line(
        title=thread.title,
        address=f"{page_path(repo.kind, repo.path)}/discussions/{thread.num}",
        at=thread.created_at,
        about=f"{repo.path}, {kind} {thread.num}{said}",
        icon="pull" if thread.is_pull_request else "comment",
    )
