"""From the files of a commit to its facts: which headers to read, reading them by range, and what is kept of both.

In three steps, because bytes never wait inside a transaction: :func:`gather` finds and opens what is to be read,
:func:`inspect` reads it, :func:`keep` writes it down.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from freehold.cards import facts, parsing, tables
from freehold.cards.facts import Facts, FileTold, Sources
from freehold.cards.headers import digest
from freehold.cards.headers.header import Read
from freehold.cards.parsing import FORMS, Form, Parsed
from freehold.content import queries as content
from freehold.content.errors import ContentGone, ObjectUnknown
from freehold.content.kit import Kit
from freehold.content.service import downloads
from freehold.core import clock
from freehold.core.errors import HubError, Unavailable
from freehold.core.lru import Lru
from freehold.gitkit.objects import Entry, Objects
from freehold.repos.tables import Repo
from freehold.stores.errors import MissingObject

#: Of what is kept: whichever of the two steps rises, both are done anew.
VERSION = 1000 * facts.VERSION + digest.VERSION
#: Parts of one model that are read; of a model of more its parameters are unknown.
MAX_PARTS = 400
#: Headers kept of one repository, its parts first.
MAX_HEADERS = 448
MAX_TEXT_BYTES = 1 << 20
#: So long somebody waits for the facts of a commit that nobody asked for yet; what was read until then is kept.
FACTS_S = 12.0
MAX_FILES = 100_000
#: Larger ones are read each time.
MAX_KEPT_BODY_BYTES = 4 << 20
MAX_KEPT_FACTS, MAX_KEPT_BYTES = 2_000, 8 << 20
GONE = "its bytes are not on this hub"

_SPLIT = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.(safetensors|gguf)")
#: What was read of commits and files that the tables do not hold: other branches, older revisions.
_facts: Lru[tuple[str, str], Facts] = Lru(MAX_KEPT_FACTS)
_headers: Lru[tuple[str, str], Parsed] = Lru(MAX_KEPT_BYTES, lambda parsed: len(parsed.body) + 4_000)


@dataclass(frozen=True)
class Opened:
    """A file to be read: ``known`` where its header was kept before."""

    path: str
    form: Form
    digest: str
    size_bytes: int
    read: Callable[[], Read]
    known: Parsed | None = None


@dataclass(frozen=True)
class Gathered:
    """What there is to read of a commit, found in one transaction; nothing of it needs another."""

    commit: str
    files: Sequence[Opened]
    sources: Sources


# ---- what others ask for -----------------------------------------------------------------------------------


def facts_at(db: Session, kit: Kit, repo: Repo, commit: str) -> Facts:
    """The facts of a commit of ``repo``: as kept, else computed now (a head that was just pushed, another branch).

    Raises :class:`Unavailable` while too many files are looked into at once, and when these take too long.
    """
    row = db.get(tables.RepoFacts, repo.id)
    if row is not None and row.commit == commit and row.version == VERSION:
        return of_row(row)
    until = time.monotonic() + FACTS_S
    return _facts.of((repo.id, commit), lambda: inspect(gather(db, kit, repo, commit), until=until)[0])


def header_at(db: Session, kit: Kit, repo: Repo, entry: Entry, form: Form) -> Parsed:
    """What a file's header says: as kept, else read now."""
    opened = _opened(db, kit, repo, entry, form, _known(db, repo, [entry]))
    return opened.known or _headers.of((opened.digest, form), lambda: _parse(opened))


def read_now(db: Session, kit: Kit, repo: Repo, entry: Entry, form: Form) -> Parsed:
    """As :func:`header_at`, for what is not kept: an index, a raw header."""
    return _parse(_opened(db, kit, repo, entry, form, {}))


def of_row(row: tables.RepoFacts) -> Facts:
    return Facts(**{name: getattr(row, name) for name in Facts.__dataclass_fields__})


# ---- the three steps ---------------------------------------------------------------------------------------


