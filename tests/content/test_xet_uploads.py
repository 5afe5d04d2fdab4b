"""Uploads: what is true is taken once and whole, every lie is refused, and nothing is half recorded."""

import hashlib
from pathlib import Path

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from freehold.content import keys
from freehold.content.kit import Kit
from freehold.content.service import objects
from freehold.content.tables import Content, DedupChunk, Recipe, RepoContent, RepoRecipe, Xorb
from freehold.core.database import Database
from freehold.repos.tables import Repo
from freehold.xetkit import hashes, xorbs
from tests.content.xet_client import Entry, Made, Xet, create_repo, make_xorb
from tests.fixtures.people import Cast
from tests.xetkit.builders import shard, xorb
from tests.xetkit.test_xorbs import footer


@pytest.fixture
def alice(client: TestClient, cast: Cast) -> Xet:
    return Xet(client, cast.alice, create_repo(client, cast.alice, "m"))


def rows(database: Database) -> dict[str, int]:
    with database.read() as db:
        tables = (Recipe, Content, RepoContent, RepoRecipe, DedupChunk)
        return {table.__name__: db.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def test_a_xorb_is_kept_as_sent_with_its_index(alice: Xet, kit: Kit, database: Database) -> None:
    made = make_xorb(1)
    assert alice.send_xorb(made).json() == {"was_inserted": True}
    name = hashes.text(made.name)
    assert kit.store.get(keys.xorb_key(name)) == made.body
    index = xorbs.decode_index(kit.store.get(keys.xorb_index_key(name)))
    assert index == xorbs.validate(made.body, made.name)
    with database.read() as db:
        row = db.get_one(Xorb, name)
        assert (row.stored_bytes, row.raw_bytes, row.chunks) == (len(made.body), index.raw_bytes, 5)
    assert list(kit.tmp.iterdir()) == []


def test_the_first_copy_stays(alice: Xet, kit: Kit) -> None:
    first, second = make_xorb(1, scheme=0), make_xorb(1, scheme=1)
    assert first.name == second.name and first.body != second.body
    assert alice.send_xorb(first).json() == {"was_inserted": True}
    assert alice.send_xorb(second).json() == {"was_inserted": False}
    assert kit.store.get(keys.xorb_key(hashes.text(first.name))) == first.body


def test_a_footer_is_dropped(alice: Xet, kit: Kit) -> None:
    made = make_xorb(1)
    body = made.body + footer(made.name, xorbs.validate(made.body, made.name))
    assert alice.send_xorb(made, body=body).status_code == 200
    assert kit.store.get(keys.xorb_key(hashes.text(made.name))) == made.body


@pytest.mark.parametrize(
    "body",
    [b"", b"x", make_xorb(1).body[:-1], make_xorb(1).body + b"\0", make_xorb(2).body],
    ids=["empty", "noise", "short", "long", "another"],
)
def test_a_wrong_xorb_leaves_nothing(alice: Xet, kit: Kit, database: Database, body: bytes) -> None:
    made = make_xorb(1)
    answer = alice.send_xorb(made, body=body)
    assert answer.status_code == 400
    assert list(kit.store.keys("xorbs")) == [] and list(kit.tmp.iterdir()) == []
    with database.read() as db:
        assert db.scalar(select(func.count()).select_from(Xorb)) == 0


def test_a_xorb_over_the_limit_is_refused_unread(alice: Xet) -> None:
    answer = alice.send_xorb(make_xorb(1), body=bytes(xorbs.MAX_BODY_BYTES + 1))
    assert answer.status_code == 413


@pytest.mark.parametrize("name", ["x", "A" * 64, "0" * 63, "..%2f..%2fetc"])
def test_a_name_that_is_no_hash_is_refused(alice: Xet, name: str) -> None:
    assert alice.send_xorb(make_xorb(1), name=name).status_code in (400, 404)


def test_a_file_is_registered_for_its_repository(alice: Xet, database: Database) -> None:
    one, two = make_xorb(1), make_xorb(2)
    entry = Entry([one.term(), two.term(1, 3), one.term(2, 4)])
    alice.upload(entry)
    with database.read() as db:
        content = db.get_one(Content, entry.sha256)
        assert (content.size_bytes, content.is_whole, content.file_hash) == (len(entry.data), False, entry.name)
        repo = db.scalars(select(Repo)).one()
        assert db.get(RepoContent, (repo.id, entry.sha256)) is not None
        assert db.get(RepoRecipe, (repo.id, entry.name)) is not None
        assert db.get(DedupChunk, (hashes.text(hashes.chunk(one.chunks[0])), hashes.text(one.name))) is not None
    assert alice.download(entry.name) == entry.data


def test_sent_again_it_is_known(alice: Xet, database: Database) -> None:
    entry = Entry([make_xorb(1).term()])
    alice.upload(entry)
    before = rows(database)
    assert alice.send_xorb(entry.parts[0].xorb).json() == {"was_inserted": False}
    assert alice.register(entry) == {"type": "result", "result": 0}
    assert rows(database) == before


def test_v1_answers_without_a_stream(alice: Xet) -> None:
    entry = Entry([make_xorb(1).term()])
    alice.send_xorb(entry.parts[0].xorb)
    for result in (1, 0):
        answer = alice.client.post("/xet/v1/shards", content=shard([entry.record]), headers=alice.headers("write"))
        assert (answer.status_code, answer.json()) == (200, {"result": result})
    assert alice.client.post("/xet/v1/shards", content=b"x", headers=alice.headers("write")).status_code == 400


def test_the_same_file_from_other_terms_keeps_one_recipe(alice: Xet, database: Database) -> None:
    one = make_xorb(1)
    body, name = xorb([(chunk, 0) for chunk in one.chunks[:2]])
    part, rest = Made(body, name, one.chunks[:2]), one.term(2)
    first, second = Entry([one.term()]), Entry([part.term(), rest])
    assert first.file_hash == second.file_hash
    alice.upload(first)
    alice.upload(second)
    assert rows(database)["Recipe"] == 1
    assert alice.download(first.name) == first.data


def test_a_file_without_a_digest_is_no_content(alice: Xet, database: Database) -> None:
    entry = Entry([make_xorb(1).term()], sha256=None)
    alice.upload(entry)
    assert rows(database)["Recipe"] == 1 and rows(database)["Content"] == 0
    assert alice.download(entry.name) == entry.data


def test_an_empty_file_and_an_empty_shard_are_fine(alice: Xet) -> None:
    entry = Entry([])
    assert entry.sha256 == hashlib.sha256().hexdigest()
    assert alice.register(entry)["type"] == "result"
    assert alice.download(entry.name) == b""
    assert alice.send_shard(shard([])) == {"type": "result", "result": 0}


def test_a_whole_content_becomes_readable_both_ways(alice: Xet, database: Database) -> None:
    entry = Entry([make_xorb(1).term()])
    assert entry.sha256
    with database.write() as db:
        objects.record_whole(db, db.scalars(select(Repo)).one().id, entry.sha256, len(entry.data))
    alice.upload(entry)
    with database.read() as db:
        content = db.get_one(Content, entry.sha256)
        assert content.is_whole and content.file_hash == entry.name


OTHER = "1" * 64


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (Entry([make_xorb(1).term()], sha256=OTHER), "SHA-256"),
        (Entry([make_xorb(1).term()], file_hash=bytes(32 * [7])), "name"),
        (Entry([make_xorb(1).term()], proofs=[bytes(32)]), "verification"),
        (Entry([make_xorb(1).term()], lengths=[7]), "fit"),
        (Entry([make_xorb(3).term()]), "have not sent"),
    ],
    ids=["sha256", "file hash", "range hash", "length", "unknown xorb"],
)
def test_a_lie_in_a_shard_records_nothing(alice: Xet, database: Database, entry: Entry, says: str) -> None:
    alice.send_xorb(make_xorb(1))
    alice.send_xorb(make_xorb(2))
    before = rows(database)
    event = alice.register(Entry([make_xorb(2).term()]), entry)
    assert event["type"] == "error" and event["retryable"] is False
    assert says in event["message"]
    assert rows(database) == before


