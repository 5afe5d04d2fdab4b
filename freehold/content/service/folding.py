"""Small packs folded together: every commit leaves one, and a reader asks all of them."""

import logging
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select

from freehold.content.keys import pack_index_key, pack_key
from freehold.content.kit import Kit
from freehold.content.rows import insert_missing
from freehold.content.service.commits import scratch_directory
from freehold.content.service.dooming import named, spare
from freehold.content.service.publishing import keep_pack
from freehold.content.tables import Pack, Ref
from freehold.core import clock
from freehold.core.database import Database
from freehold.gitkit.errors import FoldFailed
from freehold.gitkit.folding import fold
from freehold.gitkit.program import can_run

log = logging.getLogger("freehold.content")
#: A repository with so many small packs is folded: reading one object asks every pack in turn.
CROWD = 50
#: A pack of this size has earned its own place: folding it with every crowd would copy it again and again.
SMALL_BYTES = 32 << 20
#: It is folded with its likes when they crowd in turn, so every byte is copied a few times at most. One fold has an
#: end: the packs of the highest class stay as they are.
LARGER = ((256 << 20, 12), (1 << 30, 12))
MAX_REPOS = 20
MAX_PACKS = 2000
#: Readers that opened the old packs may still need them; none takes so long.
GRACE_S = 900


@dataclass(frozen=True)
class _Done:
    keys: list[str]
    due_s: int


class Folder:
    """Folds crowded repositories, a few each turn, and removes the old packs when no reader can need them.

    What is to be removed is remembered by this process only: after a restart it is garbage for the collector.
    """

    def __init__(self, database: Database, kit: Kit) -> None:
        self._database, self._kit = database, kit
        self._done: deque[_Done] = deque()

    def turn(self) -> int:
        """Fold what is crowded; how many repositories were folded."""
        self._remove_due()
        if not can_run():
            return 0
        return sum(self._fold(repo_id) for repo_id in self._crowded())

    def _crowded(self) -> list[str]:
        found: dict[str, None] = {}
        with self._database.read() as db:
            for at_least, below, crowd in _classes():
                alike = select(Pack.repo_id).where(Pack.size_bytes >= at_least, Pack.size_bytes < below)
                crowded = alike.group_by(Pack.repo_id).having(func.count() >= crowd).limit(MAX_REPOS)
                found |= dict.fromkeys(db.scalars(crowded))
        return list(found)[:MAX_REPOS]

    def _fold(self, repo_id: str) -> bool:
        with self._database.read() as db:
            query = select(Pack.name, Pack.size_bytes).where(Pack.repo_id == repo_id).order_by(Pack.created_at)
            sizes = {row.name: row.size_bytes for row in db.execute(query)}
            tips = list(db.scalars(select(Ref.target).where(Ref.repo_id == repo_id)))
        names = _to_fold(sizes)
        if not names:
            return False
        with scratch_directory(self._kit) as scratch:
            try:
                files = self._kit.git.pack_files(repo_id, names)
                others = self._kit.git.pack_files(repo_id, [name for name in sizes if name not in set(names)])
                folded = fold(files, scratch, tips=tips, others=others)
            except FoldFailed as err:
                log.error("The packs of repository %s stay as they are: %s", repo_id, err.message)
                return False
            keep_pack(self._kit, repo_id, folded)
        row = {"repo_id": repo_id, "name": folded.name, "size_bytes": folded.size_bytes, "objects": folded.objects}
        if not self._replace(repo_id, names, row):
            return False
        keys = [
            key
            for name in names
            if name != folded.name
            for key in (pack_index_key(repo_id, name), pack_key(repo_id, name))
        ]
        self._done.append(_Done(keys, clock.epoch_s() + GRACE_S))
        return True

    def _replace(self, repo_id: str, names: list[str], row: dict[str, Any]) -> bool:
        """The new pack stands for ``names``, all of which must still be there: another node may have folded them."""
        try:
            with self._database.write() as db:
                gone = delete(Pack).where(Pack.repo_id == repo_id, Pack.name.in_(names)).returning(Pack.name)
                if len(db.execute(gone).all()) != len(names):
                    raise _Overtaken
                spare(db, [pack_key(repo_id, row["name"]), pack_index_key(repo_id, row["name"])])
                insert_missing(db, Pack, [{**row, "created_at": clock.now()}])
        except _Overtaken:
            return False
        return True

    def _remove_due(self) -> None:
        while self._done and self._done[0].due_s <= clock.epoch_s():
            keys = self._done.popleft().keys
            with self._database.read() as db:
                kept = named(db, keys)  # the same objects may have been packed the same way since
            self._kit.store.delete(key for key in keys if key not in kept)


def _classes() -> list[tuple[int, int, int]]:
    """Sizes from and below which packs are alike, and how many of them are a crowd; the smallest first."""
    classes = [(0, SMALL_BYTES, CROWD)]
    for below, crowd in LARGER:
        classes.append((classes[-1][1], below, crowd))
    return classes


def _to_fold(sizes: Mapping[str, int]) -> list[str]:
    """The packs to fold into one, oldest first: those of the largest crowded class and every smaller one."""
    for at_least, below, crowd in reversed(_classes()):
        if sum(at_least <= size < below for size in sizes.values()) >= crowd:
            return [name for name, size in sizes.items() if size < below][:MAX_PACKS]
    return []


class _Overtaken(Exception):
    pass
