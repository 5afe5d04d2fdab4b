"""Reads: any range of any file for its readers, nothing for others, and no address that opens a byte more."""

import gzip
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.content.kit import Kit
from freehold.content.service.xet import reads
from freehold.content.tables import Recipe
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.settings import Settings
from freehold.xetkit import hashes
from tests.content.xet_client import Entry, Xet, create_repo, make_xorb
from tests.fixtures.people import Cast
from tests.fixtures.stores import store_settings

ONE, TWO = make_xorb(1, 40), make_xorb(2, 40)
FILE = Entry([ONE.term(3, 20), TWO.term(), ONE.term(25, 30)])


@pytest.fixture
def alice(client: TestClient, cast: Cast) -> Xet:
    xet = Xet(client, cast.alice, create_repo(client, cast.alice, "m", private=True))
    xet.upload(FILE)
    return xet


def test_the_whole_and_any_part(alice: Xet) -> None:
    size = len(FILE.data)
    assert alice.download(FILE.name) == FILE.data
    for start, end in ((0, 1), (0, size), (5, 4000), (4999, 9001), (size - 1, size), (12345, size)):
        assert alice.download(FILE.name, f"bytes={start}-{end - 1}") == FILE.data[start:end]


def test_ranges_past_the_end(alice: Xet) -> None:
    size = len(FILE.data)
    assert alice.download(FILE.name, f"bytes=100-{size + 10**9}") == FILE.data[100:]
    answer = alice.plan(FILE.name, span=f"bytes={size}-{size + 5}")
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{size}"


def test_v1_says_the_same(alice: Xet) -> None:
    v1, v2 = (alice.plan(FILE.name, version=version).json() for version in ("v1", "v2"))
    assert v1["terms"] == v2["terms"]
    assert {name: [(e["range"], e["url_range"]) for e in entries] for name, entries in v1["fetch_info"].items()} == {
        name: [(e["ranges"][0]["chunks"], e["ranges"][0]["bytes"]) for e in entries]
        for name, entries in v2["xorbs"].items()
    }


def test_many_files_at_once(alice: Xet) -> None:
    other = Entry([TWO.term(0, 2)])
    alice.upload(other)
    headers, names = alice.headers("read"), [FILE.name, other.name]
    got = alice.client.get("/xet/v1/reconstructions", params={"file_id": names}, headers=headers)
    posted = alice.client.post("/xet/v1/reconstructions", json=names, headers=headers)
    for answer in (got, posted):
        assert answer.status_code == 200
        assert set(answer.json()["files"]) == set(names)
        assert set(answer.json()["fetch_info"]) == {hashes.text(ONE.name), hashes.text(TWO.name)}
    for bad in ([1], ["0"] * 1001):
        assert alice.client.post("/xet/v1/reconstructions", json=bad, headers=headers).status_code == 400


def test_long_plans_are_compressed_for_who_takes_it(alice: Xet) -> None:
    headers = alice.headers("read") | {"Accept-Encoding": "gzip"}
    parts = [ONE.term(at, at + 1) for at in range(0, 40, 2)]
    scattered = Entry(parts)
    alice.upload(scattered)
    with alice.client.stream("GET", f"/xet/v2/reconstructions/{scattered.name}", headers=headers) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(gzip.decompress(raw)) > 2 * len(raw)
    plain = alice.client.get(
        f"/xet/v2/reconstructions/{scattered.name}", headers=alice.headers("read") | {"Accept-Encoding": "identity"}
    )
    assert "Content-Encoding" not in plain.headers
    assert alice.download(scattered.name) == scattered.data


def test_a_files_hash_alone_opens_nothing(alice: Xet, cast: Cast) -> None:
    charlie = Xet(alice.client, cast.charlie, create_repo(alice.client, cast.charlie, "mine"))
    headers = charlie.headers("read")
    unknown = alice.client.get(f"/xet/v2/reconstructions/{'5' * 64}", headers=headers)
    for address in (f"/xet/v2/reconstructions/{FILE.name}", f"/xet/v1/reconstructions/{FILE.name}"):
        answer = alice.client.get(address, headers=headers)
        assert (answer.status_code, answer.text) == (404, unknown.text)
    assert (
        alice.client.get("/xet/v1/reconstructions", params={"file_id": FILE.name}, headers=headers).status_code == 404
    )
    assert alice.client.head(f"/xet/v1/files/{FILE.name}", headers=headers).status_code == 404
    assert alice.client.head(f"/xet/v1/xorbs/default/{hashes.text(ONE.name)}", headers=headers).status_code == 404


def test_another_repository_of_the_same_owner_opens_nothing_either(alice: Xet, cast: Cast) -> None:
    other = Xet(alice.client, cast.alice, create_repo(alice.client, cast.alice, "other"))
    assert other.plan(FILE.name).status_code == 404


