"""Bytes on their way out: condemned first, deleted a day later, unless somebody names them in between.

Whoever records bytes puts them into the store before the row that names them. So a key that no row names is only
*doomed*: whoever records it meanwhile takes it back (:func:`spare`). A key is deleted between two transactions, and
while and after that it says so: whoever put the same bytes there at that very moment is asked to send them again,
rather than be left with a row and no bytes.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from freehold.content.kit import Kit
from freehold.content.rows import insert_missing
from freehold.content.tables import Content, Doomed, MultipartUpload, Pack, Xorb
from freehold.core import clock
from freehold.core.database import Database
from freehold.core.errors import Unavailable
from freehold.stores.store import Store

BATCH = 500
#: Longer than any address that opens bytes, and than any transaction that records them. See :func:`wait`.
LEAST_WAIT = timedelta(days=1)
#: How long a deleted key is remembered: nobody takes so long between putting bytes and recording them.
REMEMBERED = timedelta(days=2)


def wait(kit: Kit) -> timedelta:
    """How long bytes stay after the last row that named them: signed addresses may still be out."""
    return max(LEAST_WAIT, 3 * timedelta(seconds=kit.settings.xet_token_s))


def spare(db: Session, keys: Collection[str]) -> None:
    """``keys`` are named again, and their bytes are in the store.

    Raises :class:`Unavailable` when the bytes just went; whoever sent them sends them again.
    """
    for row in db.execute(select(Doomed.key, Doomed.state).where(Doomed.key.in_(keys)).with_for_update()).all():
        store: Store = db.info["store"]
        if row.state == "deleting" or (row.state == "gone" and store.size(row.key) is None):
            raise Unavailable(
                "The hub was just cleaning up an older copy of these bytes: nothing was recorded. Repeat the upload.",
                headers={"Retry-After": "2"},
            )
        db.execute(delete(Doomed).where(Doomed.key == row.key))


def doom(db: Session, sizes: Mapping[str, int]) -> None:
    """No row names these keys any more; ``sizes`` has the bytes of each."""
    now = clock.now()
    rows = [{"key": key, "size_bytes": size, "state": "waiting", "at": now} for key, size in sizes.items()]
    for at in range(0, len(rows), BATCH):
        some = rows[at : at + BATCH]
        db.execute(delete(Doomed).where(Doomed.key.in_([row["key"] for row in some]), Doomed.state == "gone"))
        insert_missing(db, Doomed, some)


def delete_due(database: Database, kit: Kit) -> list[tuple[str, int]]:
    """What was doomed long enough ago, and is still named by nothing, is not in the store any more."""
    done: list[tuple[str, int]] = []
    while batch := _begin(database, kit):
        kit.store.delete(key for key, _ in batch)
        with database.write() as db:
            gone = update(Doomed).where(Doomed.key.in_([key for key, _ in batch]), Doomed.state == "deleting")
            db.execute(gone.values(state="gone", at=clock.now()))
        done += batch
    with database.write() as db:
        db.execute(delete(Doomed).where(Doomed.state == "gone", Doomed.at < clock.now() - REMEMBERED))
    return done


def _begin(database: Database, kit: Kit) -> list[tuple[str, int]]:
    """Some keys to delete now, marked so; those that a row names after all are spared."""
    with database.write() as db:
        # What another process began and did not finish is begun again.
        left = select(Doomed.key, Doomed.size_bytes).where(Doomed.state == "deleting").limit(BATCH)
        batch = [(row.key, row.size_bytes) for row in db.execute(left)]
        if batch:
            return batch
        due = Doomed.state == "waiting", Doomed.at <= clock.now() - wait(kit)
        while not batch:
            query = select(Doomed.key, Doomed.size_bytes).where(*due).limit(BATCH).with_for_update(skip_locked=True)
            sizes = {row.key: row.size_bytes for row in db.execute(query)}
            if not sizes:
                return []
            kept = named(db, sizes)
            db.execute(delete(Doomed).where(Doomed.key.in_(kept)))
            batch = [(key, size) for key, size in sizes.items() if key not in kept]
        db.execute(update(Doomed).where(Doomed.key.in_([key for key, _ in batch])).values(state="deleting"))
        return batch


def named(db: Session, keys: Iterable[str]) -> set[str]:
    """Those of ``keys`` that a row names. A key of a kind that is not known here counts as named."""
    found: set[str] = set()
    contents: dict[str, str] = {}
    xorbs: dict[str, list[str]] = {}
    packs: dict[tuple[str, str], list[str]] = {}
    uploads: dict[str, str] = {}
    for key in keys:
        parts = key.split("/")
        if parts[0] == "lfs" and len(parts) == 4:
            contents[parts[3]] = key
        elif parts[0] == "xorbs" and len(parts) == 3:
            xorbs.setdefault(parts[2].removesuffix(".idx"), []).append(key)
        elif parts[0] == "git" and len(parts) == 5:
            packs.setdefault((parts[1], parts[4].rpartition(".")[0]), []).append(key)
        elif parts[0] == "uploads" and len(parts) == 2:
            uploads[parts[1]] = key
        elif parts[0] != "doctor":
            found.add(key)
    for digests in _batches(contents):
        whole = select(Content.sha256).where(Content.sha256.in_(digests), Content.is_whole)
        found |= {contents[sha256] for sha256 in db.scalars(whole)}
    for names in _batches(xorbs):
        found |= {
            key for name in db.scalars(select(Xorb.xorb_hash).where(Xorb.xorb_hash.in_(names))) for key in xorbs[name]
        }
    for ids in _batches(uploads):
        found |= {uploads[name] for name in db.scalars(select(MultipartUpload.id).where(MultipartUpload.id.in_(ids)))}
    for names in _batches({name for _, name in packs}):
        for repo_id, name in db.execute(select(Pack.repo_id, Pack.name).where(Pack.name.in_(names))):
            found |= set(packs.get((repo_id, name), ()))
    return found


def _batches(names: Collection[str]) -> Iterable[Sequence[str]]:
    ordered = sorted(names)
    return (ordered[at : at + BATCH] for at in range(0, len(ordered), BATCH))
