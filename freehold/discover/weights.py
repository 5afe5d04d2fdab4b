"""What the weights of a commit hold, read from the heads of its files: a few kilobytes of many gigabytes."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from freehold.cards import headers
from freehold.cards.headers import Weights
from freehold.content import queries as content
from freehold.content.errors import ObjectUnknown
from freehold.content.kit import Kit
from freehold.content.service import downloads
from freehold.core.lru import Lru
from freehold.gitkit.objects import Entry
from freehold.repos.tables import Repo
from freehold.stores.errors import MissingObject

#: Parts of one model that are read; a model of more tells nothing here rather than make its first reader wait.
MAX_PARTS = 48
KEPT = 20_000

_SPLIT = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.(safetensors|gguf)")
#: By digest of the file: (weights,), with None inside for a file that tells nothing.
_kept: Lru[str, tuple[Weights | None]] = Lru(KEPT)


def of_files(db: Session, repo: Repo, kit: Kit, files: Sequence[Entry]) -> Mapping[str, Any]:
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
    parse = headers.gguf if ending == "gguf" else headers.safetensors
    if entry.pointer is None:
        data = content.objects(db, repo, kit).blob(entry.oid)
        return parse(lambda start, end: data[start:end], len(data))
    body = downloads.object_body(kit, db, repo.id, entry.pointer.sha256)
    return parse(lambda start, end: b"".join(body.pieces(start, end)), body.size_bytes)
