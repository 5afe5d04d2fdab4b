"""What nothing names any more goes, and nothing else does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.content.keys import content_key, xorb_key
from freehold.content.service import collecting, commits, dooming
from freehold.content.service.collecting import Collector, Report
from freehold.content.service.commits import scratch_directory
from freehold.content.service.scrubbing import scrub
from freehold.content.tables import Content, Doomed, Pack, Recipe, RecipeXorb, Ref, RepoContent, Xorb
from freehold.core import clock
from freehold.core.errors import Unavailable
from freehold.gitkit.folding import reachable
from tests.content.given import digest, recipe, repo
from tests.content.publishing import commit, committed, deleted, file, large, tree, uploaded
from tests.fixtures.people import Cast
from tests.fixtures.stores import store_settings

OLD, NEW = b"old weights" * 50, b"new weights" * 50


@pytest.fixture
def path(client: TestClient, cast: Cast) -> str:
    made = repo(client, cast.alice, "m")
    for data in (OLD, NEW):
        uploaded(client, cast.alice, made, data)
        committed(client, cast.alice, made, large("model.bin", data))
    return made


@contextmanager
def later(**delta: float) -> Iterator[None]:
    with clock.frozen(clock.now() + timedelta(**delta)):
        yield


def turn(app: Starlette) -> Report:
    return Collector(app.state.database, app.state.kit).turn()


def turns(app: Starlette, days: int) -> None:
    """A turn each day."""
    for _ in range(days):
        with later(days=1):
            turn(app)
            moment = clock.now()
        clock_forward(moment)


def clock_forward(moment: Any) -> None:
    clock._frozen = moment


@pytest.fixture(autouse=True)
def _clock_restored() -> Iterator[None]:
    yield
    clock._frozen = None


def kept(app: Starlette) -> set[str]:
    return {key for key, _ in app.state.kit.store.keys("")}


def count(app: Starlette, table: Any) -> int:
    with app.state.database.read() as db:
        return int(db.scalar(select(func.count()).select_from(table)) or 0)


def squash(client: TestClient, cast: Cast, path: str) -> None:
    answer = client.post(f"/api/models/{path}/super-squash/main", headers=cast.alice.headers)
    assert answer.status_code == 200, answer.text


def healthy(app: Starlette) -> None:
    assert [item for item in scrub(app.state.database, app.state.kit) if item.problem] == []


def test_nothing_goes_that_a_ref_reaches(app: Starlette, client: TestClient, path: str) -> None:
    before = kept(app)
    turns(app, 9)
    assert kept(app) == before
    assert client.get(f"/{path}/resolve/main/model.bin").content == NEW


def test_a_squash_frees_what_only_old_commits_had(app: Starlette, client: TestClient, cast: Cast, path: str) -> None:
    old_commit = client.get(f"/api/models/{path}/commits/main").json()[1]["id"]
    squash(client, cast, path)
    turn(app)
    assert client.get(f"/{path}/resolve/{old_commit}/model.bin").content == OLD, "there are days to come back"
    turns(app, 2)
    assert client.get(f"/{path}/resolve/{old_commit}/model.bin").content == OLD
    turns(app, 1)
    gone = client.get(f"/{path}/resolve/{old_commit}/model.bin")
    assert (gone.status_code, gone.headers["X-Error-Code"]) == (404, "RevisionNotFound")
    assert content_key(digest(OLD)) in kept(app), "signed addresses may still be out"
    turns(app, 1)
    assert content_key(digest(OLD)) not in kept(app)
    assert client.get(f"/{path}/resolve/main/model.bin").content == NEW
    assert count(app, Pack) == 1 and len([key for key in kept(app) if key.startswith("git/")]) == 2
    shown = client.get(f"/api/models/{path}?expand=usedStorage").json()["usedStorage"]
    with app.state.database.read() as db:
        assert shown == len(NEW) + sum(db.scalars(select(Pack.size_bytes)))
    healthy(app)


def test_an_upload_in_progress_is_claimed(app: Starlette, client: TestClient, cast: Cast, path: str) -> None:
    data = b"sent days before it is committed"
    uploaded(client, cast.alice, path, data)
    turns(app, 2)
    uploaded(client, cast.alice, path, data)  # "already here": that is a promise
    turns(app, 2)
    committed(client, cast.alice, path, large("late.bin", data))
    turns(app, 6)
    assert client.get(f"/{path}/resolve/main/late.bin").content == data
    uploaded(client, cast.alice, path, b"never committed")
    turns(app, 6)
    assert content_key(digest(b"never committed")) not in kept(app)
    assert commit(client, cast.alice, path, large("x.bin", b"never committed")).status_code == 400
    uploaded(client, cast.alice, path, b"never committed")
    committed(client, cast.alice, path, large("x.bin", b"never committed"))
    healthy(app)


def test_chunks_go_with_the_last_file_made_of_them(app: Starlette, client: TestClient, cast: Cast, path: str) -> None:
    data = b"0123456789abcdef" * 20_000
    file_hash = recipe(app, path, data)
    with app.state.database.write() as db:
        names = {key.split("/")[2] for key in kept(app) if key.startswith("xorbs/") and not key.endswith(".idx")}
        for name in sorted(names):
            db.add(Xorb(xorb_hash=name, stored_bytes=1, raw_bytes=1, chunks=1, created_at=clock.now()))
            db.flush()
            db.add(RecipeXorb(file_hash=file_hash, xorb_hash=name))
    committed(client, cast.alice, path, large("xet.bin", data))
    turns(app, 5)
    assert {key.split("/")[2] for key in kept(app) if key.startswith("xorbs/")} >= names
    body = {"deletions": {"sha": [digest(data)], "rewriteHistory": True}}
    assert client.post(f"/api/models/{path}/lfs-files/batch", json=body, headers=cast.alice.headers).status_code == 200
    turns(app, 1)
    assert count(app, Recipe) == 0 and count(app, Xorb) == len(names), "dedup answers may still name them"
    turns(app, 3)
    assert count(app, Xorb) == 0 and xorb_key(next(iter(names))) in kept(app)
    turns(app, 1)
    assert not [key for key in kept(app) if key.startswith("xorbs/")]


def test_a_deleted_repository_leaves_nothing(app: Starlette, client: TestClient, cast: Cast, path: str) -> None:
    other = repo(client, cast.alice, "other")
    uploaded(client, cast.alice, other, NEW)
    committed(client, cast.alice, other, large("same.bin", NEW))
    client.request("DELETE", "/api/repos/delete", json={"name": "m"}, headers=cast.alice.headers)
    turns(app, 6)
    with app.state.database.read() as db:
        repo_ids = set(db.scalars(select(Ref.repo_id)))
    assert {key.split("/")[1] for key in kept(app) if key.startswith("git/")} == repo_ids
    assert content_key(digest(OLD)) not in kept(app)
    assert client.get(f"/{other}/resolve/main/same.bin").content == NEW


def test_lost_races_and_strangers_in_the_store(app: Starlette, client: TestClient, path: str) -> None:
    store = app.state.kit.store
    store.put_bytes("git/0123/objects/pack/pack-lost.pack", b"lost a race")
    store.put_bytes("uploads/abandoned", b"parts joined, never recorded")
    store.put_bytes("notes/of-somebody-else", b"none of ours")
    turn(app)
    assert "uploads/abandoned" in kept(app)
    turns(app, 5)
    assert not {"git/0123/objects/pack/pack-lost.pack", "uploads/abandoned"} & kept(app)
    assert "notes/of-somebody-else" in kept(app)


def test_a_dry_run_says_it_and_does_nothing(app: Starlette, client: TestClient, cast: Cast, path: str) -> None:
    squash(client, cast, path)
    with later(days=4):
        before, rows = kept(app), count(app, RepoContent)
        said = Collector(app.state.database, app.state.kit).dry_run()
        assert (said.ended_claims, len(said.pruned), said.doomed["large files"]) == (1, 1, 1)
        assert said.doomed_bytes["large files"] == len(OLD)
        assert (kept(app), count(app, RepoContent), count(app, Doomed)) == (before, rows, 0)
        done = turn(app)
        assert (done.ended_claims, len(done.pruned), done.doomed["large files"]) == (1, 1, 1)
        assert done.doomed_bytes["large files"] == said.doomed_bytes["large files"]


def test_bytes_named_again_are_spared(app: Starlette, client: TestClient, cast: Cast, path: str) -> None:
    squash(client, cast, path)
    turns(app, 3)
    assert count(app, Content) == 1 and content_key(digest(OLD)) in kept(app)
    uploaded(client, cast.alice, path, OLD)
    committed(client, cast.alice, path, large("again.bin", OLD))
    turns(app, 4)
    assert client.get(f"/{path}/resolve/main/again.bin").content == OLD
    healthy(app)


def test_whoever_sends_bytes_as_they_are_deleted_sends_them_again(
    app: Starlette, client: TestClient, cast: Cast, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    squash(client, cast, path)
    turns(app, 3)
    key = content_key(digest(OLD))
    with app.state.database.write() as db:
        db.execute(update(Doomed).where(Doomed.key == key).values(state="deleting"))
        with pytest.raises(Unavailable):
            dooming.spare(db, [key])
    turns(app, 2)  # a process that was killed in the middle: the next one finishes it
    assert key not in kept(app)
    with app.state.database.write() as db:
        with pytest.raises(Unavailable):
            dooming.spare(db, [key])
    uploaded(client, cast.alice, path, OLD)
    committed(client, cast.alice, path, large("again.bin", OLD))
    healthy(app)


def test_a_commit_that_leans_on_what_was_pruned_is_made_again(
    app: Starlette, client: TestClient, cast: Cast, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file was here before, so its bytes were not written; meanwhile the old ones went."""
    committed(client, cast.alice, path, file("back", "the same words"))
    committed(client, cast.alice, path, deleted("back"))
    squash(client, cast, path)
    moment = clock.now() + timedelta(days=4)
    keep, raced = commits.keep_pack, []

    def overtaken(*given: Any) -> None:
        keep(*given)
        if not raced:
            with clock.frozen(moment):
                raced.append(turn(app))
            clock_forward(moment)

    monkeypatch.setattr(commits, "keep_pack", overtaken)
    committed(client, cast.alice, path, file("back", "the same words"))
    assert raced and raced[0].pruned
    assert client.get(f"/{path}/resolve/main/back").text == "the same words"
    assert tree(client, path) == [".gitattributes", "back", "model.bin"]
    git_is_content(app)


