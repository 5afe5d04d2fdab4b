"""Threads on pages of other rooms: what waits for somebody on their home, and what a search finds."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor, Thing, decide
from freehold.core.http import Ask
from freehold.discussions import rules
from freehold.discussions.tables import Discussion, DiscussionText
from freehold.repos.access import readable
from freehold.repos.rules import page_path
from freehold.repos.tables import Repo
from freehold.web.components import Found, Line
from freehold.wordkit import context
from freehold.wordkit.queries import held
from freehold.wordkit.rules import Asked, asked

#: Newest threads of the hub whose titles are looked through.
MAX_SEARCHED = 20_000
#: Threads that hold the words somewhere, of which so many are looked at, the newest.
MAX_HELD = 2_000
#: A search counts so far, and then says "or more".
MAX_COUNTED = 1_000


def desk(ask: Ask, limit: int) -> tuple[Sequence[Line], Sequence[Line]]:
    """Pull requests of others to what one may merge into, and one's own threads that are still open."""
    db, actor = ask.db, ask.actor
    return [_line(*row) for row in db.execute(_to_review(actor, limit))], [
        _line(*row) for row in db.execute(_opened(actor, limit))
    ]


def found(ask: Ask, words: str, limit: int) -> Found:
    """Threads whose title or comments hold all the words, in repositories that whoever asks may read: titles first."""
    wanted = asked(words)
    if not wanted.terms:
        return Found("discussion", "Discussions", (), 0)
    query = _holding(ask.actor, wanted)
    titled = case((_titled(wanted), 0), else_=1)
    best = query.add_columns(titled, DiscussionText.body).order_by(titled, Discussion.created_at.desc())
    rows = ask.db.execute(best.order_by(Discussion.id.desc()).limit(limit)).all()
    total = len(rows) if len(rows) < limit else _count(ask.db, query)
    lines = [
        replace(_line(thread, repo), context=tuple(context.line(body or "", wanted)) if in_text else ())
        for thread, repo, in_text, body in rows
    ]
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


def _holding(actor: Actor, wanted: Asked) -> Select[Any]:
    """Threads by any part of their titles among the newest, and by the words of what is said among all."""
    newest = select(Discussion.id).order_by(Discussion.id.desc()).limit(MAX_SEARCHED)
    query = _threads().outerjoin(DiscussionText, DiscussionText.discussion_id == Discussion.id)
    by_words = select(DiscussionText.discussion_id).where(held(DiscussionText, wanted, most=MAX_HELD))
    by_title = and_(Discussion.id.in_(newest), _titled(wanted))
    query = query.where(or_(by_title, Discussion.id.in_(by_words)), Discussion.status != "draft")
    return readable(query, actor)


def _titled(wanted: Asked) -> ColumnElement[bool]:
    title = func.lower(Discussion.title)
    return and_(*(title.contains(word, autoescape=True) for term in wanted.terms for word in term.words))


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
