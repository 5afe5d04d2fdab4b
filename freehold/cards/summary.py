"""The first words of a card's text, for lists. Pure."""

import re

MAX_CHARACTERS = 200

_SKIPPED = re.compile(r"^\s*(#|<|!\[|\[!\[|\||```|---|===|>|\[.*\]:|[-*+]\s|\d+\.\s)")
_LINK = re.compile(r"!?\[([^\]\[]*)\]\([^)]*\)")
_MARKS = re.compile(r"[*_`]{1,3}|<[^>]{0,200}>|[\x00-\x1f]")


def first_words(body: str) -> str:
    """The first plain paragraph, without its marks, cut at a word; empty when the text has none."""
    paragraph: list[str] = []
    for line in body[:20_000].splitlines():
        if paragraph and not line.strip():
            break
        if line.strip() and (paragraph or not _SKIPPED.match(line)):
            paragraph.append(line.strip())
    text = _MARKS.sub("", _LINK.sub(r"\1", " ".join(paragraph)[:2_000])).strip()
    if len(text) <= MAX_CHARACTERS:
        return text
    return text[: MAX_CHARACTERS - 1].rsplit(" ", 1)[0] + "…"
