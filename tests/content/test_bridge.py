"""Files that came by Xet, read by everybody else: rebuilt by range, and kept whole for the next reader."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.content.kit import Kit
from freehold.content.service import rebuilt
from freehold.content.service.rebuilt import RebuiltFiles
from freehold.content.service.xet import reads
from freehold.gitkit.commits import PutPointer
from tests.content import given
from tests.content.given import batch, digest
from tests.fixtures.each import each
from tests.fixtures.people import Cast

pytestmark = pytest.mark.any_database

DATA = os.urandom(1 << 20) * 3 + b"tail"
ADDRESS = "/alice/x/resolve/main/model.safetensors"


@pytest.fixture
def file_hash(client: TestClient, app: Starlette, cast: Cast) -> str:
    """``alice/x`` holds DATA as a recipe; its Xet hash."""
    path = given.repo(client, cast.alice, "x")
    made = given.recipe(app, path, DATA)
    given.commit(app, path, [PutPointer("model.safetensors", digest(DATA), len(DATA))])
    return made


def kept(kit: Kit) -> list[Path]:
    folder = kit.cache / "files"
    return sorted(folder.iterdir()) if folder.exists() else []


def test_a_file_that_came_by_xet_says_so(client: TestClient, file_hash: str) -> None:
    head = client.head(ADDRESS)

    assert head.status_code == 200
    assert head.headers["content-length"] == str(len(DATA))
    assert head.headers["etag"] == head.headers["x-linked-etag"] == f'"{digest(DATA)}"'
    assert head.headers["x-linked-size"] == str(len(DATA))
    assert head.headers["x-xet-hash"] == file_hash
    commit = head.headers["x-repo-commit"]
    route = f"http://hub.test/api/models/alice/x/xet-read-token/{commit}"
    assert head.headers["link"].startswith(f'<{route}>; rel="xet-auth", ')
    assert f'/v1/reconstructions/{file_hash}>; rel="xet-reconstruction-info"' in head.headers["link"]
    assert head.headers["x-xet-refresh-route"] == route


@each(
    ("start", "end"),
    [(0, 1), (65_535, 65_537), (1 << 20, 2 << 20), (1_500_000, 1_700_000), (len(DATA) - 5, len(DATA))],
)
def test_any_range_of_it(client: TestClient, kit: Kit, file_hash: str, start: int, end: int) -> None:
    answer = client.get(ADDRESS, headers={"Range": f"bytes={start}-{end - 1}"})

    assert (answer.status_code, answer.content) == (206, DATA[start:end])
    assert kept(kit) == [], "a part is not worth keeping the whole"


def test_the_second_reader_gets_a_file(
    client: TestClient, kit: Kit, file_hash: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get(ADDRESS).content == DATA
    assert [path.read_bytes() for path in kept(kit)] == [DATA]

    def unused(*_: object) -> Iterator[bytes]:
        raise AssertionError("rebuilt again")

    monkeypatch.setattr(reads, "rebuild", unused)
    assert client.get(ADDRESS).content == DATA
    assert client.get(ADDRESS, headers={"Range": "bytes=70000-80000"}).content == DATA[70_000:80_001]


@pytest.mark.parametrize("harm", ["lost", "damaged"])
def test_what_the_store_lost_is_told_by_a_status(client: TestClient, kit: Kit, file_hash: str, harm: str) -> None:
    (key, size), *_ = [found for found in kit.store.keys("xorbs") if not found[0].endswith(".idx")]
    whole = kit.store.get(key)
    if harm == "lost":
        kit.store.delete([key])
    else:
        kit.store.put_bytes(key, b"\xff" * size)

    late = len(DATA) // 2 + (64 << 10)
    ranges = ["bytes=0-9", f"bytes={late}-{late + 9}"]
    statuses = [client.get(ADDRESS, headers={"Range": asked}).status_code for asked in ranges]
    assert sorted(statuses) == [206, 503], "the other half is read as before"
    kit.store.put_bytes(key, whole)
    assert client.get(ADDRESS).content == DATA


def test_git_lfs_reads_it_too(client: TestClient, file_hash: str) -> None:
    (down,) = batch(client, "alice/x", [DATA], {}, operation="download")

    assert client.get(down["actions"]["download"]["href"]).content == DATA


# ---- the cache ------------------------------------------------------------------------------------------------------


def age(path: Path, seconds: int) -> None:
    """The file was last used this much earlier."""
    used = path.stat().st_mtime - seconds
    os.utime(path, (used, used))


@pytest.fixture
def cache(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> RebuiltFiles:
    """A cache of 1,000 bytes."""
    files = RebuiltFiles(kit)
    monkeypatch.setattr(files, "limit_bytes", 1000)
    return files


def fill(cache: RebuiltFiles, name: str, size: int) -> bytes:
    return b"".join(cache.teed(name, size, iter([b"x" * (size // 2), b"x" * (size - size // 2)])))


def test_the_cache_keeps_to_its_limit_and_drops_the_oldest(cache: RebuiltFiles) -> None:
    for name, seconds in (("old", 3000), ("older", 4000), ("new", 2000)):
        fill(cache, name, 300)
        age(cache.folder / name, seconds)
    assert cache.find("old"), "used again: not the oldest any more"
    age(cache.folder / "old", 1000)

    fill(cache, "newest", 300)

    assert cache.find("older") is None
    assert cache.find("new") and cache.find("old") and cache.find("newest")


def test_a_file_in_use_is_not_dropped(cache: RebuiltFiles) -> None:
    for name in ("a", "b", "c"):
        fill(cache, name, 400)

    assert cache.find("a"), f"used within {rebuilt.IN_USE_S} s"


def test_a_file_too_large_for_the_cache_passes_by(cache: RebuiltFiles) -> None:
    assert fill(cache, "large", 501) == b"x" * 501
    assert cache.find("large") is None


def test_a_reader_that_leaves_early_leaves_nothing(cache: RebuiltFiles) -> None:
    pieces = cache.teed("file", 300, iter([b"x" * 100] * 3))
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]  # a generator

    assert list(cache.folder.iterdir()) == []
    assert fill(cache, "file", 300) == b"x" * 300
    assert cache.find("file")


def test_only_one_reader_fills_the_cache(cache: RebuiltFiles) -> None:
    first = cache.teed("file", 300, iter([b"x" * 100] * 3))
    next(first)
    second = cache.teed("file", 300, iter([b"x" * 100] * 3))

    assert b"".join(second) == b"x" * 300
    assert len(list(cache.folder.iterdir())) == 1
    assert len(b"".join(first)) == 200
    assert cache.find("file")


def test_a_file_that_broke_off_is_not_kept(cache: RebuiltFiles) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * 100
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        list(cache.teed("file", 300, broken()))
    assert list(cache.folder.iterdir()) == []


def test_a_cache_that_cannot_be_written_fails_no_reader(cache: RebuiltFiles) -> None:
    cache.folder.parent.mkdir(exist_ok=True)
    cache.folder.write_bytes(b"a file where the folder should be")

    assert fill(cache, "file", 300) == b"x" * 300
    assert cache.find("file") is None