def test_sizes(alice: Xet) -> None:
    headers = alice.headers("read")
    answer = alice.client.head(f"/xet/v1/files/{FILE.name}", headers=headers)
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, str(len(FILE.data)))
    answer = alice.client.head(f"/xet/v1/xorbs/default/{hashes.text(ONE.name)}", headers=headers)
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, str(len(ONE.body)))


def entries(answer: httpx.Response) -> list[tuple[str, int, int]]:
    return [
        (entry["url"], entry["ranges"][0]["bytes"]["start"], entry["ranges"][0]["bytes"]["end"])
        for of_xorb in answer.json()["xorbs"].values()
        for entry in of_xorb
    ]


def test_an_address_opens_its_range_and_no_more(alice: Xet) -> None:
    address, first, last = entries(alice.plan(FILE.name))[0]
    get = alice.client.get
    whole = get(address)
    assert whole.status_code == 206
    assert whole.headers["Content-Range"] == f"bytes {first}-{last}/{len(ONE.body)}"
    assert whole.content == ONE.body[first : last + 1]
    part = get(address, headers={"Range": f"bytes={first + 3}-{first + 9}"})
    assert part.content == ONE.body[first + 3 : first + 10]
    for span in (f"{first - 1}-{last}", f"{first}-{last + 1}", f"0-{last}", f"{last + 1}-{last + 2}", "0-0"):
        assert get(address, headers={"Range": f"bytes={span}"}).status_code == 403


def test_a_changed_or_stale_address_opens_nothing(alice: Xet) -> None:
    address, first, last = entries(alice.plan(FILE.name))[0]
    one, two = hashes.text(ONE.name), hashes.text(TWO.name)
    changes = [
        address.replace(one, two),
        address.replace(f"from={first}", f"from={first - 1}"),
        address.replace(f"to={last + 1}", f"to={last + 2}"),
        address.replace("until=", "until=9"),
        address[:-1] + ("A" if address[-1] != "A" else "B"),
        address.split("?")[0],
        address.replace(f"from={first}", "from=x"),
    ]
    assert len({*changes, address}) == len(changes) + 1
    for changed in changes:
        assert alice.client.get(changed).status_code == 403, changed
    with clock.frozen(clock.now() + timedelta(hours=1, seconds=1)):
        assert alice.client.get(address).status_code == 403


@pytest.fixture
def on_each_store(
    store_kind: str, new_app: Callable[..., Starlette], request: pytest.FixtureRequest, tmp_path: Any
) -> Starlette:
    return new_app(**store_settings(store_kind, request, tmp_path / "data"))


def test_on_every_store(on_each_store: Starlette, cast: Cast, store_kind: str, database: Database) -> None:
    """On S3 the plan leads to the bucket itself, by addresses that open one range each."""
    with TestClient(on_each_store, base_url="http://hub.test") as client:
        xet = Xet(client, cast.alice, create_repo(client, cast.alice, "m"))
        xet.upload(FILE)
        kit: Kit = on_each_store.state.kit
        with database.read() as db:
            terms = db.get_one(Recipe, FILE.name).terms
        assert b"".join(reads.rebuild(kit.store, terms, 100, 9000)) == FILE.data[100:9000]
        if store_kind != "s3":
            assert xet.download(FILE.name) == FILE.data
            return
        for address, first, last in entries(xet.plan(FILE.name)):
            assert not address.startswith("http://hub.test")
            with httpx.Client(trust_env=False) as outside:
                got = outside.get(address, headers={"Range": f"bytes={first}-{last}"})
                assert got.status_code == 206 and got.content in ONE.body + TWO.body
                wider = outside.get(address, headers={"Range": f"bytes=0-{last + 1}"})
                assert wider.status_code == 403


def test_without_presigning_s3_is_read_through_the_hub(
    new_app: Callable[..., Starlette], request: pytest.FixtureRequest, cast: Cast, tmp_path: Any
) -> None:
    app = new_app(presign=False, **store_settings("s3", request, tmp_path / "data"))
    with TestClient(app, base_url="http://hub.test") as client:
        xet = Xet(client, cast.alice, create_repo(client, cast.alice, "m"))
        xet.upload(FILE)
        assert xet.download(FILE.name) == FILE.data


def test_settings_name_the_life_of_an_address() -> None:
    assert Settings.__dataclass_fields__["xet_token_s"].default == 3600


def test_telemetry_is_read_and_dropped(alice: Xet) -> None:
    headers = alice.headers("read")
    assert alice.client.post("/xet/v1/telemetry", json={"any": "thing"}, headers=headers).status_code == 200
    assert alice.client.post("/xet/v1/telemetry", content=bytes((1 << 20) + 1), headers=headers).status_code == 413


def test_no_grants_are_offered(alice: Xet) -> None:
    answer = alice.client.post(
        f"/xet/v1/xorb-grants/default/{'0' * 64}", json={"length": 1}, headers=alice.headers("write")
    )
    assert answer.status_code == 404
