"""Comparisons: files, lines, keys and tensors; and what is decided where two sides clash."""

from typing import Any

from pydantic import BaseModel, Field

from freehold.cards.changes import Difference, Inside
from freehold.core import clock
from freehold.discussions.comparisons import Compared, Conflicts
from freehold.gitkit.comparing import FileChange, Hunk, Side
from freehold.gitkit.conflicts import Agreed, Conflict
from freehold.gitkit.objects import CommitInfo

MAX_TEXT_CHARS = 2 << 20


class Decided(BaseModel):
    """One of: ``side`` (ours, the pull request's, or theirs), ``clashes`` (a word for each), ``text`` (all of it)."""

    path: str = Field(max_length=5_000)
    side: str = Field("", max_length=20)
    clashes: list[str] = Field(default_factory=list, max_length=50_000)
    text: str | None = Field(None, max_length=MAX_TEXT_CHARS)


class Update(BaseModel):
    """``proposal`` and ``base`` are the heads that the decisions were made for, as ``GET .../conflicts`` gave them."""

    proposal: str = Field("", max_length=40)
    base: str = Field("", max_length=40)
    files: list[Decided] = Field(default_factory=list, max_length=1_000)


def compared(found: Compared) -> dict[str, Any]:
    files = found.files
    return {
        "before": found.before,
        "after": found.after,
        "commits": [_commit(info) for info in found.commits],
        "totalCommits": found.total,
        "totalFiles": files.total,
        "additions": files.added,
        "deletions": files.removed,
        "files": [_file(change, found.inside.get(change.path)) for change in files.files],
    }


def _commit(info: CommitInfo) -> dict[str, Any]:
    return {
        "id": info.oid,
        "title": info.title,
        "message": info.message,
        "date": clock.wire(info.author.when),
        "authors": [{"user": info.author.name}],
        "parents": list(info.parents),
    }


def _file(change: FileChange, inside: Inside | None) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "path": change.path,
        "status": change.status,
        "before": _side(change.before),
        "after": _side(change.after),
        "additions": change.added,
        "deletions": change.removed,
        "binary": change.is_binary,
        "hunks": [_hunk(hunk) for hunk in change.hunks],
        "note": change.note,
    }
    if inside is not None:
        shown["inside"] = {
            "form": inside.form,
            "summary": inside.words,
            "total": inside.total,
            "keys": [_difference(item) for item in inside.keys],
            "tensors": [_difference(item) for item in inside.tensors],
        }
    return shown


def _side(side: Side | None) -> dict[str, Any] | None:
    if side is None:
        return None
    large = {"lfs": {"oid": side.pointer.sha256, "size": side.pointer.size_bytes}} if side.pointer else {}
    return {"path": side.path, "oid": side.oid, "mode": f"{side.mode:06o}", "size": side.size_bytes, **large}


def _hunk(hunk: Hunk) -> dict[str, Any]:
    return {
        "header": hunk.header,
        "oldStart": hunk.old_start,
        "oldLines": hunk.old_lines,
        "newStart": hunk.new_start,
        "newLines": hunk.new_lines,
        "lines": [{"type": line.kind, "old": line.old, "new": line.new, "text": line.text} for line in hunk.lines],
    }


def _difference(item: Difference) -> dict[str, str]:
    return {"name": item.name, "change": item.kind, "before": item.before, "after": item.after}


def conflicts(found: Conflicts) -> dict[str, Any]:
    files = [_conflict(item) for item in found.files]
    return {
        "proposal": found.proposal,
        "base": found.base,
        "behind": found.is_behind,
        "total": found.total,
        "files": files,
    }


def _conflict(item: Conflict) -> dict[str, Any]:
    pieces = None
    if item.pieces is not None:
        pieces = [
            {"text": piece.text}
            if isinstance(piece, Agreed)
            else {"ours": piece.ours, "base": piece.base, "theirs": piece.theirs, "line": piece.line}
            for piece in item.pieces
        ]
    return {"path": item.path, "reason": item.reason, "pieces": pieces}