def gather(db: Session, kit: Kit, repo: Repo, commit: str) -> Gathered:
    """What there is to read of ``commit``."""
    objects = content.objects(db, repo, kit)
    entries: list[Entry] = []
    for entry in objects.walk(commit):
        if entry.kind == "file":
            entries.append(entry)
            if len(entries) >= MAX_FILES:
                break
    sizes = [(entry.path, entry.true_size_bytes) for entry in entries]
    if repo.kind != "model":
        tables_ = [entry for entry in entries if _ending(entry.path) == "parquet"][:MAX_HEADERS]
        known = _known(db, repo, tables_)
        opened = [_opened(db, kit, repo, entry, "parquet", known) for entry in tables_]
        return Gathered(commit, opened, Sources(repo.kind, sizes))
    by_form = {form: chosen(entries, form) for form in ("safetensors", "gguf", "onnx")}
    parts = [entry for found in by_form.values() for entry in found]
    paths = {entry.path for entry in parts}
    rest = [entry for entry in entries if FORMS.get(_ending(entry.path)) in by_form and entry.path not in paths]
    wanted = [*parts, *rest][:MAX_HEADERS]
    known = _known(db, repo, wanted)
    texts = {
        name: _text(objects, commit, name) for name in ("config.json", "adapter_config.json", "tokenizer_config.json")
    }
    sources = Sources(
        kind=repo.kind,
        files=sizes,
        chosen=[entry.path for entry in parts],
        config=texts["config.json"],
        adapter=texts["adapter_config.json"],
        tokenizer=texts["tokenizer_config.json"],
    )
    return Gathered(
        commit, [_opened(db, kit, repo, entry, FORMS[_ending(entry.path)], known) for entry in wanted], sources
    )


def inspect(gathered: Gathered, *, until: float | None = None) -> tuple[Facts, Sequence[tuple[Opened, Parsed]]]:
    """The facts, and the headers that they were read from. Needs no transaction.

    Raises :class:`Unavailable` when they are not all read ``until`` then (``time.monotonic()``).
    """
    read = [(one, _read(one, until)) for one in gathered.files]
    told = [FileTold(one.path, one.form, parsed.told, parsed.problem) for one, parsed in read]
    sources = gathered.sources
    return facts.of(
        Sources(sources.kind, sources.files, told, sources.chosen, sources.config, sources.adapter, sources.tokenizer)
    ), read


def keep(db: Session, repo: Repo, commit: str, found: Facts, headers: Sequence[tuple[Opened, Parsed]]) -> None:
    """The tables say what ``commit``, the head of ``main``, says; headers of files that it does not have are gone."""
    row = db.get(tables.RepoFacts, repo.id)
    if row is None:
        row = tables.RepoFacts(repo_id=repo.id)
        db.add(row)
    row.commit, row.version, row.computed_at = commit, VERSION, clock.now()
    for name in Facts.__dataclass_fields__:
        value = getattr(found, name)
        setattr(
            row, name, list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value
        )
    db.flush()
    by_key = {(one.digest, one.form): (one, parsed) for one, parsed in headers if parsed.problem != GONE}
    header = tables.FileHeader
    there = set()
    kept = select(header.digest, header.form, header.version).where(header.repo_id == repo.id)
    for digest_, form, version in db.execute(kept):
        if (digest_, form) in by_key and version == digest.VERSION:
            there.add((digest_, form))
        else:
            db.execute(delete(header).where(header.repo_id == repo.id, header.digest == digest_, header.form == form))
    for (digest_, form), (_, parsed) in by_key.items():
        if (digest_, form) not in there and len(parsed.body) <= MAX_KEPT_BODY_BYTES:
            db.add(
                header(
                    repo_id=repo.id,
                    digest=digest_,
                    form=form,
                    version=digest.VERSION,
                    told=parsed.told,
                    body=parsed.body,
                    problem=parsed.problem[:500],
                )
            )
    db.flush()


def forget(db: Session, repo_id: str) -> None:
    """Nothing is known of a repository whose ``main`` is gone."""
    db.execute(delete(tables.RepoFacts).where(tables.RepoFacts.repo_id == repo_id))
    db.execute(delete(tables.FileHeader).where(tables.FileHeader.repo_id == repo_id))


# ---- which files -------------------------------------------------------------------------------------------


