"""The collector beside people who upload, and killed in the middle."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.content.service import dooming
from freehold.content.service.collecting import Collector
from freehold.content.service.scrubbing import scrub
from freehold.content.tables import Doomed
from freehold.core import clock
from tests.content.given import LFS, digest, repo
from tests.content.publishing import commit, committed, deleted, file, large, uploaded
from tests.fixtures.people import Cast
from tests.fixtures.stores import store_settings

DATA = [b"%d" % n * 100 for n in range(4)]
ROUNDS = 12


@pytest.fixture(autouse=True)
def _clock_restored() -> Iterator[None]:
    yield
    clock._frozen = None


def test_uploads_of_what_is_being_collected(
    new_app: Callable[..., Starlette], cast: Cast, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Three people commit and drop the same large files while the collector never rests and time flies."""
    app = new_app(**store_settings("directory", request, tmp_path / "data"))
    collector, stop, wrong = Collector(app.state.database, app.state.kit), threading.Event(), []

    def collect() -> None:
        while not stop.is_set():
            try:
                collector.turn()
            except Exception as err:  # whatever it is, it belongs into the assertion below
                wrong.append(repr(err))
            clock._frozen = clock.now() + timedelta(hours=7)

    with TestClient(app, base_url="http://hub.test", follow_redirects=False) as client:
        repos = [repo(client, cast.alice, f"m{n}") for n in range(3)]
        workers = [threading.Thread(target=_work, args=(app, cast, path, wrong)) for path in repos]
        sweeper = threading.Thread(target=collect)
        sweeper.start()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        stop.set()
        sweeper.join()
        assert wrong == []
        for path in repos:
            for number, data in enumerate(DATA):
                assert client.get(f"/{path}/resolve/main/kept-{number}").content == data
        assert [item for item in scrub(app.state.database, app.state.kit) if item.problem] == []


def _work(app: Starlette, cast: Cast, path: str, wrong: list[str]) -> None:
    client = TestClient(app, base_url="http://hub.test", follow_redirects=False)
    for turn in range(ROUNDS):
        number = turn % len(DATA)
        name = f"kept-{number}" if turn >= ROUNDS - len(DATA) else "passing"
        for _ in range(20):  # a client repeats what it is asked to
            if _sent(client, cast, path, name, DATA[number]):
                break
        else:
            wrong.append(f"{path}: {name} was never taken")
        if name == "passing":
            answer = commit(client, cast.alice, path, deleted("passing"), file("words", str(turn % 2)))
            if answer.status_code not in (200, 409, 503):
                wrong.append(answer.text)
            squashed = client.post(f"/api/models/{path}/super-squash/main", headers=cast.alice.headers)
            if squashed.status_code not in (200, 409, 503):
                wrong.append(squashed.text)


def _sent(client: TestClient, cast: Cast, path: str, name: str, data: bytes) -> bool:
    """Whether the file was taken; what a client would repeat is no failure, a 500 raises by itself."""
    wanted = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": digest(data), "size": len(data)}]}
    answer = client.post(f"/{path}.git/info/lfs/objects/batch", json=wanted, headers=cast.alice.headers | LFS)
    if answer.status_code != 200:
        return False
    actions = answer.json()["objects"][0].get("actions")
    if actions and client.put(actions["upload"]["href"], content=data).status_code != 200:
        return False
    return bool(commit(client, cast.alice, path, large(name, data)).status_code == 200)


@pytest.mark.parametrize("killed_at", range(3))
def test_a_collector_that_is_killed_is_finished_by_the_next(
    app: Starlette, client: TestClient, cast: Cast, killed_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the bytes go, after some went, and after all went but nothing says so."""
    path = repo(client, cast.alice, "m")
    for data in DATA:
        uploaded(client, cast.alice, path, data)
    committed(client, cast.alice, path, large("kept", DATA[0]))
    collector, store = Collector(app.state.database, app.state.kit), app.state.kit.store
    with clock.frozen(clock.now() + timedelta(days=4)):
        assert collector.turn().doomed["large files"] == 3
    delete = store.delete

    def killed(keys: Any) -> None:
        keys = list(keys)
        delete(keys[: (0, 1, 3)[killed_at]])
        raise KeyboardInterrupt

    with clock.frozen(clock.now() + timedelta(days=6)):
        monkeypatch.setattr(store, "delete", killed)
        with pytest.raises(KeyboardInterrupt):
            collector.turn()
        monkeypatch.setattr(store, "delete", delete)
        assert client.get(f"/{path}/resolve/main/kept").content == DATA[0]
        report = collector.turn()
        assert report.deleted == 3
        left = {key for key, _ in store.keys("lfs")}
        assert {key.rpartition("/")[2] for key in left} == {digest(DATA[0])}
        uploaded(client, cast.alice, path, DATA[1])
        committed(client, cast.alice, path, large("again", DATA[1]))
    assert [item for item in scrub(app.state.database, app.state.kit) if item.problem] == []
    with clock.frozen(clock.now() + timedelta(days=6) + dooming.REMEMBERED + timedelta(hours=1)):
        collector.turn()
        with app.state.database.read() as db:
            assert db.scalar(select(func.count()).select_from(Doomed)) == 0
