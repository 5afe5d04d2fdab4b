"""Downloads: one an actor, a repository and a day; pictures on pages and questions about files are none."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.content.service import counting
from freehold.content.service.counting import DownloadLog
from freehold.content.tables import DownloadDay, DownloadMonth
from freehold.core import clock
from freehold.core.database import Database
from freehold.gitkit.commits import Put
from freehold.repos.tables import Repo
from tests.content import given
from tests.fixtures.people import Cast

MARK = {"X-HF-Download-Counter": "1"}


@pytest.fixture
def path(client: TestClient, app: Starlette, cast: Cast) -> str:
    path = given.repo(client, cast.alice, "tiny")
    given.commit(app, path, [Put("a.txt", b"one"), Put("b.txt", b"two")])
    return path


def counted(app: Starlette, client: TestClient) -> tuple[int, int]:
    app.state.downloads.flush(app.state.database)
    info = client.get("/api/models/alice/tiny?expand=downloads&expand=downloadsAllTime").json()
    return info["downloads"], info["downloadsAllTime"]


def test_a_model_of_many_files_is_downloaded_once_a_day_by_each(
    client: TestClient, app: Starlette, cast: Cast, path: str
) -> None:
    for who in (cast.alice, cast.bob, cast.anonymous):
        for file in ("a.txt", "b.txt", "a.txt"):
            assert client.get(f"/{path}/resolve/main/{file}", headers=who.headers).status_code == 200
    assert counted(app, client) == (3, 3)
    assert counted(app, client) == (3, 3), "written down once"
    client.get(f"/{path}/resolve/main/a.txt", headers={"User-Agent": "another machine behind the same address"})
    assert counted(app, client) == (4, 4)


@pytest.mark.parametrize(
    ("method", "target", "headers", "expected"),
    [
        ("HEAD", "resolve/main/a.txt", {}, 0),
        ("HEAD", "resolve/main/a.txt", MARK, 1),
        ("GET", "resolve/main/nothing.txt", MARK, 0),
        ("GET", "resolve/main/a.txt", {"Sec-Fetch-Dest": "image"}, 0),
        ("GET", "resolve/main/a.txt", {"Sec-Fetch-Dest": "document"}, 1),
        ("GET", "resolve/main/a.txt", {"Range": "bytes=0-0"}, 1),
    ],
)
def test_what_counts(
    client: TestClient, app: Starlette, path: str, method: str, target: str, headers: dict[str, str], expected: int
) -> None:
    client.request(method, f"/{path}/{target}", headers=headers)
    assert counted(app, client)[0] == expected


@pytest.mark.parametrize(("headers", "expected"), [({}, 0), (MARK, 1)])
def test_a_read_token_counts_where_a_client_says_it_downloads(
    client: TestClient, app: Starlette, path: str, headers: dict[str, str], expected: int
) -> None:
    assert client.get(f"/api/models/{path}/xet-read-token/main", headers=headers).status_code == 200
    assert counted(app, client)[0] == expected


def test_what_is_older_than_a_month_fades_from_the_recent_number_only(
    client: TestClient, app: Starlette, database: Database, path: str
) -> None:
    today = clock.now().astimezone(UTC).date()
    with database.write() as db:
        repo_id = db.scalars(select(Repo.id).where(Repo.path_key == path)).one()
        days = {today: 2, today - timedelta(days=29): 3, today - timedelta(days=30): 5}
        counting.record(db, Counter({(day, repo_id): number for day, number in days.items()}))
    assert counted(app, client) == (5, 10)
    with database.read() as db:
        assert sorted(db.scalars(select(DownloadDay.downloads))) == [2, 3]
        faded = (today - timedelta(days=30)).replace(day=1)
        assert db.execute(select(DownloadMonth.month, DownloadMonth.downloads)).all() == [(faded, 5)]


@pytest.mark.parametrize(
    ("today", "first"), [(date(2026, 3, 31), date(2025, 3, 1)), (date(2026, 1, 1), date(2025, 1, 1))]
)
def test_twelve_months_are_kept_beside_the_one_under_way(today: date, first: date) -> None:
    assert counting.first_month(today) == first


def test_a_new_day_counts_anew_and_a_repository_that_is_gone_counts_nothing(
    client: TestClient, app: Starlette, cast: Cast, database: Database, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = DownloadLog()
    with database.read() as db:
        repo_id = db.scalars(select(Repo.id).where(Repo.path_key == path)).one()
    for day in (1, 1, 2):
        monkeypatch.setattr(clock, "now", lambda day=day: datetime(2026, 3, day, 23, tzinfo=UTC))
        log.note(repo_id, "alice")
    log.note("0" * 24, "alice")
    monkeypatch.undo()
    with database.write() as db:
        counting.record(db, log._new)
        days = dict(db.execute(select(DownloadDay.day, DownloadDay.downloads)).all())
    assert days == {date(2026, 3, 1): 1, date(2026, 3, 2): 1}


@pytest.mark.parametrize(
    ("protocol", "call", "expected"),
    [
        ("version=2", ["command=ls-refs\n", "", "peel\n", None], 0),
        ("version=2", ["command=fetch", "", "want {head}\n", "done\n", None], 1),
        ("", ["want {head} ofs-delta\n", None, "done\n"], 1),
        ("version=2", [None], 0),
    ],
)
def test_a_fetch_by_git_counts_and_looking_at_the_refs_does_not(
    client: TestClient, app: Starlette, path: str, protocol: str, call: list[str | None], expected: int
) -> None:
    head = client.get(f"/api/models/{path}").json()["sha"]
    # As git writes it: lines with their length, "" the delimiter, None the flush.
    lines = [line.format(head=head) if line else line for line in call]
    body = "".join("0000" if line is None else f"{len(line) + 4:04x}{line}" if line else "0001" for line in lines)
    types = {"Content-Type": "application/x-git-upload-pack-request", "Git-Protocol": protocol}
    for program in ("git/2.39.5", "git/2.47.0"):
        # (this client hangs up at once, so what git would answer is for the tests with a real git)
        client.post(f"/{path}.git/git-upload-pack", content=body, headers=types | {"User-Agent": program})
    assert counted(app, client)[0] == expected, "a visitor's programs for git are one"
