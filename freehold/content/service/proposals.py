"""Reading the body of a commit call: NDJSON, line by line, inline files decoded to scratch. Nothing whole in memory.

Source: protocol/hub-api.md 3.6.
"""

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from freehold.content import rules
from freehold.content.errors import BadCommit, OverLimit
from freehold.gitkit.commits import Span
from freehold.gitkit.pointers import MAX_POINTER_BYTES, parse_pointer

#: What a line holds besides its content.
LINE_OVERHEAD_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class AddFile:
    """A file that came inline; its bytes are in scratch."""

    path: str
    span: Span


@dataclass(frozen=True, slots=True)
class AddLarge:
    """A file whose bytes were uploaded before. ``size_bytes`` None: whatever they have."""

    path: str
    sha256: str
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class Remove:
    path: str
    only_folder: bool


@dataclass(frozen=True, slots=True)
class Copy:
    """A file of this repository under another path. ``revision`` None: as it is where the commit goes."""

    path: str
    source: str
    revision: str | None


Operation = AddFile | AddLarge | Remove | Copy


@dataclass
class Proposal:
    """A commit as asked for. ``parent`` is the commit id (5 digits at least) that the caller believes is the head."""

    summary: str = ""
    description: str = ""
    parent: str | None = None
    operations: list[Operation] = field(default_factory=list)

    @property
    def message(self) -> str:
        return f"{self.summary}\n\n{self.description}" if self.description else self.summary


