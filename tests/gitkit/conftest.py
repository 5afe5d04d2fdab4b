"""A repository as the hub keeps one: packs in a directory store, opened by a depot; and real git to judge it."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from freehold.gitkit.commits import Change, NewPack, write_commit
from freehold.gitkit.depot import Depot, pack_key
from freehold.gitkit.objects import Objects, Person
from freehold.stores.directory import DirectoryStore

ALICE = Person("alice", "alice@users.example", datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
REPO = "0" * 23 + "1"


class Shelf:
    """One repository's packs, published one commit at a time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = DirectoryStore(root / "store")
        self.depot = Depot(self.store, root / "cache")
        self.packs: list[str] = []
        self.commits = 0

    @property
    def objects(self) -> Objects:
        return self.depot.open(REPO, self.packs)

    def commit(self, parent: str | None, *changes: Change, message: str = "a change", by: Person = ALICE) -> str | None:
        new = write_commit(self.objects if self.packs else None, parent, changes, by, message, self.scratch())
        return self.publish(new) if new else None

    def publish(self, new: NewPack) -> str:
        if new.pack is not None:
            for path in (new.pack.pack_path, new.pack.idx_path):
                self.store.put_file(pack_key(REPO, new.pack.name, path.suffix), path)
            self.packs.append(new.pack.name)
        return new.commit

    def scratch(self) -> Path:
        self.commits += 1
        path = self.root / f"scratch-{self.commits}"
        path.mkdir()
        return path

    def git(self, head: str, *command: str) -> str:
        """The output of git over a bare repository that holds our packs, ``main`` at ``head``."""
        bare = self.root / "bare.git"
        if not bare.exists():
            subprocess.run(["git", "init", "-q", "--bare", "-b", "main", bare], check=True)
        for name in self.packs:
            for suffix in (".pack", ".idx"):
                target = bare / "objects" / "pack" / (name + suffix)
                if not target.exists():
                    target.write_bytes(self.store.get(pack_key(REPO, name, suffix)))
        subprocess.run(["git", "-C", bare, "update-ref", "refs/heads/main", head], check=True)
        done = subprocess.run(["git", "-C", bare, *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def paths(self, commit: str) -> list[str]:
        return [entry.path for entry in self.objects.walk(commit) if entry.kind == "file"]


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.depot.close()
