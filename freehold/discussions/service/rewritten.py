"""Threads follow a history that was written anew: what named an old commit names the one in its place."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from freehold.discussions.tables import Discussion, Event
from freehold.repos.tables import Repo

#: Rows that are looked at in one go; a repository may have any number.
BATCH = 500
#: Events whose data name commits, of any type: see :class:`Event`.
NAMING = ("status-change", "commit", "force-push", "review", "comment")
KEYS = ("oid", "from", "to")


def follow(db: Session, repo: Repo, commits: Mapping[str, str]) -> None:
    """No thread of ``repo`` names a commit that is a key of ``commits``. What people wrote stays as they wrote it."""
    if commits:
        _discussions(db, repo, commits)
        _events(db, repo, commits)
        db.expire_all()


def _discussions(db: Session, repo: Repo, commits: Mapping[str, str]) -> None:
    after = ""
    query = select(Discussion.id, Discussion.start, Discussion.merge_commit)
    query = query.where(Discussion.repo_id == repo.id, Discussion.is_pull_request).order_by(Discussion.id).limit(BATCH)
    while found := db.execute(query.where(Discussion.id > after)).all():
        after = found[-1].id
        changed = [
            {"id": row.id, "start": _new(commits, row.start), "merge_commit": _new(commits, row.merge_commit)}
            for row in found
            if row.start in commits or row.merge_commit in commits
        ]
        if changed:
            db.execute(update(Discussion), changed)


def _events(db: Session, repo: Repo, commits: Mapping[str, str]) -> None:
    after = ""
    query = select(Event.id, Event.data).join(Discussion, Discussion.id == Event.discussion_id)
    query = query.where(Discussion.repo_id == repo.id, Discussion.is_pull_request, Event.type.in_(NAMING))
    query = query.order_by(Event.id).limit(BATCH)
    while found := db.execute(query.where(Event.id > after)).all():
        after = found[-1].id
        followed = [(row.id, row.data, _followed(row.data, commits)) for row in found]
        changed = [{"id": id_, "data": data} for id_, before, data in followed if data != before]
        if changed:
            db.execute(update(Event), changed)


def _followed(data: Mapping[str, Any], commits: Mapping[str, str]) -> dict[str, Any]:
    named = {key: _new(commits, data[key]) for key in KEYS if key in data}
    if "place" in data:
        named["place"] = data["place"] | {"oid": _new(commits, data["place"]["oid"])}
    return {**data, **named}


def _new(commits: Mapping[str, str], oid: str | None) -> str | None:
    return commits.get(oid, oid) if oid is not None else None