class ProposalReader:
    """Fed the body piece by piece (in a worker thread), it decodes inline files into one scratch file.

    Raises :class:`BadCommit`, ``BadPath``, or :class:`OverLimit` as soon as something is wrong.
    """

    def __init__(self, scratch: Path, *, max_inline_bytes: int) -> None:
        self._path = scratch / "inline"
        self._file = open(self._path, "xb")  # noqa: SIM115  # closed by close()
        self._at = 0
        self._line: list[bytes] = []
        self._line_bytes = 0
        self._lines = 0
        self._max_inline_bytes = max_inline_bytes
        self._max_line_bytes = -(-max_inline_bytes * 4 // 3) + LINE_OVERHEAD_BYTES
        self._proposal: Proposal | None = None

    def __enter__(self) -> "ProposalReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def take(self, piece: memoryview) -> None:
        """Read ``piece`` after those before."""
        *ended, rest = bytes(piece).split(b"\n")
        for part in ended:
            self._keep(part)
            self._end_line()
        self._keep(rest)

    def finish(self) -> Proposal:
        """The whole proposal; its files stay in scratch."""
        self._end_line()
        self._file.close()
        if self._proposal is None:
            raise BadCommit("A commit starts with a header line.")
        return self._proposal

    def _keep(self, part: bytes) -> None:
        self._line_bytes += len(part)
        if self._line_bytes > self._max_line_bytes:
            raise self._too_large()
        self._line.append(part)

    def _end_line(self) -> None:
        line = b"".join(self._line).strip()
        self._line, self._line_bytes = [], 0
        if line:
            self._lines += 1
            self._read(line)

    def _read(self, line: bytes) -> None:
        key, value = _key_and_value(line, self._lines)
        fields = _Fields(key, value, self._lines)
        if self._proposal is None:
            if key != "header":
                raise BadCommit("A commit starts with a header line.")
            self._proposal = _header(fields)
            return
        if len(self._proposal.operations) >= rules.MAX_OPERATIONS:
            raise OverLimit(f"A commit may have {rules.MAX_OPERATIONS} operations; make several commits of this one.")
        self._proposal.operations.append(self._operation(key, fields))

    def _operation(self, key: str, fields: "_Fields") -> Operation:
        match key:
            case "file":
                return self._inline(fields)
            case "lfsFile":
                return _large(fields)
            case "deletedFile" | "deletedFolder":
                # Clients end a folder's path in a slash.
                path = rules.checked_path(fields.text("path").rstrip("/"))
                return Remove(path, only_folder=key == "deletedFolder")
            case "copyFile":
                return Copy(fields.path("path"), fields.path("srcPath"), fields.optional_text("srcRevision"))
        raise fields.problem("it is not an operation this hub knows")

    def _inline(self, fields: "_Fields") -> Operation:
        path = fields.path("path")
        data = _decoded(fields)
        if len(data) > self._max_inline_bytes:
            raise self._too_large(path)
        pointer = parse_pointer(data) if len(data) <= MAX_POINTER_BYTES else None
        if pointer is not None:
            # A pointer by any road is a claim on a large file, and checked as one.
            return AddLarge(path, pointer.sha256, pointer.size_bytes)
        span = Span(self._path, self._at, len(data))
        self._file.write(data)
        self._at += len(data)
        return AddFile(path, span)

    def _too_large(self, path: str | None = None) -> OverLimit:
        what = f"The file {path!r}" if path else f"A file in line {self._lines + 1}"
        return OverLimit(
            f"{what} is over {self._max_inline_bytes} bytes, the most that a commit may carry inline: "
            "upload it through LFS or Xet and send it as lfsFile."
        )


class _Fields:
    """One line's value, read with its line number in every complaint."""

    def __init__(self, key: str, value: dict[str, Any], line: int) -> None:
        self.key, self.value, self.line = key, value, line

    def problem(self, reason: str) -> BadCommit:
        return BadCommit(f"Line {self.line} of the commit ({self.key[:40]!r}) cannot be read: {reason}.")

    def text(self, name: str) -> str:
        found = self.value.get(name)
        if not isinstance(found, str):
            raise self.problem(f"{name!r} must be a string")
        return found

    def optional_text(self, name: str) -> str | None:
        return None if self.value.get(name) is None else self.text(name)

    def path(self, name: str) -> str:
        return rules.checked_path(self.text(name))


def _key_and_value(line: bytes, number: int) -> tuple[str, dict[str, Any]]:
    try:
        item = json.loads(line)
    except (ValueError, RecursionError) as err:
        raise BadCommit(f"Line {number} of the commit is no JSON.") from err
    if isinstance(item, dict) and isinstance(item.get("key"), str) and isinstance(item.get("value"), dict):
        return item["key"], item["value"]
    raise BadCommit(f'Line {number} of the commit is not of the form {{"key": ..., "value": {{...}}}}.')


def _header(fields: _Fields) -> Proposal:
    parent = fields.optional_text("parentCommit")
    if parent is not None and not rules.COMMIT_PREFIX.fullmatch(parent):
        raise fields.problem("'parentCommit' must be a commit id of 5 to 40 hex digits")
    summary, description = fields.text("summary").strip(), (fields.optional_text("description") or "").strip()
    if not summary:
        raise fields.problem("'summary' is empty")
    if len(summary) > rules.MAX_SUMMARY_CHARS or len(description) > rules.MAX_DESCRIPTION_CHARS:
        raise OverLimit(
            f"A commit's summary may have {rules.MAX_SUMMARY_CHARS} characters, its description "
            f"{rules.MAX_DESCRIPTION_CHARS}."
        )
    return Proposal(summary, description, parent.lower() if parent else None)


def _large(fields: _Fields) -> AddLarge:
    sha256, size_bytes = fields.text("oid").lower(), fields.value.get("size")
    if fields.value.get("algo", "sha256") != "sha256" or not rules.SHA256.fullmatch(sha256):
        raise fields.problem("'oid' must be a SHA-256 in hex, 'algo' sha256")
    if size_bytes is not None and (type(size_bytes) is not int or size_bytes < 0):
        raise fields.problem("'size' must be a number of bytes")
    return AddLarge(fields.path("path"), sha256, size_bytes)


def _decoded(fields: _Fields) -> bytes:
    content, encoding = fields.text("content"), fields.value.get("encoding", "utf-8")
    try:
        if encoding == "base64":
            return base64.b64decode(content, validate=True)
        if encoding in ("utf-8", "utf8"):
            return content.encode()
    except ValueError as err:
        raise fields.problem(f"'content' is not {encoding}") from err
    raise fields.problem("'encoding' must be base64 or utf-8")
