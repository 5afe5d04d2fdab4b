"""Repositories as rows, without the doors that clients use for that, and a round of counting."""

from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from freehold.cards.tables import RepoCard, RepoTag
from freehold.community.tables import Like
from freehold.content.tables import DownloadDay, DownloadMonth
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.ids import new_id
from freehold.repos.tables import Repo
from freehold.trends.counting import Counting
from freehold.trends.tables import TallyRound
from tests.fixtures.people import Cast

Make = Callable[..., str]


@pytest.fixture
def make(database: Database, cast: Cast) -> Make:
    """``make("name", tags=..., days={age: n}, months={date: n}, likes=n, ...)``: a repository as rows; its id."""

    def made(name: str, **known: Any) -> str:
        repo_id, now = new_id(), clock.now()
        created = known.get("created", now - timedelta(days=10))
        with database.write() as db:
            db.add(
                Repo(
                    id=repo_id,
                    kind=known.get("kind", "model"),
                    owner_id=cast.alice.id,
                    creator_id=cast.alice.id,
                    name=name,
                    path_key=f"alice/{name}",
                    visibility="private" if known.get("private") else "public",
                    created_at=created,
                    updated_at=created,
                )
            )
            db.flush()
            db.add(RepoCard(repo_id=repo_id, commit="0" * 40, tags=known.get("tags", ["license:mit"])))
            for tag in known.get("tags", ["license:mit"]):
                db.add(RepoTag(repo_id=repo_id, tag=tag))
            today = now.astimezone(UTC).date()
            for age, number in known.get("days", {}).items():
                db.add(DownloadDay(repo_id=repo_id, day=today - timedelta(days=age), downloads=number, sources=number))
            for month, number in known.get("months", {}).items():
                db.add(DownloadMonth(repo_id=repo_id, month=month, downloads=number))
            for person in (cast.alice, cast.bob, cast.charlie)[: known.get("likes", 0)]:
                db.add(Like(repo_id=repo_id, user_id=person.id, created_at=created))
        return repo_id

    return made


def count(database: Database) -> None:
    """A whole round, due or not."""
    with database.write() as db:
        db.execute(update(TallyRound).values(leased_until=clock.now() - timedelta(days=1), finished_at=None, after=""))
    Counting(database).turn()
