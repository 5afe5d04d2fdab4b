"""Folding: the same history from fewer packs, while people read and write."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.content.service import folding
from freehold.content.service.folding import Folder
from freehold.content.tables import Pack
from freehold.core import clock
from tests.content.given import repo
from tests.content.publishing import committed, file, tree
from tests.fixtures.people import Cast


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "CROWD", 5)


def packs(app: Starlette) -> dict[str, int]:
    with app.state.database.read() as db:
        return {pack.name: pack.objects for pack in db.scalars(select(Pack))}


@pytest.fixture
def path(client: TestClient, cast: Cast, crowd: None) -> str:
    made = repo(client, cast.alice, "m")
    for n in range(6):
        committed(client, cast.alice, made, file(f"d/f{n}", str(n)), file("big.txt", f"{n} same text\n" * 3000))
    return made


def stored(app: Starlette) -> set[str]:
    return {key.rpartition("/")[2].partition(".")[0] for key, _ in app.state.kit.store.keys("git")}


def test_history_reads_the_same_from_one_pack(app: Starlette, client: TestClient, cast: Cast, path: str) -> None:
    before = packs(app)
    log = client.get(f"/api/models/{path}/commits/main").json()
    folder = Folder(app.state.database, app.state.kit)
    assert folder.turn() == 1
    (after,) = packs(app)
    assert packs(app)[after] == sum(before.values())
    assert client.get(f"/api/models/{path}/commits/main").json() == log
    assert [client.get(f"/{path}/resolve/main/d/f{n}").text for n in range(6)] == list("012345")
    assert client.get(f"/{path}/resolve/{log[3]['id']}/big.txt").text.startswith("2 same text")
    assert folder.turn() == 0
    committed(client, cast.alice, path, file("more", "1"))
    assert "more" in tree(client, path)
    assert not list(app.state.kit.tmp.iterdir())


def test_old_packs_go_when_no_reader_can_need_them(app: Starlette, path: str) -> None:
    before = set(packs(app))
    folder = Folder(app.state.database, app.state.kit)
    folder.turn()
    folder.turn()
    assert stored(app) == before | set(packs(app))
    with clock.frozen(clock.now() + timedelta(seconds=folding.GRACE_S + 1)):
        folder.turn()
    assert stored(app) == set(packs(app))


def test_two_nodes_fold_at_once(app: Starlette, client: TestClient, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (Folder(app.state.database, app.state.kit) for _ in range(2))
    keep, results = folding.keep_pack, []

    def overtaken(*args: object) -> None:
        keep(*args)  # type: ignore[arg-type]  # handed on as it came
        monkeypatch.setattr(folding, "keep_pack", keep)
        results.append(second.turn())

    monkeypatch.setattr(folding, "keep_pack", overtaken)
    assert first.turn() == 0
    assert results == [1]
    assert len(packs(app)) == 1
    assert len(tree(client, path)) == 8


def test_a_fold_that_fails_changes_nothing(
    app: Starlette, client: TestClient, path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = packs(app)
    name = next(iter(before))
    with app.state.database.read() as db:
        repo_id = db.scalars(select(Pack.repo_id)).first()
    app.state.kit.store.put_bytes(f"git/{repo_id}/objects/pack/{name}.pack", b"damaged")
    app.state.kit.git.forget(repo_id)
    assert Folder(app.state.database, app.state.kit).turn() == 0
    assert packs(app) == before
    assert "stay as they are" in caplog.text


def test_quiet_repositories_are_left_alone(app: Starlette, client: TestClient, cast: Cast, crowd: None) -> None:
    made = repo(client, cast.alice, "m")
    committed(client, cast.alice, made, file("a", "1"))
    assert Folder(app.state.database, app.state.kit).turn() == 0
    assert len(packs(app)) == 2


def test_larger_packs_are_folded_with_their_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every byte is copied a few times at most, however many packs come."""
    monkeypatch.setattr(folding, "CROWD", 5)
    monkeypatch.setattr(folding, "SMALL_BYTES", 100)
    monkeypatch.setattr(folding, "LARGER", ((400, 3), (1600, 3)))
    packs: dict[str, int] = {}
    copied = 0
    for number in range(2000):
        packs[f"p{number}"] = 10
        names = folding._to_fold(packs)
        if names:
            size = sum(packs.pop(name) for name in names)
            packs[f"folded-{number}"] = size
            copied += size
    assert sum(packs.values()) == 20_000
    assert copied < 20_000 * 6
    assert len(packs) < 30
    assert folding._to_fold({"a": 10, "b": 20}) == []


def test_a_fold_finds_what_is_alike(app: Starlette, client: TestClient, cast: Cast, crowd: None) -> None:
    """Twenty versions of each of a few texts take little more than one of each."""
    made = repo(client, cast.alice, "m")
    texts = {f"d{n}/text": "".join(f"{n} {line * line % 977}\n" for line in range(600)) for n in range(4)}
    for turn in range(10):
        changed = [file(path, text + f"{turn}\n") for path, text in texts.items()]
        committed(client, cast.alice, made, *changed)
    before = sum(_sizes(app))
    assert Folder(app.state.database, app.state.kit).turn() == 1
    assert sum(_sizes(app)) < before / 5


def _sizes(app: Starlette) -> list[int]:
    with app.state.database.read() as db:
        return list(db.scalars(select(Pack.size_bytes)))
