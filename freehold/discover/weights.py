"""What the weights of a commit hold, read from the heads of its files: a few kilobytes of many gigabytes."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from freehold.cards import headers
from freehold.cards.headers import Read, Weights
from freehold.content import queries as content
from freehold.content.errors import EntryNotFound, ObjectUnknown
from freehold.content.kit import Kit
from freehold.content.service import downloads
from freehold.core.lru import Lru
from freehold.discover.errors import NotSafetensors
from freehold.gitkit.objects import Entry
from freehold.repos.tables import Repo
from freehold.stores.errors import MissingObject

T = TypeVar("T")
#: ``safetensors`` and ``gguf`` of a model, each absent where it is not known.
Told = Mapping[str, Any]
#: Parts of one model that are read; a model of more tells nothing here rather than make its first reader wait.
MAX_PARTS = 48
#: The same where somebody asks for the headers themselves; an index is a list of every tensor.
MAX_INDEX_PARTS = 400
MAX_INDEX_BYTES = 32 << 20
KEPT = 20_000

_SPLIT = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.(safetensors|gguf)")
#: By digest of the file: (weights,), with None inside for a file that tells nothing.
_kept: Lru[str, tuple[Weights | None]] = Lru(KEPT)


def of_files(db: Session, repo: Repo, kit: Kit, files: Sequence[Entry]) -> Told:
    """``safetensors`` and ``gguf`` as clients read them (hub-api.md 1.5); a key is absent where it is not known."""
    told: dict[str, Any] = {}
    tensors = _joined(db, repo, kit, chosen(files, "safetensors"), "safetensors")
    if tensors is not None:
        told["safetensors"] = {"parameters": tensors.parameters, "total": tensors.total}
    quantised = _joined(db, repo, kit, chosen(files, "gguf"), "gguf")
    if quantised is not None:
        told["gguf"] = {"total": quantised.total, **quantised.facts}
    return told


def chosen(files: Sequence[Entry], ending: str) -> list[Entry]:
    """The files that make the model: the one that is named so, the parts of the one set, or the one there is.

    Empty where the names do not say which: several quantisations hold the same values, so the first stands for all.
    """
    root = {entry.path: entry for entry in files if "/" not in entry.path and entry.path.endswith(f".{ending}")}
    for name in ("model.safetensors", "adapter_model.safetensors"):
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
    return models[:1] if len(models) == 1 or ending == "gguf" else []


def _joined(db: Session, repo: Repo, kit: Kit, parts: Sequence[Entry], ending: str) -> Weights | None:
    found = [_of_file(db, repo, kit, entry, ending) for entry in parts]
    if not found or any(part is None for part in found):
        return None
    parameters: dict[str, int] = {}
    facts: dict[str, Any] = {}
    for part in found:
        assert part is not None, "a part that tells nothing was left out above"
        facts |= part.facts
        for kind, values in part.parameters.items():
            parameters[kind] = parameters.get(kind, 0) + values
    return Weights(parameters, facts)


def _of_file(db: Session, repo: Repo, kit: Kit, entry: Entry, ending: str) -> Weights | None:
    """What one file holds. A file whose bytes are not here tells nothing, and is asked again next time."""
    key = f"{ending} {entry.pointer.sha256 if entry.pointer else entry.oid}"
    try:
        return _kept.of(key, lambda: (_read(db, repo, kit, entry, ending),))[0]
    except (ObjectUnknown, MissingObject):
        return None


def _read(db: Session, repo: Repo, kit: Kit, entry: Entry, ending: str) -> Weights | None:
    return _from_bytes(db, repo, kit, entry, headers.gguf if ending == "gguf" else headers.safetensors)


def _from_bytes(db: Session, repo: Repo, kit: Kit, entry: Entry, parse: Callable[[Read, int], T]) -> T:
    """What ``parse`` makes of a file, given a way to read ranges of it and its size."""
    if entry.pointer is None:
        data = content.objects(db, repo, kit).blob(entry.oid)
        return parse(lambda start, end: data[start:end], len(data))
    body = downloads.object_body(kit, db, repo.id, entry.pointer.sha256)
    return parse(lambda start, end: b"".join(body.pieces(start, end)), body.size_bytes)


# ---- headers as they stand -------------------------------------------------------------------------------------


def told_headers(db: Session, repo: Repo, kit: Kit, commit: str, filename: str) -> dict[str, Any]:
    """``headers`` by part and ``index`` as clients read them (hub-api.md 1.8): parts lie beside their index.

    Raises :class:`EntryNotFound` for a file that is not there, :class:`NotSafetensors` for one that tells nothing.
    """
    entry = content.objects(db, repo, kit).entry(commit, filename)
    if entry is None or entry.kind != "file":
        raise EntryNotFound(filename, commit)
    if filename.endswith(".safetensors"):
        return {"headers": {filename.rpartition("/")[2]: _header(db, repo, kit, entry)}, "index": {}}
    index, parts = _index(db, repo, kit, entry)
    folder, told, size = filename.rpartition("/")[0], {}, 0
    for part in parts:
        path = f"{folder}/{part}" if folder else part
        found = content.objects(db, repo, kit).entry(commit, path)
        if found is None or found.kind != "file":
            raise EntryNotFound(path, commit)
        told[part] = _header(db, repo, kit, found)
        size += len(told[part])
        if size > headers.MAX_TENSORS:
            raise NotSafetensors(f"Together the parts have over {headers.MAX_TENSORS:,} tensors: read them one by one.")
    return {"headers": told, "index": {"metadata": index.get("metadata")}}


def _index(db: Session, repo: Repo, kit: Kit, entry: Entry) -> tuple[dict[str, Any], list[str]]:
    """An index and the parts it names."""
    if entry.pointer is not None or entry.size_bytes > MAX_INDEX_BYTES:
        raise NotSafetensors(f"{entry.path} is too large to be an index of safetensors files.")
    try:
        index = json.loads(content.objects(db, repo, kit).blob(entry.oid))
        parts = sorted(set(index["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as err:
        raise NotSafetensors(f"{entry.path} is no index of safetensors files.") from err
    if not parts or len(parts) > MAX_INDEX_PARTS or not all(isinstance(part, str) for part in parts):
        raise NotSafetensors(f"{entry.path} names no parts, or more than {MAX_INDEX_PARTS}.")
    return index, parts


def _header(db: Session, repo: Repo, kit: Kit, entry: Entry) -> dict[str, Any]:
    try:
        header = _from_bytes(db, repo, kit, entry, headers.safetensors_header)
    except (ObjectUnknown, MissingObject):
        header = None
    if header is None:
        raise NotSafetensors(f"{entry.path} is no safetensors file that can be read.")
    return header
