"""What differs inside a file, for those files that we can look into: JSON, a card's metadata, the heads of weights.

Key by key and tensor by tensor, each list cut at a bound. Of weights only the header is read, by range.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from freehold.cards import frontmatter, inspecting, reading
from freehold.cards.errors import BadFrontMatter
from freehold.cards.headers import digest
from freehold.cards.headers.header import Listing
from freehold.cards.parsing import FORMS
from freehold.content.kit import Kit
from freehold.core.errors import Unavailable
from freehold.core.lru import Lru
from freehold.gitkit.comparing import FileChange, Side
from freehold.gitkit.objects import Entry, Objects
from freehold.repos.tables import Repo

MAX_JSON_BYTES = 1 << 20
MAX_CHANGES = 300
MAX_DEPTH = 40
MAX_VALUE_CHARS = 300
MAX_NAME_CHARS = 500
#: Files looked into in one comparison: a head of weights may be several megabytes.
MAX_FILES = 24
#: Tensors packed: of more, some hundred thousand, it is only said that the file differs.
MAX_BODY_BYTES = 2 << 20
KEPT = 400

#: What both sides have at a key; distinct from None, which JSON can say.
_ABSENT = object()


@dataclass(frozen=True)
class Difference:
    """One name whose value differs: ``kind`` is added, removed or changed; values as short text, empty where absent."""

    name: str
    kind: str
    before: str
    after: str


@dataclass(frozen=True)
class Inside:
    """What differs inside one file. ``form`` is json, metadata, safetensors, gguf or onnx.

    ``keys`` are values of a document or what weights say of themselves; ``tensors`` are types and shapes. There are
    ``total`` differences; the lists hold the first. ``words`` says the whole in a sentence.
    """

    form: str
    keys: Sequence[Difference]
    tensors: Sequence[Difference]
    total: int
    words: str


_WEIGHTS = ("safetensors", "gguf", "onnx")
_kept: Lru[tuple[str, str, str], Inside] = Lru(KEPT)


def inside(db: Session, kit: Kit, repo: Repo, objects: Objects, changes: Sequence[FileChange]) -> Mapping[str, Inside]:
    """By path, what differs inside those of ``changes`` that we can look into."""
    found: dict[str, Inside] = {}
    looked = 0
    for change in changes:
        if looked >= MAX_FILES:
            break
        form = _form(change)
        if form:
            looked += 1
            told = _look(db, kit, repo, objects, change, form)
            if told is not None:
                found[change.path] = told
    return found


def _form(change: FileChange) -> str:
    """What kind of file it is on both sides; empty where we cannot tell anything, or its name alone differs."""
    if change.before is None or change.after is None or change.before.oid == change.after.oid:
        return ""
    name = change.path.rpartition("/")[2].lower()
    if change.path == reading.README:
        return "metadata"
    ending = name.rpartition(".")[2]
    if ending in _WEIGHTS:
        return ending
    small = all(side.pointer is None and side.size_bytes <= MAX_JSON_BYTES for side in (change.before, change.after))
    return "json" if ending == "json" and small else ""


def _look(db: Session, kit: Kit, repo: Repo, objects: Objects, change: FileChange, form: str) -> Inside | None:
    assert change.before is not None, "something to compare with"
    assert change.after is not None, "something to compare"
    if form in ("json", "metadata"):
        documents = [_document(objects, side, form) for side in (change.before, change.after)]
        return None if _ABSENT in documents else _of_documents(form, *documents)
    key = (form, _digest(change.before), _digest(change.after))
    kept = _kept.get(key)
    if kept is not None:
        return kept
    layouts = [_layout(db, kit, repo, side, form) for side in (change.before, change.after)]
    if layouts[0] is None or layouts[1] is None:
        return None
    return _kept.put(key, of_weights(form, layouts[0], layouts[1]))


# ---- documents ---------------------------------------------------------------------------------------------


def _document(objects: Objects, side: Side, form: str) -> Any:
    """The value that a file holds; ``_ABSENT`` for one that cannot be read."""
    if side.pointer is not None or side.size_bytes > MAX_JSON_BYTES:
        return _ABSENT
    text = objects.blob(side.oid).decode("utf-8", "replace")
    try:
        if form == "json":
            return json.loads(text)
        block = frontmatter.split(text).block
        return frontmatter.parse(block) if block is not None else {}
    except (ValueError, RecursionError, BadFrontMatter):
        return _ABSENT


def _of_documents(form: str, before: Any, after: Any) -> Inside | None:
    found = list(differences(before, after))
    if not found:
        words = "The same values; only the spelling differs." if form == "json" else ""
        return Inside(form, (), (), 0, words) if words else None
    return Inside(form, found[:MAX_CHANGES], (), len(found), "")


def differences(before: Any, after: Any) -> Iterator[Difference]:
    """Values of two documents that differ, by their path: ``model.layers[3].type``."""
    pending: list[tuple[str, Any, Any, int]] = [("", before, after, 0)]
    while pending:
        path, one, other, depth = pending.pop()
        if one is not _ABSENT and other is not _ABSENT:
            if _same(one, other):
                continue
            inner = _inner(path, one, other) if depth < MAX_DEPTH else None
            if inner is not None:
                pending += [(*item, depth + 1) for item in reversed(inner)]
                continue
        kind = "added" if one is _ABSENT else "removed" if other is _ABSENT else "changed"
        yield Difference(_plain(path) or "(the whole)", kind, _said(one), _said(other))


def _same(one: Any, other: Any) -> bool:
    """Whether two values are written alike: Python takes true for 1. A quick yes; a no is looked into."""
    try:
        return repr(one) == repr(other)
    except RecursionError:
        return False


def _inner(path: str, one: Any, other: Any) -> list[tuple[str, Any, Any]] | None:
    if isinstance(one, dict) and isinstance(other, dict):
        prefix = f"{path}." if path else ""
        return [
            ((prefix + str(key))[:MAX_NAME_CHARS], one.get(key, _ABSENT), other.get(key, _ABSENT))
            for key in dict.fromkeys((*one, *other))
        ]
    if isinstance(one, list) and isinstance(other, list):
        return _items(path, one, other)
    return None


def _items(path: str, one: list[Any], other: list[Any]) -> list[tuple[str, Any, Any]]:
    """Items by place; what was put in or taken out in one run does not shift the rest."""
    shortest = min(len(one), len(other))
    head = next((at for at in range(shortest) if not _same(one[at], other[at])), shortest)
    tail = next((at for at in range(shortest - head) if not _same(one[-1 - at], other[-1 - at])), shortest - head)
    left, right = one[head : len(one) - tail], other[head : len(other) - tail]
    longest = max(len(left), len(right))
    return [
        (
            f"{path}[{head + at}]"[:MAX_NAME_CHARS],
            left[at] if at < len(left) else _ABSENT,
            right[at] if at < len(right) else _ABSENT,
        )
        for at in range(longest)
    ]


def _said(value: Any) -> str:
    if value is _ABSENT:
        return ""
    if isinstance(value, Listing):
        return f"a list of {value.length:,} values"
    if isinstance(value, dict | list) and len(value) > MAX_VALUE_CHARS:
        return f"{len(value):,} {'keys' if isinstance(value, dict) else 'items'}"
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        text = "a deeply nested value"
    text = _plain(text[: MAX_VALUE_CHARS + 1])
    return text if len(text) <= MAX_VALUE_CHARS else text[:MAX_VALUE_CHARS] + "…"


def _plain(text: str) -> str:
    """JSON can spell half a character, which no answer can hold."""
    return text.encode("utf-8", "replace").decode()


# ---- weights -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layout:
    """A header name by name: ``tensors`` as type and shape, ``entries`` as what the file says of itself."""

    tensors: Mapping[str, tuple[str, tuple[int, ...]]]
    entries: Mapping[str, Any]


def _layout(db: Session, kit: Kit, repo: Repo, side: Side, form: str) -> Layout | None:
    """The header of a file; None where it has none that can be read, is very large, or its bytes are not here."""
    entry = Entry(side.path, "file", side.oid, side.mode, side.size_bytes, side.pointer)
    try:
        parsed = inspecting.header_at(db, kit, repo, entry, FORMS[form])
    except Unavailable:
        return None
    if parsed.problem or len(parsed.body) > MAX_BODY_BYTES:
        return None
    tensors = {name: (dtype, tuple(shape)) for name, dtype, shape, _ in digest.unpacked(parsed.body)}
    return Layout(tensors, {key: _listing(kind, value) for key, kind, value in parsed.told["entries"]})


def _listing(kind: str, value: Any) -> Any:
    """A long list as its length and checksum: where one of both differs, so does the list."""
    return Listing(value["length"], value["checksum"]) if kind == "list" else value


def of_weights(form: str, before: Layout, after: Layout) -> Inside:
    """What two headers say differently, in names and in a sentence."""
    names = dict.fromkeys((*before.tensors, *after.tensors))
    tensors = [
        Difference(_plain(name)[:MAX_NAME_CHARS], _kind(one, other), _shape(one), _shape(other))
        for name in names
        if (one := before.tensors.get(name)) != (other := after.tensors.get(name))
    ]
    keys = list(differences(before.entries, after.entries))
    total = len(tensors) + len(keys)
    return Inside(form, keys[:MAX_CHANGES], tensors[:MAX_CHANGES], total, _words(before, after, tensors, len(keys)))


def _words(before: Layout, after: Layout, tensors: Sequence[Difference], keys: int) -> str:
    if not tensors:
        told = f"{len(after.tensors):,} tensors, all of the same names, types and shapes"
        return f"{told}; the header differs in {keys} of its entries." if keys else f"{told}: the weights differ."
    counts = [(kind, sum(item.kind == kind for item in tensors)) for kind in ("added", "removed", "changed")]
    told = ", ".join(f"{number:,} {kind}" for kind, number in counts if number)
    return f"Tensors: {told}; {len(before.tensors):,} before, {len(after.tensors):,} now."


def _kind(one: object, other: object) -> str:
    return "added" if one is None else "removed" if other is None else "changed"


def _shape(tensor: tuple[str, tuple[int, ...]] | None) -> str:
    return "" if tensor is None else f"{tensor[0]} {' × '.join(map(str, tensor[1])) or 'scalar'}"[:MAX_VALUE_CHARS]


def _digest(side: Side) -> str:
    return side.pointer.sha256 if side.pointer else side.oid
