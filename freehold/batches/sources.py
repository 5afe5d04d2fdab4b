"""The lines of a batch, read from where they lie, in bounded memory, from any line on."""

from collections.abc import Callable, Iterator
from itertools import islice

from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.batches import rules
from freehold.batches.errors import BadBatch
from freehold.batches.rules import Line, Prompt
from freehold.batches.tables import Batch, BatchFile
from freehold.content.kit import Kit
from freehold.content.service import downloads
from freehold.content.service.downloads import Asked
from freehold.core.database import Database

#: Gives the pieces of a file from its beginning.
Pieces = Callable[[], Iterator[bytes]]


def opened(db: Session, database: Database, kit: Kit, actor: Actor, batch: Batch) -> Pieces:
    """What ``batch`` reads, as ``actor`` may read it now. Raises what reading the data set does, :class:`BadBatch`."""
    if batch.source == "file":
        file = db.get(BatchFile, batch.given["file_id"])
        if file is None:
            raise BadBatch("The file of requests is gone.")
        size = file.size_bytes
        return lambda: kit.store.stream(rules.file_key(file.id), 0, size)
    given = batch.given
    found = downloads.find(db, database, kit, actor, Asked("dataset", given["repo"], given["commit"], given["path"]))
    body = downloads.body(kit, db, found)
    return lambda: body.pieces(0, body.size_bytes)


def lines(batch: Batch, pieces: Pieces, start: int = 0) -> Iterator[Line]:
    """The requests of ``batch`` from the ``start``-th on."""
    if batch.source == "file":
        requests = (text for text in rules.lines(pieces()) if text.strip())
        for number, text in enumerate(islice(requests, start, rules.MAX_ROWS), start=start):
            yield rules.request_of(number, text, batch.path)
        return
    given = batch.given
    prompt = Prompt(batch.served_name, given["template"], given["system"], given["parameters"])
    found = rules.rows(given["path"].lower(), pieces())
    for number, row in enumerate(islice(found, start, rules.MAX_ROWS), start=start):
        yield rules.row_of(number, row, prompt)
