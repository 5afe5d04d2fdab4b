"""The lines of a batch, read from where they lie, in bounded memory, from any line on."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.batches import formats, parts, rules
from freehold.batches.errors import BadBatch
from freehold.batches.formats import Bytes, File
from freehold.batches.rules import Line, Prompt
from freehold.batches.tables import Batch, BatchFile
from freehold.cards import reading
from freehold.cards.rules import validate
from freehold.content import queries as content
from freehold.content.kit import Kit
from freehold.content.service import downloads
from freehold.content.service.downloads import Asked
from freehold.core.database import Database
from freehold.gitkit.objects import Entry
from freehold.repos import service as repos
from freehold.repos.tables import Repo

#: Files of a data set among which those that are asked about are looked for.
MAX_LISTED = 50_000
#: Who reads, as they stand in a transaction of now.
Who = Callable[[Session], Actor]


@dataclass(frozen=True)
class Part:
    """A file of a data set that is asked about."""

    path: str
    size_bytes: int


def choose(db: Session, kit: Kit, repo: Repo, commit: str, said: str) -> list[Part]:
    """The files that ``said`` means at ``commit``, as ``parts.chosen`` has it. The caller has checked who may read.

    Raises :class:`BadBatch`.
    """
    objects = content.objects(db, repo, kit)
    entry = objects.entry(commit, said.strip().strip("/")) if said.strip("/ ") else None
    if entry is not None and entry.kind == "file":
        found: dict[str, Entry] = {entry.path or said.strip().strip("/"): entry}
        card = {}
    else:
        found = {one.path: one for one in islice(objects.walk(commit), MAX_LISTED) if one.kind == "file"}
        card = validate(reading.card_text(objects, commit), "dataset").data
    chosen = parts.chosen(said, card, list(found))
    return [Part(path, found[path].true_size_bytes) for path in chosen]


def opened(db: Session, database: Database, kit: Kit, who: Who, batch: Batch) -> Sequence[File]:
    """What ``batch`` reads, as ``who`` may read it now. Raises what reading the data set does, :class:`BadBatch`."""
    if batch.source == "file":
        file = db.get(BatchFile, batch.given["file_id"])
        if file is None:
            raise BadBatch("The file of requests is gone: upload it again, and begin a new batch of it.")
        key, size = rules.file_key(file.id), file.size_bytes
        return [File(file.name, lambda: Bytes(size, lambda start, end: kit.store.stream(key, start, end)))]
    given = batch.given
    files = in_dataset(database, kit, who, given["repo"], given["commit"], given.get("files") or [given["path"]])
    # Before anything is asked: whoever may not read it any more learns so now.
    downloads.find(db, database, kit, who(db), Asked("dataset", given["repo"], given["commit"], files[0].path))
    return files


def check(db: Session, actor: Actor, batch: Batch) -> bool:
    """``actor`` may still read what ``batch`` is about; whether that holds until somebody changes it: whom a gate let
    through may be so until some hour. Raises what loading the data set does."""
    if batch.source == "file":
        return True
    return not repos.load(db, actor, batch.given["repo"], Action.READ, kind="dataset").gated


def in_dataset(database: Database, kit: Kit, who: Who, repo: str, commit: str, paths: Sequence[str]) -> list[File]:
    """Files of a data set, each found when it is opened, by ``who`` as they are then. Opening raises what reading the
    data set does."""

    def bytes_of(path: str) -> Bytes:
        with database.read() as db:
            found = downloads.find(db, database, kit, who(db), Asked("dataset", repo, commit, path))
            body = downloads.body(kit, db, found)
        return Bytes(body.size_bytes, body.pieces)

    return [File(path, lambda path=path: bytes_of(path)) for path in paths]  # type: ignore[misc]


def lines(batch: Batch, files: Sequence[File], start: int = 0) -> Generator[Line]:
    """The requests of ``batch`` from the ``start``-th on. Raises what opening its files does."""
    if batch.source == "file":
        body = files[0].open()
        requests = (text for text in formats.lines(body.pieces(0, body.size_bytes)) if text.strip())
        for number, text in enumerate(islice(requests, start, rules.MAX_ROWS), start=start):
            yield rules.request_of(number, text, batch.path)
        return
    given = batch.given
    prompt = Prompt(batch.served_name, given["template"], given["system"], given["parameters"])
    most = max(0, (given.get("rows") or rules.MAX_ROWS) - start)
    for number, row in enumerate(islice(formats.rows(files, start), most), start=start):
        yield rules.row_of(number, row, prompt)
