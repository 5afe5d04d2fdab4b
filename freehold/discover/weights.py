"""What the weights of a commit hold, as clients ask for it. The reading is ``cards.inspecting``."""

import json
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from freehold.cards import inspecting
from freehold.cards.facts import Facts
from freehold.cards.headers.header import MAX_HEADER_BYTES
from freehold.content import queries as content
from freehold.content.errors import EntryNotFound
from freehold.content.kit import Kit
from freehold.discover.errors import NotSafetensors
from freehold.gitkit.objects import Entry
from freehold.repos.tables import Repo

#: ``safetensors`` and ``gguf`` of a model, each absent where it is not known.
Told = Mapping[str, Any]
#: Its keys.
KEYS = frozenset({"safetensors", "gguf"})
#: An answer with the headers of all parts; more is read part by part.
MAX_ANSWER_BYTES = 2 * MAX_HEADER_BYTES
#: For all parts together, as on the page of an index.
PARTS_S = 12.0


def of_commit(db: Session, repo: Repo, kit: Kit, commit: str) -> Told:
    """``safetensors`` and ``gguf`` as clients read them (hub-api.md 1.5); a key is absent where it is not known."""
    return told(inspecting.facts_at(db, kit, repo, commit))


def told(facts: Facts) -> Told:
    """The same of facts that are at hand."""
    return {key: facts.details[key] for key in KEYS if key in facts.details}


# ---- headers as they stand -------------------------------------------------------------------------------------


def told_headers(db: Session, repo: Repo, kit: Kit, commit: str, filename: str) -> bytes:
    """JSON of ``headers`` by part and ``index`` as clients read them (hub-api.md 1.8): parts lie beside their index.

    The headers are passed on as they stand, once they were checked. Raises :class:`EntryNotFound` for a file that is
    not there, :class:`NotSafetensors` for one that tells nothing.
    """
    entry = _file(db, repo, kit, commit, filename)
    if filename.endswith(".safetensors"):
        return _joined({filename.rpartition("/")[2]: _header(db, repo, kit, entry)}, {})
    index = inspecting.read_now(db, kit, repo, entry, "index")
    if index.problem:
        raise NotSafetensors(f"{entry.path} is no index of safetensors files: {index.problem}.")
    folder = filename.rpartition("/")[0]
    headers: dict[str, bytes] = {}
    until = time.monotonic() + PARTS_S
    for part in index.told["parts"]:
        found = _file(db, repo, kit, commit, f"{folder}/{part}" if folder else part)
        headers[part] = _header(db, repo, kit, found)
        if sum(map(len, headers.values())) > MAX_ANSWER_BYTES:
            raise NotSafetensors(f"Together the headers have over {MAX_ANSWER_BYTES:,} bytes: read them one by one.")
        if time.monotonic() > until:
            raise NotSafetensors("The headers take too long together: read them one by one.")
    return _joined(headers, {"metadata": index.told["metadata"]})


def _joined(headers: Mapping[str, bytes], index: Mapping[str, Any]) -> bytes:
    told = b", ".join(json.dumps(part).encode() + b": " + header for part, header in headers.items())
    return b'{"headers": {' + told + b'}, "index": ' + json.dumps(index).encode() + b"}"


def _file(db: Session, repo: Repo, kit: Kit, commit: str, path: str) -> Entry:
    entry = content.objects(db, repo, kit).entry(commit, path)
    if entry is None or entry.kind != "file":
        raise EntryNotFound(path, commit)
    return entry


def _header(db: Session, repo: Repo, kit: Kit, entry: Entry) -> bytes:
    parsed = inspecting.read_now(db, kit, repo, entry, "raw")
    if parsed.problem:
        raise NotSafetensors(f"{entry.path} is no safetensors file that can be read: {parsed.problem}.")
    return parsed.body
