"""Pages that are walked while others push, like, rename, hide and delete: what stands still is told once, in order."""

import base64
import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert
from starlette.testclient import TestClient

from freehold.access.rules import Action
from freehold.cards.tables import RepoCard, RepoTag
from freehold.core.database import Database
from freehold.core.ids import new_id
from freehold.repos import service as repos
from freehold.repos.service import Changes
from freehold.repos.tables import Repo
from tests.discover.conftest import by_index
from tests.fixtures.people import Cast

STILL, MOVING, PAGE = 60, 60, 7
SORTS = ("likes", "lastModified", "createdAt", "trendingScore")


@pytest.fixture
def shelf(database: Database, cast: Cast) -> None:
    """Every other one stands still; values are few, so that pages end among equals."""
    chance, begun = random.Random(3), datetime(2026, 5, 1, tzinfo=UTC)
    rows = [
        {
            "id": new_id(),
            "kind": "model",
            "owner_id": cast.alice.id,
            "name": f"{'still' if place < STILL else 'moving'}-{place}",
            "path_key": f"alice/{'still' if place < STILL else 'moving'}-{place}",
            "visibility": "public",
            "likes": chance.randrange(3),
            "trend": chance.choice((0, 0, 5, 105_000_000)),
            "created_at": begun + timedelta(days=chance.randrange(4)),
            "updated_at": begun + timedelta(days=10 + chance.randrange(4)),
        }
        for place in range(STILL + MOVING)
    ]
    card = {"commit": "0" * 40, "tags": ["many"], "summary": "", "data": None, "config": None}
    with database.write() as db:
        db.execute(insert(Repo), rows)
        db.execute(insert(RepoCard), [{"repo_id": row["id"], **card} for row in rows])
        db.execute(insert(RepoTag), [{"repo_id": row["id"], "tag": "many"} for row in rows])


class Others:
    """Somebody who changes the moving ones, one after another; ``hidden``: what nobody else may know of any more."""

    def __init__(self, database: Database, cast: Cast) -> None:
        self.database, self.alice, self.charlie = database, cast.alice.actor, cast.charlie.actor
        self.paths = [f"alice/moving-{place}" for place in range(STILL, STILL + MOVING)]
        self.hidden: set[str] = set()
        self.changed = 0
        self.broke: Exception | None = None
        self._chance, self._stop, self._more = random.Random(5), threading.Event(), threading.Event()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        thread = threading.Thread(target=self._work)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(30)
        assert self.broke is None, self.broke

    def wait(self) -> None:
        """Something more was changed."""
        self._more.clear()
        assert self._more.wait(20), f"nobody changes anything: {self.broke}"

    def _work(self) -> None:
        try:
            while not self._stop.is_set() and self.changed < 2_000:
                self._change(self._chance.choice(("like", "push", "push", "rename", "hide", "delete", "new")))
                self.changed += 1
                self._more.set()
        except Exception as err:
            self.broke = err

    def _change(self, how: str) -> None:
        path = self._chance.choice(self.paths)
        with self.database.write() as db:
            if how == "like":
                repo = repos.load(db, self.alice, path, Action.WRITE)
                repos.count_likes(db, repo, 1)
                repos.rank(db, {repo.id: 106_000_000 + self.changed})
            elif how == "push":
                repos.touch(db, repos.load(db, self.alice, path, Action.WRITE))
            elif how == "rename":
                repos.move(db, self.alice, path, f"{path}x", kind="model")
            elif how == "hide":
                repos.change_settings(db, self.alice, path, Changes(visibility="private"), kind="model")
            elif how == "delete" and len(self.paths) > MOVING // 2:
                repos.delete_repo(db, self.alice, path, kind="model")
            else:
                how = "new"
                repos.create(db, self.alice, f"moving-new-{self.changed}")
        if how in ("rename", "hide", "delete"):
            self.paths.remove(path)
            self.paths += [f"{path}x"] if how == "rename" else []
            self.hidden |= {path} if how != "rename" else set()
        elif how == "new":
            self.paths.append(f"alice/moving-new-{self.changed}")


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize("sort", SORTS)
def test_what_stands_still_is_told_once_while_all_else_changes(
    client: TestClient, database: Database, cast: Cast, sort: str
) -> None:
    _walk(client, database, cast, sort)


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize("sort", ["likes", "lastModified"])
def test_it_is_so_by_the_index_too(client: TestClient, database: Database, cast: Cast, sort: str) -> None:
    with by_index(database):
        _walk(client, database, cast, sort)


def _walk(client: TestClient, database: Database, cast: Cast, sort: str) -> None:
    everybody = client.get(f"/api/models?sort={sort}&limit=1000&filter=many").json()
    expected = [one["id"] for one in everybody if "still" in one["id"]]
    others = Others(database, cast)
    told: list[str] = []
    address = f"/api/models?sort={sort}&limit={PAGE}&filter=many"
    with others.at_work():
        for _ in range(100):
            others.wait()
            hidden = set(others.hidden)
            answer = client.get(address, headers=cast.charlie.headers)
            assert answer.status_code == 200, answer.text
            page = [one["id"] for one in answer.json()]
            assert not hidden & set(page), "a page that was asked for later tells of what is hidden"
            told += page
            link = answer.headers.get("link", "")
            if not link:
                break
            address = link[1 : link.index(">")]
    assert not link, "the walk ends"
    assert [one for one in told if "still" in one] == expected


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-01-01T00:00:00"])
def test_a_moment_outside_of_all_years_is_no_place_in_a_list(client: TestClient, moment: str) -> None:
    """Written by hand: one that has no year in UTC, and one without a zone."""
    cursor = base64.urlsafe_b64encode(json.dumps([moment, "x"]).encode()).decode()
    assert client.get(f"/api/models?sort=createdAt&cursor={cursor}").status_code == 400
