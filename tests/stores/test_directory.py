"""The directory store at its edges: a full disk, a read-only one, another file system, leftovers of a crash."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from freehold.stores.directory import STALE_S, DirectoryStore

KEY = "lfs/ab/cd/" + "ab" * 32


@pytest.fixture
def directory(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "store")


def test_a_put_leaves_nothing_but_the_object(directory: DirectoryStore) -> None:
    directory.put_bytes(KEY, b"x")

    assert [path for path in directory.root.rglob("*") if path.is_file()] == [directory.root / KEY]


def test_an_object_is_readable_by_a_front_server(directory: DirectoryStore) -> None:
    before = os.umask(0o022)
    try:
        store = DirectoryStore(directory.root)
    finally:
        os.umask(before)
    store.put_bytes(KEY, b"x")

    assert (directory.root / KEY).stat().st_mode & 0o777 == 0o644


def test_leftovers_of_a_crash_go_once_they_are_old(directory: DirectoryStore) -> None:
    old, young = directory.staging / "old", directory.staging / "young"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, times=(1, 1))

    DirectoryStore(directory.root)

    assert not old.exists()
    assert young.exists(), f"somebody may still be writing what is younger than {STALE_S} s"


def test_staging_is_not_listed(directory: DirectoryStore) -> None:
    (directory.staging / "half").write_bytes(b"half")

    assert list(directory.keys("")) == []


def run_as_root_of_own_mounts(script: str) -> str:
    """Run Python in its own user and mount namespace, where it may mount a small or read-only file system."""
    command = ["unshare", "-Urm", sys.executable, "-c", script]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("unshare is not installed")
    if "Operation not permitted" in done.stderr and "unshare" in done.stderr:
        pytest.skip("this system allows no user namespaces")
    assert done.returncode == 0, done.stderr
    return done.stdout


FULL_DISK = """
import errno, pathlib, subprocess
from freehold.core.errors import StorageFull
from freehold.core.http import named_os_error
from freehold.stores.directory import DirectoryStore
root = pathlib.Path({root!r})
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", root], check=True)
store = DirectoryStore(root / "store")
store.put_bytes("lfs/kept", b"k" * 300_000)
try:
    store.put_bytes("lfs/big", b"x" * (1 << 20))
except OSError as err:
    assert isinstance(named_os_error(err), StorageFull), err
else:
    raise SystemExit("a full disk went unnoticed")
assert store.size("lfs/big") is None
assert list(store.staging.iterdir()) == []
assert store.get("lfs/kept") == b"k" * 300_000
store.delete(["lfs/kept"])
store.put_bytes("lfs/big", b"x" * 600_000)
print("recovered", store.size("lfs/big"))
"""

READ_ONLY = """
import pathlib, subprocess
from freehold.core.errors import StorageReadOnly
from freehold.core.http import named_os_error
from freehold.stores.directory import DirectoryStore
root = pathlib.Path({root!r})
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", root], check=True)
store = DirectoryStore(root / "store")
store.put_bytes("lfs/kept", b"kept")
subprocess.run(["mount", "-o", "remount,ro", root], check=True)
for change in (lambda: store.put_bytes("lfs/new", b"x"), lambda: store.delete(["lfs/kept"])):
    try:
        change()
    except OSError as err:
        assert isinstance(named_os_error(err), StorageReadOnly), err
    else:
        raise SystemExit("a read-only disk went unnoticed")
assert store.get("lfs/kept") == b"kept"
subprocess.run(["mount", "-o", "remount,rw", root], check=True)
store.put_bytes("lfs/new", b"x")
print("recovered", store.size("lfs/new"))
"""

OTHER_FILE_SYSTEM = """
import pathlib, subprocess
from freehold.stores.directory import DirectoryStore
root = pathlib.Path({root!r})
store = DirectoryStore(root / "store")
(root / "other").mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", root / "other"], check=True)
(root / "other" / "file").write_bytes(b"from afar")
store.put_file("lfs/new", root / "other" / "file")
assert not (root / "other" / "file").exists()
assert list(store.staging.iterdir()) == []
print("recovered", store.size("lfs/new"))
"""


@pytest.mark.parametrize(
    ("script", "said"),
    [(FULL_DISK, "recovered 600000"), (READ_ONLY, "recovered 1"), (OTHER_FILE_SYSTEM, "recovered 9")],
    ids=["full", "read-only", "another file system"],
)
def test_a_disk_in_trouble_loses_nothing_and_recovers(tmp_path: Path, script: str, said: str) -> None:
    root = tmp_path / "disk"
    root.mkdir()

    assert run_as_root_of_own_mounts(script.format(root=str(root))).strip() == said
