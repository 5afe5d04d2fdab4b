"""Dedup answers: wide enough to be of use, never wider than what the caller may read."""

from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from freehold.core import clock
from freehold.xetkit import hashes
from tests.content.xet_client import Entry, Xet, create_repo, make_xorb
from tests.fixtures.people import Cast

RECORD = 48


@pytest.fixture
def alice(client: TestClient, cast: Cast) -> Xet:
    return Xet(client, cast.alice, create_repo(client, cast.alice, "m"))


def key_of(answer: bytes) -> bytes:
    return answer[-200 + 72 : -200 + 104]


def listed(answer: bytes) -> dict[bytes, list[bytes]]:
    """Xorb -> keyed chunk hashes, read as the client reads them."""
    at, found = 2 * RECORD, {}
    while answer[at : at + 32] != b"\xff" * 32:
        name, count = answer[at : at + 32], int.from_bytes(answer[at + 36 : at + 40], "little")
        chunks = [answer[at + RECORD * (n + 1) :][:32] for n in range(count)]
        found[name] = chunks
        at += RECORD * (count + 1)
    return found


def test_a_files_first_chunk_finds_all_its_xorbs(alice: Xet) -> None:
    one, two, three = make_xorb(1), make_xorb(2), make_xorb(3)
    alice.upload(Entry([one.term(), two.term(), three.term()]))
    answer = alice.ask_chunk(one.chunks[0])
    assert answer.status_code == 200
    found = listed(answer.content)
    assert list(found) == [one.name, two.name, three.name]
    for made in (one, two, three):
        assert found[made.name] == hashes.keyed(key_of(answer.content), [hashes.chunk(c) for c in made.chunks])
    assert alice.ask_chunk(one.chunks[0], "default-merkledb").content == answer.content


def test_what_is_not_eligible_or_not_here_is_not_found(alice: Xet) -> None:
    one = make_xorb(1)
    alice.send_xorb(one)
    assert alice.ask_chunk(one.chunks[0]).status_code == 404  # no file uses it yet
    alice.upload(Entry([one.term()]))
    assert alice.ask_chunk(one.chunks[1]).status_code == 404
    assert alice.ask_chunk(b"never seen").status_code == 404


def test_a_chunk_chosen_by_its_hash_is_found_anywhere_in_a_file(alice: Xet) -> None:
    chosen = next(c for c in (b"candidate %d" % n for n in range(100000)) if hashes.is_eligible(hashes.chunk(c)))
    from tests.content.xet_client import Made
    from tests.xetkit.builders import xorb

    chunks = [b"first", b"second", chosen, b"last"]
    body, name = xorb([(chunk, 0) for chunk in chunks])
    made = Made(body, name, chunks)
    alice.upload(Entry([made.term()]))
    assert list(listed(alice.ask_chunk(chosen).content)) == [name]
    assert alice.ask_chunk(b"last").status_code == 404


def test_only_readers_are_answered(alice: Xet, cast: Cast) -> None:
    hidden = Xet(alice.client, cast.alice, create_repo(alice.client, cast.alice, "hidden", private=True))
    one = make_xorb(1)
    hidden.upload(Entry([one.term()]))
    people = [Xet(alice.client, person, alice.repo) for person in (cast.alice, cast.charlie, cast.anonymous)]
    assert [xet.ask_chunk(one.chunks[0]).status_code for xet in people] == [200, 404, 404]
    alice.upload(Entry([one.term()]))  # now it is public too
    assert [xet.ask_chunk(one.chunks[0]).status_code for xet in people] == [200, 200, 200]


def test_neighbours_of_other_files_stay_hidden(alice: Xet, cast: Cast) -> None:
    """One xorb, two files, of which Charlie may read one: the other's chunks are not to be recognised."""
    hidden = Xet(alice.client, cast.alice, create_repo(alice.client, cast.alice, "hidden", private=True))
    made = make_xorb(1, 10)
    hidden.upload(Entry([made.term(0, 6)]))
    alice.upload(Entry([made.term(6)]))
    answer = Xet(alice.client, cast.charlie, alice.repo).ask_chunk(made.chunks[6]).content
    keyed = hashes.keyed(key_of(answer), [hashes.chunk(c) for c in made.chunks])
    (found,) = listed(answer).values()
    assert found[6:] == keyed[6:]
    assert not set(found[:6]) & set(keyed)


def test_keys_differ_by_person_and_day(alice: Xet, cast: Cast) -> None:
    one = make_xorb(1)
    alice.upload(Entry([one.term()]))

    def key(xet: Xet) -> bytes:
        answer = xet.ask_chunk(one.chunks[0]).content
        created, expires = (int.from_bytes(answer[-200 + at :][:8], "little") for at in (104, 112))
        assert created <= clock.epoch_s() < expires <= clock.epoch_s() + 2 * 86400
        return key_of(answer)

    charlie = Xet(alice.client, cast.charlie, alice.repo)
    anonymous = Xet(alice.client, cast.anonymous, alice.repo)
    today = [key(alice), key(charlie), key(anonymous)]
    assert len({*today, bytes(32)}) == 4
    assert key(alice) == today[0]
    with clock.frozen(clock.now() + timedelta(days=1)):
        assert key(alice) not in today
