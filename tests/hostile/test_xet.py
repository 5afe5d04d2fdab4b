"""Lies and bombs at the Xet doors."""

import random

import pytest
from starlette.testclient import TestClient

from freehold.content.service.xet import shards
from freehold.xetkit import hashes
from tests.content.given import repo
from tests.content.xet_client import Entry, Xet, make_xorb
from tests.fixtures.each import each
from tests.fixtures.people import Cast


@pytest.mark.parametrize("count", [0, 1, 2, 3, 8, 9, 10, 81, 500, 20_000])
def test_a_files_hash_is_the_same_however_its_chunks_come(count: int) -> None:
    chance = random.Random(count)
    digests = [chance.randbytes(32) for _ in range(count)]
    lengths = [chance.randint(1, 131_072) for _ in range(count)]
    found, at = hashes.FileHash(), 0
    while at < count:
        run = chance.choice((1, 2, 9, 100, 8192))
        found.add(digests[at : at + run], lengths[at : at + run])
        at += run
    assert found.digest() == hashes.file(digests, lengths)


def test_naming_a_chunk_a_million_times_takes_no_memory() -> None:
    """A shard of 12 kB can do that: 128 terms of one xorb."""
    digests = [hashes.chunk(b"%d" % number) for number in range(8192)]
    found = hashes.FileHash()
    for _ in range(16):
        found.add(digests, [1] * len(digests))
        assert sum(len(waiting) for waiting, _ in found._levels) < 100


def test_a_shard_of_endless_work_is_refused_before_it_is_begun(
    client: TestClient, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = Xet(client, cast.alice, repo(client, cast.alice, "work"))
    made = make_xorb(1, count=5)
    alice.send_xorb(made)
    monkeypatch.setattr(shards, "MAX_CHUNKS_A_SHARD", 50)
    assert alice.register(Entry([made.term()] * 10), listed=[made])["type"] == "result"
    refusal = alice.register(Entry([made.term()] * 11), listed=[made])
    assert refusal["type"] == "error"
    assert refusal["retryable"] is False
    assert "55 chunks" in refusal["message"]


def test_a_stranger_with_the_hash_of_a_private_file_rebuilds_nothing(client: TestClient, cast: Cast) -> None:
    """Another repository's recipe, asked for by hash through the stranger's own repository."""
    alice = Xet(client, cast.alice, repo(client, cast.alice, "hidden", private=True))
    charlie = Xet(client, cast.charlie, repo(client, cast.charlie, "own"))
    entry = Entry([make_xorb(3).term()])
    alice.upload(entry)
    assert alice.plan(entry.name).status_code == 200
    unknown = hashes.text(hashes.chunk(b"nothing"))
    for version in ("v1", "v2"):
        secret = charlie.plan(entry.name, version=version)
        nothing = charlie.plan(unknown, version=version)
        assert (secret.status_code, secret.text) == (nothing.status_code, nothing.text) == (404, nothing.text)
    xorb = hashes.text(entry.parts[0].xorb.name)
    for address in (f"/xet/v1/files/{entry.name}", f"/xet/v1/xorbs/default/{xorb}"):
        assert client.head(address, headers=charlie.headers("read")).status_code == 404
    assert charlie.ask_chunk(entry.parts[0].chunks[0]).status_code == 404
    refusal = charlie.register(entry)
    assert refusal["type"] == "error"
    assert refusal["message"] == charlie.register(Entry([make_xorb(4).term()]))["message"]


@pytest.mark.parametrize("name", ["", "zz", "A" * 64, "0" * 63, "0" * 65, "..%2f..", "%00", "٣" * 64])
def test_what_is_no_hash_is_refused(client: TestClient, cast: Cast, name: str) -> None:
    alice = Xet(client, cast.alice, repo(client, cast.alice, "names"))
    headers = alice.headers("write")
    assert 400 <= client.post(f"/xet/v1/xorbs/default/{name}", content=b"x", headers=headers).status_code < 500
    for address in ("v1/chunks/default", "v1/reconstructions", "v2/reconstructions"):
        assert 400 <= client.get(f"/xet/{address}/{name}", headers=headers).status_code < 500
    query = "?from=0&to=1&until=99999999999&sig=x"
    assert 400 <= client.get(f"/xet/data/{name}{query}").status_code < 500


@each(
    "query",
    [
        "",
        "?from=0",
        "?from=-1&to=9&until=99999999999&sig=x",
        "?from=9999999999999999999999&to=1&until=1&sig=x",
        f"?from={'9' * 5000}&to=1&until=1&sig=x",
        "?from=0&to=1&until=x&sig=%F0%9F%98%80",
        "?from=0&to=1&until=99999999999&sig=",
    ],
)
def test_a_forged_data_address_opens_nothing(client: TestClient, query: str) -> None:
    assert client.get(f"/xet/data/{'0' * 64}{query}").status_code == 403