def git_is_content(app: Starlette) -> None:
    """Every object that a ref reaches is there: git itself packs them anew."""
    kit = app.state.kit
    with app.state.database.read() as db:
        rows = db.execute(select(Pack.repo_id, Pack.name)).all()
        refs = db.execute(select(Ref.repo_id, Ref.target)).all()
    for repo_id in {row.repo_id for row in refs}:
        names = [row.name for row in rows if row.repo_id == repo_id]
        heads = sorted({row.target for row in refs if row.repo_id == repo_id})
        with scratch_directory(kit) as scratch:
            assert reachable(kit.git.pack_files(repo_id, names), heads, scratch).objects


def test_a_claim_that_ended_while_a_commit_was_made(
    app: Starlette, client: TestClient, cast: Cast, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploaded(client, cast.alice, path, b"claimed long ago")
    keep, moment = commits.keep_pack, clock.now() + timedelta(days=4)

    def overtaken(*given: Any) -> None:
        keep(*given)
        monkeypatch.setattr(commits, "keep_pack", keep)
        clock_forward(moment)
        assert turn(app).ended_claims == 1

    monkeypatch.setattr(commits, "keep_pack", overtaken)
    answer = commit(client, cast.alice, path, large("x.bin", b"claimed long ago"))
    assert answer.status_code == 400 and "was not uploaded" in answer.text
    assert tree(client, path) == [".gitattributes", "model.bin"]


@pytest.mark.parametrize("kind", ["directory", "s3"])
def test_bytes_go_from_every_store(
    kind: str,
    new_app: Callable[..., Starlette],
    cast: Cast,
    request: pytest.FixtureRequest,
    tmp_path: Any,
) -> None:
    app = new_app(**store_settings(kind, request, tmp_path / "data"))
    with TestClient(app, base_url="http://hub.test", follow_redirects=False) as client:
        made = repo(client, cast.alice, "m")
        uploaded(client, cast.alice, made, OLD)
        committed(client, cast.alice, made, large("model.bin", OLD))
        committed(client, cast.alice, made, deleted("model.bin"))
        squash(client, cast, made)
        app.state.kit.store.put_bytes("uploads/abandoned", b"x")
        turns(app, 6)
        assert len(kept(app)) == 2, "one pack and its index"
        assert tree(client, made) == [".gitattributes"]
        healthy(app)


def test_a_damaged_repository_is_left_alone(
    app: Starlette, client: TestClient, cast: Cast, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    squash(client, cast, path)
    with app.state.database.write() as db:
        db.execute(update(Ref).values(target="0" * 40))
    before = kept(app)
    turns(app, 6)
    assert kept(app) == before
    assert "is damaged, nothing of it is collected" in caplog.text
    assert timedelta(seconds=2 * 86400) < collecting.GRACE
