"""Transactions at the edge, the hot road, events and what happens after the commit."""

import threading
import time
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import event, text

from freehold.core import events
from freehold.core.database import Database, RowQuery, bounded
from freehold.core.errors import TookTooLong
from freehold.core.instance import InstanceValue, signing_secret, value_or_new
from freehold.core.signing import Signer

QUERY = RowQuery("SELECT value FROM instance_values WHERE name = :name")


def test_a_block_that_raises_leaves_nothing(database: Database) -> None:
    def fail_halfway() -> None:
        with database.write() as db:
            db.add(InstanceValue(name="a", value="1"))
            db.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert database.row(QUERY, name="a") is None


def test_the_hot_road_sees_what_was_just_committed(database: Database) -> None:
    assert database.row(QUERY, name="a") is None
    with database.write() as db:
        db.add(InstanceValue(name="a", value="1"))
    assert database.row(QUERY, name="a") == ("1",)


def test_the_hot_road_takes_any_name_and_a_percent_sign(database: Database) -> None:
    query = RowQuery(
        "SELECT cast(:sha256 AS varchar(9)) WHERE 'a' LIKE '%' AND :n_2 = :n_2 AND CAST('1' AS integer) = 1"
    )
    assert database.row(query, sha256="x", n_2="y") == ("x",)


def test_writers_queue_up_and_lose_nothing(database: Database) -> None:
    with database.write() as db:
        db.add(InstanceValue(name="n", value="0"))

    def add_one() -> None:
        for _ in range(10):
            with database.write() as db:
                row = db.get_one(InstanceValue, "n", with_for_update=True)
                row.value = str(int(row.value) + 1)

    threads = [threading.Thread(target=add_one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.row(QUERY, name="n") == ("40",)


def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    with database.write() as writing:
        writing.add(InstanceValue(name="a", value="1"))
        writing.flush()
        with database.read() as reading:
            assert reading.scalar(text("SELECT count(*) FROM instance_values")) == 0


@dataclass(frozen=True)
class Happened:
    what: str


def test_listeners_run_inside_the_transaction_and_followers_after_it(database: Database) -> None:
    seen: list[str] = []
    database.bus.subscribe(Happened, lambda db, event: seen.append(event.what))

    def fail_halfway() -> None:
        with database.write() as db:
            events.publish(db, Happened("lost"))
            events.after_commit(db, lambda: seen.append("never"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    with database.write() as db:
        events.publish(db, Happened("kept"))
        events.after_commit(db, lambda: seen.append("committed"))
        assert seen == ["lost", "kept"]
    assert seen == ["lost", "kept", "committed"]


def test_two_first_starts_agree_on_one_secret(database: Database) -> None:
    assert signing_secret(database) == signing_secret(database)
    assert value_or_new(database, "x", "first") == "first"
    assert value_or_new(database, "x", "second") == "first"


def test_a_signature_opens_only_the_door_it_was_made_for() -> None:
    signer = Signer(b"s" * 32)
    signature = signer.sign("door", "payload")
    assert signer.check("door", "payload", signature)
    assert not signer.check("other", "payload", signature)
    assert not signer.check("door", "payload2", signature)
    assert not Signer(b"t" * 32).check("door", "payload", signature)
    assert not signer.check("door", "payload", "ünï")


def test_a_sealed_token_expires_and_is_not_forged() -> None:
    from freehold.core import clock

    signer = Signer(b"s" * 32)
    now = clock.epoch_s()
    token = signer.seal("xet", {"repo": "r"}, now + 10)
    assert signer.open("xet", token) == {"repo": "r", "exp": now + 10}
    assert signer.open("lfs", token) is None
    for forged in ("", ".", token[:-1], "e30." + token.split(".")[1], token + "x", "ü.ü"):
        assert signer.open("xet", forged) is None
    old = signer.seal("xet", {}, now - 10)
    assert signer.open("xet", old) is None
    assert signer.open("xet", old, grace_s=60) is not None


def test_a_read_that_takes_too_long_is_refused_and_the_next_one_goes_on(database: Database) -> None:
    endless = text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000000) SELECT count(*) FROM n"
    )
    with pytest.raises(TookTooLong), database.read() as db, bounded(db, 0.2):
        db.execute(endless)
    with database.read() as db:
        with bounded(db, 0.2):
            assert db.scalar(text("SELECT 1")) == 1
        time.sleep(0.25)
        assert db.scalar(text("SELECT 2")) == 2, "what comes after is not bounded"


def test_only_what_passes_with_the_power_does_not_wait_for_the_disk(database: Database) -> None:
    asked, waits, does_not = (
        ("PRAGMA synchronous", 2, 1) if database.is_sqlite else ("SHOW synchronous_commit", "on", "off")
    )

    def wait(connection: Any, *_: Any) -> None:
        connection.execute("SET synchronous_commit = on")
        connection.commit()

    if not database.is_sqlite:  # the tests' own server waits for no disk
        event.listen(database.engine, "checkout", wait)
    for passing in (False, True, False):
        with database.write(passing=passing) as db:
            assert db.scalar(text(asked)) == (does_not if passing else waits)
    if not database.is_sqlite:
        event.remove(database.engine, "checkout", wait)