def test_chunks_past_the_end_of_a_xorb_are_refused(alice: Xet) -> None:
    made = make_xorb(1)
    alice.send_xorb(made)
    longer = Made(made.body, made.name, [*made.chunks, b"more"])
    assert alice.register(Entry([longer.term()]))["type"] == "error"


def test_a_xorb_listed_with_other_chunks_is_refused(alice: Xet) -> None:
    made = make_xorb(1)
    alice.send_xorb(made)
    event = alice.register(Entry([made.term()]), listed=[Made(b"", made.name, [*made.chunks[:-1], b"other"])])
    assert event["type"] == "error" and "other chunks" in event["message"]


@pytest.mark.parametrize("private", [True, False])
def test_foreign_xorbs_are_as_good_as_unknown(alice: Xet, cast: Cast, database: Database, private: bool) -> None:
    """Charlie knows every chunk's hash of Alice's file, but only what he may read counts."""
    hidden = Xet(alice.client, cast.alice, create_repo(alice.client, cast.alice, "other", private=private))
    entry = Entry([make_xorb(1).term()])
    hidden.upload(entry)
    charlie = Xet(alice.client, cast.charlie, create_repo(alice.client, cast.charlie, "mine"))
    event, unknown = charlie.register(entry), charlie.register(Entry([make_xorb(9).term()]))
    if private:
        assert event == unknown and event["type"] == "error"
        # Sent again by himself it is his, and nothing told him that it was here already but the flag after the fact.
        assert charlie.send_xorb(entry.parts[0].xorb).status_code == 200
        assert charlie.register(entry)["type"] == "result"
    else:
        assert event == {"type": "result", "result": 1}
        assert charlie.download(entry.name) == entry.data


def test_a_verified_digest_is_not_rebuilt_again(alice: Xet, cast: Cast, kit: Kit) -> None:
    entry = Entry([make_xorb(1).term()])
    alice.upload(entry)
    kit.store.delete([keys.xorb_key(hashes.text(entry.parts[0].xorb.name))])  # reading would fail now
    assert alice.register(entry)["type"] == "result"


def test_a_file_over_the_limit_is_refused(new_app, cast: Cast, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with TestClient(new_app(max_object_bytes=1000), base_url="http://hub.test") as client:
        xet = Xet(client, cast.alice, create_repo(client, cast.alice, "m"))
        made = make_xorb(1)
        xet.send_xorb(made)
        event = xet.register(Entry([made.term()]))
        assert event["type"] == "error" and "1000" in event["message"]
