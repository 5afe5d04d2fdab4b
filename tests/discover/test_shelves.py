"""What ``make bench`` measures lists on: the same repositories twice, on both databases, such as a hub knows."""

import random
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from bench import shelves
from freehold.access.rules import Actor
from freehold.cards.queries import facts_of
from freehold.cards.tables import RepoCard, RepoTag
from freehold.core.database import Database
from freehold.discover import queries, trending
from freehold.discover.rules import Listing
from freehold.repos.tables import Repo

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def test_a_seed_makes_the_same_repositories_twice() -> None:
    first, again, other = (shelves.Crowd(random.Random(seed), NOW, 50, seed).next(50) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len({repo[5] for repo in first[Repo]}) == 50


def test_they_fill_a_hub_that_lists_and_shows_them(database: Database, request: pytest.FixtureRequest) -> None:
    shelves.fill(database, 300)  # before a hub looks at it: filling locks the whole file
    client: TestClient = request.getfixturevalue("client")
    with database.read() as db:
        kinds = dict(db.execute(select(Repo.kind, func.count()).group_by(Repo.kind)).all())
        assert sum(kinds.values()) == 300
        assert kinds["model"] > kinds["dataset"] > kinds["space"]
        for repo, card in db.execute(select(Repo, RepoCard).join(RepoCard, RepoCard.repo_id == Repo.id)):
            assert repo.path_key == repo.path.lower()
            assert card.data is not None
            tags = db.scalars(select(RepoTag.tag).where(RepoTag.repo_id == repo.id)).all()
            assert sorted(tags) == sorted(set(card.tags))
        page = queries.page(db, Actor(kind="hub"), Listing(kind="model", limit=300))
        assert facts_of(db, [item.repo.id for item in page.items])
        assert len(page.items) == kinds["model"]
        hot = db.scalar(select(func.max(Repo.trend)))
    listed = client.get("/api/models?limit=300&expand=safetensors&expand=tags").json()
    assert 200 * 0.5 < len(listed) < kinds["model"]  # some are private
    assert client.get("/models", headers={"accept": "text/html"}).status_code == 200
    trending.refresh_all(database)
    with database.read() as db:
        assert abs((db.scalar(select(func.max(Repo.trend))) or 0) - (hot or 0)) < 5
