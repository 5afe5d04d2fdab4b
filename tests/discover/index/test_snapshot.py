"""A snapshot of the index: it leads to what building from nothing gives, or it is thrown away."""

import fcntl
import os
import random
import shutil
import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update

from freehold.accounts.tables import Account
from freehold.cards.tables import RepoTag
from freehold.core.database import Database
from freehold.core.instance import InstanceValue
from freehold.discover import changes
from freehold.discover.index import feed as feeding
from freehold.discover.index import keeping, parts
from freehold.discover.index.engine import Engine
from freehold.discover.index.feed import Feed
from freehold.discover.index.keeping import Keeping
from freehold.discover.index.texts import Texts
from freehold.repos import service as repos
from freehold.repos.tables import Repo
from tests.fixtures.people import Cast

Told = dict[str, tuple[str, frozenset[str], dict[str, int | None]]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def some(database: Database, cast: Cast) -> Database:
    """A database with a dozen repositories, whose tags are common, rare and strange."""
    with database.write() as db:
        db.add(InstanceValue(name="signing_secret", value="ab"))
        for number in range(12):
            kind, visibility = ("model", "dataset")[number % 2], ("public", "private")[number % 5 == 0]
            repo = repos.create(db, cast.alice.actor, f"llama-{number}", kind=kind, visibility=visibility)
            db.flush()
            tags = {"small", f"only-{number}", "a\nb", "日本"} if number % 3 else {"small"}
            db.add_all(RepoTag(repo_id=repo.id, tag=tag) for tag in tags)
    return database


def told(engine: Engine, words: set[str]) -> Told:
    """All that an engine knows."""
    having = {word: engine.words.get(word) for word in words}
    return {
        engine.places.id(slot): (
            engine.names.get(slot),
            frozenset(word for word, slots in having.items() if slot in slots),
            {name: column.get(slot) for name, column in engine.numbers.items()},
        )
        for slot in engine.places.alive
    }


def assert_is_built_alike(database: Database, engine: Engine) -> None:
    with database.read() as db:
        words = {f"tag={tag}" for tag in db.scalars(select(RepoTag.tag))}
        words |= {f"owner={owner}" for owner in db.scalars(select(Account.id))}
    words |= {"kind=model", "kind=dataset", "public", "tag=gone", *engine.words._sets}
    feed = Feed(database.url)
    built = feed.build()
    feed.close()
    assert told(engine, words) == told(built, words)
    for letters in ("l", "ma", "llama", "a-1", "else", "zz"):
        names = [
            {one.places.id(slot) for slot in one.names.holding(letters, one.places.alive)} for one in (engine, built)
        ]
        assert names[0] == names[1], letters


def keep(database: Database, folder: Path, engine: Engine | None = None) -> None:
    """A process built the index (or had ``engine``), and ended as it should."""
    feed = Feed(database.url)
    Keeping(feed, Texts(feed.database), folder).last(engine or feed.build(), 0)
    feed.close()


def resume(database: Database, folder: Path) -> Engine | None:
    """Another process begins: what it makes of the snapshot and of the log."""
    feed = Feed(database.url)
    try:
        engine = Keeping(feed, Texts(feed.database), folder).resumed()
        if engine is not None:
            follow(feed, engine)
            assert feed.is_of_all(len(engine.places.alive))
        return engine
    finally:
        feed.close()


def follow(feed: Feed, engine: Engine) -> None:
    def take(entries: Any, gone: Any, said: Any) -> None:
        for entry in entries:
            engine.put(entry)
        for repo_id in gone:
            engine.remove(repo_id)

    while not feed.news(take)[1]:
        pass


def change_much(database: Database, cast: Cast, times: int = 0) -> None:
    with database.write() as db:
        ids = list(db.scalars(select(Repo.id).order_by(Repo.id)))
        repos.rank(db, {ids[1]: 77, ids[2]: 5})
        db.execute(update(Repo).where(Repo.id == ids[3]).values(visibility="private"))
        db.execute(update(Repo).where(Repo.id == ids[4]).values(path_key=f"alice/else-{times}", name=f"else-{times}"))
        db.execute(delete(RepoTag).where(RepoTag.repo_id == ids[5], RepoTag.tag == "small"))
        db.add(RepoTag(repo_id=ids[6], tag=f"fresh-{times}"))
        db.execute(delete(RepoTag).where(RepoTag.repo_id == ids[7]))
        db.execute(delete(Repo).where(Repo.id == ids[7]))
        repos.create(db, cast.bob.actor, f"new-{times}", kind="model", visibility="public")


def test_what_was_kept_and_what_changed_since_is_what_building_gives(some: Database, cast: Cast, folder: Path) -> None:
    keep(some, folder)
    assert (folder / "snapshot").stat().st_mode & 0o077 == 0, "names of private repositories are for nobody else"
    unchanged = resume(some, folder)
    assert unchanged is not None
    assert_is_built_alike(some, unchanged)
    for times in range(2):  # with late slots, too
        change_much(some, cast, times)
        engine = resume(some, folder)
        assert engine is not None
        assert_is_built_alike(some, engine)
        feed = Feed(some.url)
        kept = Keeping(feed, Texts(feed.database), folder)
        again = kept.resumed()
        assert again is not None
        follow(feed, again)
        kept.last(again, 1)
        feed.close()


def test_what_is_loaded_is_spelt_as_what_is_put_in(some: Database) -> None:
    """So nothing takes another slot that is as it was."""
    feed = Feed(some.url)
    engine = feed.build()
    with feed.moment() as db:
        for entry in feed._entries(db, list(db.scalars(select(Repo.id)))):
            engine.put(entry)
    feed.close()
    assert engine.places.late == 0


def test_one_that_is_damaged_or_of_something_else_is_thrown_away(some: Database, folder: Path) -> None:
    keep(some, folder)
    path, chance = folder / "snapshot", random.Random(2)
    whole = path.read_bytes()
    at = [0, 16, 30, *(chance.randrange(len(whole)) for _ in range(6))]
    damaged = [whole[:n] + bytes([whole[n] ^ 0x41]) + whole[n + 1 :] for n in at]
    for data in (*damaged, *(whole[:n] for n in at), whole[:-20], b"", whole.replace(b"index 2 ", b"index 1 ")):
        path.write_bytes(data)
        assert resume(some, folder) is None
        assert list(folder.iterdir()) == []
    path.write_bytes(whole)
    assert resume(some, folder) is not None


@pytest.mark.parametrize(
    "elsewhere",
    [
        "UPDATE instance_values SET value = 'cd' WHERE name = 'signing_secret'",  # another installation
        "UPDATE alembic_version SET version_num = '0001'",  # before a migration, which no trigger tells of
        "DELETE FROM list_changes WHERE seq = (SELECT MAX(seq) FROM list_changes)",  # a log that told something else
    ],
)
def test_one_of_another_database_is_thrown_away(some: Database, folder: Path, elsewhere: str) -> None:
    keep(some, folder)
    with some.write() as db:
        before = db.scalar(text("SELECT version_num FROM alembic_version"))
        db.execute(text(elsewhere))
    try:
        assert resume(some, folder) is None
    finally:
        with some.write() as db:
            db.execute(text("UPDATE alembic_version SET version_num = :before"), {"before": before})
    assert not (folder / "snapshot").exists()


def test_a_backup_that_was_put_back_is_not_taken_for_what_came_after_it(
    some: Database, cast: Cast, folder: Path, tmp_path: Path
) -> None:
    """Even where the log has as many changes again, or more, when the hub looks."""
    if not some.is_sqlite:
        pytest.skip("a file is put back")
    path, backup = Path(some.engine.url.database or ""), tmp_path / "backup.db"
    with some.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    some.engine.dispose()
    shutil.copy(path, backup)
    with some.write() as db:
        ids = list(db.scalars(select(Repo.id).order_by(Repo.id)))
        repos.rank(db, {ids[0]: 1, ids[1]: 2, ids[2]: 3})
    keep(some, folder)
    snapshot = (folder / "snapshot").read_bytes()
    for later in (0, 3, 6):
        some.engine.dispose()
        for name in path.parent.glob(f"{path.name}*"):
            name.unlink()
        shutil.copy(backup, path)
        (folder / "snapshot").write_bytes(snapshot)
        with some.write() as db:
            repos.rank(db, dict.fromkeys(ids[4 : 4 + later], 9))
        assert resume(some, folder) is None, later


def test_one_that_is_older_than_the_log_is_thrown_away_and_a_quiet_hub_keeps_it(
    some: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "KEPT", timedelta(seconds=-60))
    keep(some, folder)
    changes.prune(some)  # a night without changes
    with some.read() as db:
        assert changes.waiting(db) == 0
    engine = resume(some, folder)
    assert engine is not None
    with some.write() as db:
        repos.rank(db, dict.fromkeys(db.scalars(select(Repo.id)), 3))
    changes.prune(some)
    assert resume(some, folder) is None


def test_one_that_leads_a_longer_way_than_building_is_thrown_away(
    some: Database, cast: Cast, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(some, folder)
    snapshot = (folder / "snapshot").read_bytes()
    with some.write() as db:
        repos.rank(db, dict.fromkeys(db.scalars(select(Repo.id).limit(3)), 3))
    for few, is_taken in ((2, False), (3, True)):
        (folder / "snapshot").write_bytes(snapshot)
        monkeypatch.setattr(feeding, "FEW", few)
        assert (resume(some, folder) is not None) == is_taken


def test_what_no_trigger_told_is_seen_by_its_number(some: Database, folder: Path) -> None:
    """A table filled by hand, without triggers."""
    keep(some, folder)
    with some.engine.begin() as connection:
        changes.remove(connection)
        (repo_id,) = connection.scalars(select(Repo.id).limit(1))
        connection.execute(delete(RepoTag).where(RepoTag.repo_id == repo_id))
        connection.execute(delete(Repo).where(Repo.id == repo_id))
        changes.install(connection)
    feed = Feed(some.url)
    kept = Keeping(feed, Texts(feed.database), folder)
    engine = kept.resumed()
    assert engine is not None
    follow(feed, engine)
    assert not feed.is_of_all(len(engine.places.alive))
    kept.forget()
    kept.turn(feed.build(), 0, threading.Lock())
    _end_of_writing(kept)
    feed.close()
    assert resume(some, folder) is not None


def test_a_copy_of_the_process_writes_it_and_a_killed_one_leaves_the_one_before(
    some: Database, cast: Cast, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = Feed(some.url)
    engine, kept, lock = feed.build(), Keeping(feed, Texts(feed.database), folder), threading.Lock()
    kept.turn(engine, 0, lock)
    _end_of_writing(kept)
    first = (folder / "snapshot").read_bytes()

    def killed(engine: Engine, out: Any) -> None:
        out.piece(b"x" * 100_000)
        os.kill(os.getpid(), signal.SIGKILL)

    change_much(some, cast)
    follow(feed, engine)
    monkeypatch.setattr(Engine, "save", killed)
    kept.turn(engine, 8, lock)
    assert kept._writer is None, "the next one is not due yet"
    kept._next_at = 0
    kept.turn(engine, 8, lock)
    _end_of_writing(kept)
    monkeypatch.undo()
    feed.close()
    assert (folder / "snapshot").read_bytes() == first
    assert len(list(folder.iterdir())) == 2, "and what it began"
    resumed = resume(some, folder)
    assert resumed is not None
    assert_is_built_alike(some, resumed)
    assert [path.name for path in folder.iterdir()] == ["snapshot"]


def test_the_end_waits_for_whoever_writes_and_a_start_leaves_them_alone(some: Database, folder: Path) -> None:
    feed = Feed(some.url)
    engine, kept = feed.build(), Keeping(feed, Texts(feed.database), folder)
    kept.turn(engine, 0, threading.Lock())
    kept.last(engine, 0)
    assert [path.name for path in folder.iterdir()] == ["snapshot"]
    writing = folder / "1.new"
    with writing.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert Keeping(feed, Texts(feed.database), folder).resumed() is not None
        assert writing.exists()
    assert Keeping(feed, Texts(feed.database), folder).resumed() is not None
    assert not writing.exists()
    feed.close()


def _end_of_writing(kept: Keeping) -> None:
    assert kept._writer is not None
    os.waitid(os.P_PID, kept._writer, os.WEXITED | os.WNOWAIT)
    assert not kept._is_writing()


def test_one_that_ends_the_process_that_reads_it_is_not_read_again(
    some: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(some, folder)
    child = os.fork()
    if child == 0:
        monkeypatch.setattr(Engine, "restore", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        resume(some, folder)
        os._exit(0)
    os.waitpid(child, 0)
    assert resume(some, folder) is None
    assert list(folder.iterdir()) == []


def test_a_disk_without_room_gets_none(some: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "ROOM", 1 << 40)
    feed = Feed(some.url)
    kept = Keeping(feed, Texts(feed.database), folder)
    kept.turn(feed.build(), 0, threading.Lock())
    feed.close()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("has_helper", [True, False])
def test_two_halves_are_the_whole(
    some: Database, folder: Path, monkeypatch: pytest.MonkeyPatch, has_helper: bool
) -> None:
    """Even if the process that loads the other one ends badly."""
    monkeypatch.setattr(parts, "_processors", lambda: 2)
    if not has_helper:
        monkeypatch.setattr(sys, "executable", shutil.which("false"))
    feed = Feed(some.url)
    engine = parts.build(feed, None, least=2)
    feed.close()
    assert (engine.places.size > 12) == has_helper, "the second half begins with a chunk of its own"
    assert_is_built_alike(some, engine)
