"""What is trending: it fades, it cannot be bought by one account, and it keeps secrets."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.community.tables import Like
from freehold.content.service import counting
from freehold.content.tables import DownloadDay
from freehold.core import clock
from freehold.core.database import Database
from freehold.discover import trending
from freehold.repos import service as repos
from freehold.repos.tables import Repo
from tests.discover.conftest import Publish
from tests.fixtures.people import Cast

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
TODAY = NOW.date()


def _week(number: int) -> dict[date, int]:
    return {TODAY - timedelta(days=age): number for age in range(7)}


@pytest.mark.rules
def test_half_of_a_score_is_gone_in_a_week() -> None:
    for days, likes in ((_week(3), []), ({}, [NOW]), (_week(40), [NOW - timedelta(days=2)] * 5)):
        before = trending.score(days, likes, NOW)
        after = trending.score(days, likes, NOW + timedelta(days=7))
        assert after == pytest.approx(before / 2)


@pytest.mark.rules
def test_nothing_scores_nothing() -> None:
    assert trending.score({}, [], NOW) == 0
    assert trending.trend(0, NOW) == 0
    assert trending.score_of(0, NOW) == 0


@pytest.mark.rules
@given(
    first=st.floats(1e-6, 1e9),
    second=st.floats(1e-6, 1e9),
    days=st.integers(0, 5_000),
)
def test_the_ruler_orders_as_scores_do_and_tells_them_back(first: float, second: float, days: int) -> None:
    one, other = trending.trend(first, NOW), trending.trend(second, NOW)
    if abs(one - other) > 2:
        assert (one > other) is (first > second)
    later = NOW + timedelta(days=days)
    assert trending.score_of(one, later) == pytest.approx(first / 2 ** (days / 7), rel=1e-4, abs=1e-3)
    assert 0 <= trending.trend(first, later) < 2**31


@pytest.mark.rules
def test_what_one_account_reaches_alone_has_a_bound() -> None:
    """Each day for ever from its account and its network, with a like that it renews: what the how-to says."""
    always = {TODAY - timedelta(days=age): 2 for age in range(counting.RECENT_DAYS)}
    assert trending.score(always, [NOW], NOW) < 5.4
    assert trending.score({TODAY: 10}, [NOW - timedelta(days=1)] * 2, NOW) > 5.4


@pytest.mark.rules
def test_likes_and_downloads_weigh_less_the_more_there_are() -> None:
    assert trending.score({}, [NOW] * 4, NOW) == pytest.approx(2 * trending.score({}, [NOW], NOW))
    assert trending.score({TODAY: 400}, [], NOW) == pytest.approx(2 * trending.score({TODAY: 100}, [], NOW))


def test_many_accounts_of_one_network_are_few_sources(database: Database, cast: Cast) -> None:
    log, repo_id = counting.DownloadLog(), _bare(database, cast)
    for number in range(100):
        for _ in range(3):
            log.note(repo_id, f"account {number}", network="203.0.113.9")
    log.note(repo_id, "someone", network="203.0.113.10")
    log.note(repo_id, "203.0.113.9 curl", "203.0.113.9", "203.0.113.9")
    log.flush(database)
    with database.read() as db:
        downloads, sources = db.execute(select(DownloadDay.downloads, DownloadDay.sources)).one()
    assert downloads == 102
    assert sources == 7 + 1  # the 1st, 2nd, 4th, ... 64th of one network, and the other
    always = {TODAY - timedelta(days=age): 7 for age in range(counting.RECENT_DAYS)}
    alone = trending.score(always, [NOW] * 100, NOW)
    assert alone < 27
    assert trending.score({TODAY: 100}, [NOW] * 100, NOW) > alone


def test_people_behind_a_proxy_of_this_machine_are_told_apart(
    app: Starlette, client: TestClient, cast: Cast, models: list[str]
) -> None:
    proxied = TestClient(app, base_url="http://hub.test", client=("127.0.0.1", 5000))  # the app runs already
    for number in range(3):
        headers = {"X-Forwarded-For": f"10.0.0.1, 198.51.100.{number}"}
        assert proxied.get("/alice/loaded/resolve/main/README.md", headers=headers).status_code == 200
    app.state.downloads.flush(app.state.database)
    told = client.get("/api/models/alice/loaded?expand=trendingScore&expand=downloads").json()
    assert told["downloads"] == 3
    assert 1.5 < told["trendingScore"] <= 3**0.5


def _bare(database: Database, cast: Cast) -> str:
    with database.write() as db:
        return repos.create(db, cast.alice.actor, "bare", kind="model").id


def test_a_like_that_is_taken_back_and_given_again_is_one(client: TestClient, cast: Cast, models: list[str]) -> None:
    address = "/api/models/alice/liked/like"
    for _ in range(5):
        client.post(address, headers=cast.bob.headers)
        client.post(address, headers=cast.bob.headers)
        client.delete(address, headers=cast.bob.headers)
    client.post(address, headers=cast.bob.headers)
    told = client.get("/api/models/alice/liked?expand=trendingScore&expand=likes").json()
    assert told["likes"] == 1
    assert told["trendingScore"] == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize("signs_in", [True, False])
def test_one_that_downloads_all_day_is_one_source(
    client: TestClient, app: Starlette, cast: Cast, models: list[str], *, signs_in: bool
) -> None:
    headers = cast.bob.headers if signs_in else {}
    for _ in range(20):
        client.get("/alice/loaded/resolve/main/README.md", headers=headers)
        app.state.downloads.flush(app.state.database)
    told = client.get("/api/models/alice/loaded?expand=trendingScore&expand=downloads").json()
    assert told["downloads"] == 1
    assert 0 < told["trendingScore"] <= 1


@pytest.fixture
def models(cast: Cast, publish: Publish) -> list[str]:
    paths = ["alice/quiet", "alice/liked", "alice/loaded", "lab/hush"]
    for path in paths:
        publish(cast.alice.actor, path, private=path == "lab/hush")
    return paths


def _listed(client: TestClient, query: str = "sort=trendingScore", **headers: str) -> list[str]:
    return [item["id"] for item in client.get(f"/api/models?{query}", headers=headers).json()]


def _download(app: Starlette, path: str, numbers: dict[date, int]) -> None:
    database: Database = app.state.database
    with database.write() as db:
        repo_id = db.scalars(select(Repo.id).where(Repo.path_key == path)).one()
        counting.record(db, Counter({(day, repo_id): number for day, number in numbers.items()}))


def test_likes_and_downloads_move_a_repository_up_at_once(
    client: TestClient, app: Starlette, cast: Cast, models: list[str]
) -> None:
    assert client.post("/api/models/alice/liked/like", headers=cast.bob.headers).status_code == 200
    assert _listed(client)[0] == "alice/liked"
    _download(app, "alice/loaded", {clock.now().date(): 30})
    assert _listed(client)[:2] == ["alice/loaded", "alice/liked"]
    assert _listed(client, "sort=trending_score")[:2] == ["alice/loaded", "alice/liked"]
    scores = {item["id"]: item["trendingScore"] for item in client.get("/api/models").json()}
    assert scores["alice/quiet"] == 0
    assert scores["alice/liked"] == pytest.approx(2, rel=0.01)
    client.delete("/api/models/alice/liked/like", headers=cast.bob.headers)
    one = client.get("/api/models/alice/liked?expand=trendingScore").json()
    assert one["trendingScore"] == 0


def test_a_score_fades_while_nothing_is_written(client: TestClient, app: Starlette, models: list[str]) -> None:
    _download(app, "alice/loaded", {clock.now().date(): 100})
    address = "/api/models/alice/loaded?expand=trendingScore"
    before = client.get(address).json()["trendingScore"]
    with clock.frozen(clock.now() + timedelta(days=14)):
        assert client.get(address).json()["trendingScore"] == pytest.approx(before / 4, rel=0.01)


def test_one_machine_of_many_names_is_one_source(client: TestClient, app: Starlette, models: list[str]) -> None:
    for name in range(12):
        client.get("/alice/loaded/resolve/main/README.md", headers={"User-Agent": f"program {name}"})
    app.state.downloads.flush(app.state.database)
    told = client.get("/api/models/alice/loaded?expand=trendingScore&expand=downloads").json()
    assert told["downloads"] == 12
    assert 0 < told["trendingScore"] <= 1


def test_what_trends_in_private_is_told_to_its_people_alone(
    client: TestClient, app: Starlette, cast: Cast, models: list[str]
) -> None:
    _download(app, "lab/hush", {clock.now().date(): 500})
    assert "lab/hush" not in _listed(client)
    assert "lab/hush" not in _listed(client, **cast.charlie.headers)
    assert _listed(client, **cast.bob.headers)[0] == "lab/hush"
    for address in ("/", "/models?sort=trending", "/lab"):
        assert "hush" not in client.get(address).text


def test_pages_go_on_where_they_ended_while_scores_change(
    client: TestClient, app: Starlette, cast: Cast, publish: Publish
) -> None:
    for number in range(9):
        publish(cast.alice.actor, f"alice/m{number}")
        _download(app, f"alice/m{number}", {clock.now().date(): number * number})
    address, seen = "/api/models?limit=4&sort=trendingScore", list[str]()
    while address:
        answer = client.get(address)
        seen += [item["id"] for item in answer.json()]
        _download(app, seen[0], {clock.now().date(): 1_000})
        _download(app, seen[-1], {clock.now().date(): 1_000})
        link = answer.headers.get("link", "")
        address = link[1 : link.index(">")] if link else ""
    assert seen == [f"alice/m{number}" for number in reversed(range(9))]


def test_ranking_all_anew_takes_in_what_no_event_told(app: Starlette, database: Database, models: list[str]) -> None:
    _download(app, "alice/loaded", {clock.now().date(): 9})
    with database.write() as db:
        kept = dict(db.execute(select(Repo.path_key, Repo.trend)).all())
        db.execute(update(Repo).values(trend=5_000_000).where(Repo.path_key == "alice/quiet"))
        db.execute(update(Repo).values(trend=0).where(Repo.path_key == "alice/loaded"))
    trending.refresh_all(database)
    with database.read() as db:
        fresh = dict(db.execute(select(Repo.path_key, Repo.trend)).all())
        assert not db.scalars(select(Like.repo_id)).all()
    assert fresh["alice/quiet"] == 0
    assert fresh["alice/loaded"] == pytest.approx(kept["alice/loaded"], abs=1_000)