def chosen(files: Sequence[Entry], form: str) -> list[Entry]:
    """The files that make the model: the one that is named so, the parts of the one set, or the one there is.

    Empty where the names do not say which. Several quantisations hold the same values: the first GGUF stands for all.
    """
    root = {entry.path: entry for entry in files if "/" not in entry.path and _ending(entry.path) == form}
    for name in ("model.safetensors", "adapter_model.safetensors", "model.onnx"):
        if name in root:
            return [root[name]]
    sets: dict[tuple[str, int], list[Entry]] = {}
    whole = []
    for path, entry in sorted(root.items()):
        split = _SPLIT.fullmatch(path)
        if split is None:
            whole.append(entry)
        else:
            sets.setdefault((split[1], int(split[3])), []).append(entry)
    for (_, parts), entries in sets.items():
        if len(entries) == parts <= MAX_PARTS:
            return entries
    models = [entry for entry in whole if "mmproj" not in entry.path]
    if not root and form == "onnx":  # where exporters put it, with one for each quantisation beside it
        models = [entry for entry in files if entry.path.startswith("onnx/") and _ending(entry.path) == form]
        models = [entry for entry in models if entry.path == "onnx/model.onnx"] or models
    return models[:1] if len(models) == 1 or form == "gguf" else []


def _ending(path: str) -> str:
    return path.rpartition(".")[2].lower()


def _text(objects: Objects, commit: str, path: str) -> str:
    entry = objects.entry(commit, path)
    if entry is None or entry.kind != "file" or entry.pointer is not None or entry.size_bytes > MAX_TEXT_BYTES:
        return ""
    return objects.blob(entry.oid).decode("utf-8", "replace")


# ---- one file ----------------------------------------------------------------------------------------------


def _known(db: Session, repo: Repo, entries: Sequence[Entry]) -> Mapping[tuple[str, str], Parsed]:
    if not entries:
        return {}
    header = tables.FileHeader
    query = select(header).where(header.repo_id == repo.id, header.version == digest.VERSION)
    if len(entries) < 10:
        query = query.where(header.digest.in_([digest_of(entry) for entry in entries]))
    return {(row.digest, row.form): Parsed(row.told, row.body, row.problem) for row in db.scalars(query)}


def digest_of(entry: Entry) -> str:
    """What names the bytes of a file."""
    return entry.pointer.sha256 if entry.pointer else entry.oid


def _opened(
    db: Session, kit: Kit, repo: Repo, entry: Entry, form: Form, known: Mapping[tuple[str, str], Parsed]
) -> Opened:
    """A file that can be read after the transaction has ended."""
    key = digest_of(entry)
    found = known.get((key, form))
    if found is not None:
        return Opened(entry.path, form, key, entry.true_size_bytes, _unread, found)
    if entry.pointer is None:
        objects = content.objects(db, repo, kit)
        return Opened(entry.path, form, key, entry.size_bytes, lambda: _of_blob(objects, entry.oid))
    try:
        body = downloads.object_body(kit, db, repo.id, entry.pointer.sha256)
    except (ObjectUnknown, ContentGone):
        return Opened(entry.path, form, key, entry.true_size_bytes, _unread, Parsed({}, b"", GONE))
    return Opened(entry.path, form, key, body.size_bytes, lambda: lambda start, end: b"".join(body.pieces(start, end)))


def _of_blob(objects: Objects, oid: str) -> Read:
    data = objects.blob(oid)
    return lambda start, end: data[start:end]


def _unread() -> Read:
    raise AssertionError("it was read before")


def _read(one: Opened, until: float | None) -> Parsed:
    found = one.known or _headers.get((one.digest, one.form))
    if found is not None:
        return found
    if until is not None and time.monotonic() > until:
        told = "The headers of this commit take long to read; the call can be repeated."
        raise Unavailable(told, headers={"Retry-After": "10"})
    return _headers.put((one.digest, one.form), _parse(one))


def _parse(one: Opened) -> Parsed:
    try:
        return parsing.parse(one.form, one.read(), one.size_bytes)
    except MissingObject:
        return Parsed({}, b"", GONE)
    except Unavailable:
        raise
    except HubError as err:
        return Parsed({}, b"", err.message.rstrip(".")[:480])
