"""Names that strangers chose, as people read them."""

import re

#: What turns the direction of reading, hides or breaks a line; not what joins letters and emoji. Source: UAX 9, 2.
_MARKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def visible(name: str) -> str:
    """``name`` with each mark that nobody sees as its number: ``U+202E`` in brackets."""
    return _MARKS.sub(lambda mark: f"[U+{ord(mark[0]):04X}]", name)


def turns_direction(text: str) -> bool:
    """Whether some of ``text`` may read in another order than it stands in."""
    return re.search(r"[\u202a-\u202e\u2066-\u2069]", text) is not None
