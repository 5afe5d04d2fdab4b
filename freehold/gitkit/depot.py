"""Opening a repository's objects: exactly the packs that the rows name.

Packs of a directory store are linked to where they lie; those of another store are fetched into the cache first. The
directory that libgit2 and git read holds links only, so a pack that no row names (a lost race, a crash) is invisible.
"""

import fcntl
import os
import secrets
import shutil
import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from freehold.gitkit.objects import Facts, Objects

MAX_OPEN = 64


class PackStore(Protocol):
    """What the depot needs of a store (``stores.store.Store`` has it)."""

    def local_path(self, key: str) -> Path | None: ...

    def fetch(self, key: str, into: Path) -> None: ...


class Depot:
    """The open repositories of this process, at most :data:`MAX_OPEN`, the least recently used closed first.

    ``cache`` is a disposable directory that several processes may share.
    """

    def __init__(self, store: PackStore, cache: Path) -> None:
        self._store = store
        self._packs = cache / "packs"
        self._views = _own_directory(cache / "views")
        self._open: OrderedDict[str, tuple[Objects, Path, set[str]]] = OrderedDict()
        self._lock = threading.Lock()
        self._facts = Facts(_made(cache / "history"))

    def open(self, repo_id: str, packs: Sequence[str]) -> Objects:
        """The objects of ``packs`` (names of rows, such as ``pack-<hex>``) of a repository; safe for every thread.

        Repeated calls share one :class:`Objects`, which gains packs as they are published. Packs that it no longer
        needs make way when a new one appears (they were folded together).
        """
        wanted = set(packs)
        with self._lock:
            known = self._open.get(repo_id)
            if known is not None and wanted <= known[2]:
                self._open.move_to_end(repo_id)
                return known[0]
        # Outside the lock: fetching from a remote store takes its time. Fetching twice is harmless.
        sources = {name: self._files(repo_id, name) for name in wanted - (known[2] if known else set())}
        with self._lock:
            return self._opened(repo_id, wanted, sources)

    def pack_files(self, repo_id: str, packs: Sequence[str]) -> list[Path]:
        """The ``.pack`` files of ``packs``, local, each beside its index."""
        return [self._files(repo_id, name)[0] for name in packs]

    def forget(self, repo_id: str) -> None:
        """The repository is closed, and its fetched packs are gone from the cache."""
        with self._lock:
            self._open.pop(repo_id, None)
        self._facts.forget(repo_id)
        shutil.rmtree(self._packs / repo_id, ignore_errors=True)

    def close(self) -> None:
        """Nothing is open any more; objects still held elsewhere stay readable until they are dropped."""
        with self._lock:
            self._open.clear()
        self._views.release()

    def _opened(self, repo_id: str, wanted: set[str], sources: dict[str, list[Path]]) -> Objects:
        objects, view, linked = self._open.pop(repo_id, (None, None, set()))
        if objects is None or view is None or (linked - wanted and wanted - linked):
            view = self._views.path / f"{repo_id}-{secrets.token_hex(4)}"
            (view / "pack").mkdir(parents=True)
            objects, linked = Objects(repo_id, view, self._facts), set()
            # The links go when the last reader is done, not before: libgit2 opens packs when it needs them.
            weakref.finalize(objects, shutil.rmtree, view, ignore_errors=True)
        for name in wanted - linked:
            # The pack before its index, which is what libgit2 looks for.
            for path in sources.get(name) or self._files(repo_id, name):
                _link(path, view / "pack" / path.name)
            linked.add(name)
        objects.refresh()
        self._open[repo_id] = (objects, view, linked)
        while len(self._open) > MAX_OPEN:
            self._open.popitem(last=False)
        return objects

    def _files(self, repo_id: str, name: str) -> list[Path]:
        """The pack and its index as local files."""
        paths = []
        for suffix in (".pack", ".idx"):
            key = pack_key(repo_id, name, suffix)
            path = self._store.local_path(key)
            if path is None:
                path = self._packs / repo_id / (name + suffix)
                if not path.exists():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    self._store.fetch(key, path)
            paths.append(path)
        return paths


def _link(path: Path, at: Path) -> None:
    """``at`` is the file ``path``, and stays it for its readers when packs are folded and the old ones removed."""
    try:
        os.link(path, at)
    except FileExistsError:
        pass
    except OSError:  # on another disk, or one without hard links: the folder's grace is what readers have
        with suppress(FileExistsError):
            os.symlink(path, at)


def pack_key(repo_id: str, name: str, suffix: str) -> str:
    """Where a store keeps a pack (``.pack``) or its index (``.idx``)."""
    return f"git/{repo_id}/objects/pack/{name}{suffix}"


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory


class _OwnDirectory:
    """A directory that is this process's alone for as long as it lives, told by a lock that dies with it."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock: int | None = lock

    def release(self) -> None:
        if self._lock is not None:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = None


def _own_directory(parent: Path) -> _OwnDirectory:
    """A fresh directory below ``parent``; those of processes that are gone are removed."""
    parent.mkdir(parents=True, exist_ok=True)
    for old in parent.iterdir():
        if (lock := _try_lock(old / "lock")) is not None:
            shutil.rmtree(old, ignore_errors=True)
            os.close(lock)
    path = parent / secrets.token_hex(8)
    path.mkdir()
    lock = _try_lock(path / "lock")
    assert lock is not None, "someone locked a directory that was just made"
    return _OwnDirectory(path, lock)


def _try_lock(path: Path) -> int | None:
    """The locked file, or None while another process holds it (or removed it)."""
    try:
        file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return file
    except BlockingIOError:
        os.close(file)
        return None
