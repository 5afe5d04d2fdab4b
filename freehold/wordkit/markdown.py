"""The words of Markdown, without the Markdown. Pure, and linear in time whatever the text is."""

import re
from collections.abc import Iterator

from freehold.wordkit import rules

#: What is read of a text to find so much plain text in it.
MAX_READ_CHARS = 100_000

_ELEMENT = re.compile(r"</?[A-Za-z][^<>]{0,2000}>")
_LINK = re.compile(r"!?\[([^\]\[]{0,500})\]\([^()\[\]\n]{0,2000}\)")
_ADDRESS = re.compile(r"https?://\S{1,2000}")
_MARKS = re.compile(r"[*`|~]+|&[a-z]{2,8};")
_LINE_MARKS = re.compile(r"^(?:#{1,6}|>|[-+]|\d{1,9}\.)[ \t]+|^[\s:|=-]+$|^\[[^\]]{1,200}\]:.*$")
_FENCES = ("```", "~~~")


def plain(body: str) -> str:
    """The words, a line a paragraph: no code, no markup, no addresses; cut."""
    text = _without_comments("\n".join(_outside_fences(body[:MAX_READ_CHARS])))
    text = _MARKS.sub(" ", _ADDRESS.sub(" ", _LINK.sub(r"\1", _ELEMENT.sub(" ", text))))
    lines = (" ".join(_LINE_MARKS.sub("", line.strip()).split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)[: rules.MAX_TEXT_CHARS]


def _outside_fences(body: str) -> Iterator[str]:
    fence = ""
    for line in body.splitlines():
        opening = next((mark for mark in _FENCES if line.lstrip().startswith(mark)), "")
        if fence:
            fence = "" if opening == fence else fence
        elif opening:
            fence = opening
        else:
            yield line


def _without_comments(text: str) -> str:
    """One that is never closed hides the rest, as it does on the page."""
    pieces, at = [], 0
    while (start := text.find("<!--", at)) >= 0:
        pieces.append(text[at:start])
        end = text.find("-->", start)
        if end < 0:
            return " ".join(pieces)
        at = end + 3
    return " ".join([*pieces, text[at:]])
