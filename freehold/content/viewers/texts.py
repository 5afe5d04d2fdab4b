"""Bytes as lines of text: whatever a file says it is, whatever it is."""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass

from freehold.web.names import turns_direction

MAX_LINES = 5_000
#: A longer line is cut: one of a megabyte is data that somebody put into one line.
MAX_LINE_CHARACTERS = 2_000
#: So much of a file may be bytes that are no UTF-8 before it counts as no text.
MAX_STRANGE = 0.1
_TURNS = "It holds marks that turn the direction of reading: some of it may stand in another order than it reads."
_WIDE = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True)
class Text:
    """The text of a file's first bytes, its line ends as ``\\n``. ``remark``: what was done to read it, or empty."""

    text: str
    remark: str = ""


@dataclass(frozen=True)
class Line:
    """A line of a file. ``html`` is safe, in colours where they are known; ``left_out`` characters follow."""

    text: str
    html: str = ""
    left_out: int = 0


@dataclass(frozen=True)
class Lines:
    """The lines that are shown. ``total`` is None where the file goes on beyond what was read."""

    lines: Sequence[Line]
    total: int | None
    remark: str


def decoded(data: bytes, *, is_whole: bool) -> Text | None:
    """``data``, a whole file or its beginning, as text; None for what is none."""
    for mark, name in _WIDE:
        if data.startswith(mark):
            text = data[len(mark) :].decode(name, "replace")
            return None if "\0" in text else Text(_plain_ends(text), "Written in UTF-16.")
    data = data.removeprefix(codecs.BOM_UTF8)
    if b"\0" in data:
        return None
    try:
        return Text(_plain_ends(data.decode()))
    except UnicodeDecodeError as err:
        if not is_whole and err.reason == "unexpected end of data" and err.start >= len(data) - 3:
            return Text(_plain_ends(data[: err.start].decode()))  # cut within a character
    text = data.decode("utf-8", "replace")
    if text.count("\ufffd") > max(1, len(text) * MAX_STRANGE):
        return None
    return Text(_plain_ends(text), "Not all of it is UTF-8: what is not is shown as \ufffd.")


def cut(text: Text, *, is_whole: bool) -> Lines:
    """The lines of ``text`` within bounds, without colours."""
    found = text.text.removesuffix("\n").split("\n")
    if not is_whole and len(found) > 1:
        found.pop()  # the last one goes on
    shown = [
        Line(line[:MAX_LINE_CHARACTERS], left_out=max(0, len(line) - MAX_LINE_CHARACTERS)) for line in found[:MAX_LINES]
    ]
    turns = any(turns_direction(line.text) for line in shown)
    remark = f"{text.remark} {_TURNS}".strip() if turns else text.remark
    return Lines(shown, len(found) if is_whole else None, remark)


def coloured(lines: Lines, html: str | None) -> Lines:
    """``lines`` in the colours of ``html``, which has as many lines; as they were where it has not, or is None."""
    marked = html.split("\n") if html is not None else []
    if len(marked) != len(lines.lines):
        return lines
    shown = [Line(line.text, mark, line.left_out) for line, mark in zip(lines.lines, marked, strict=True)]
    return Lines(shown, lines.total, lines.remark)


def _plain_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
