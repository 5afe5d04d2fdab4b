"""Names that some file system takes for one.

Windows and macOS do not tell capitals from small letters, and macOS not in which way an accent was put on one.
"""

import unicodedata
from collections.abc import Iterable


def folded(name: bytes) -> bytes:
    """What ``name`` is to such a file system."""
    if name.isascii():
        return name.lower()
    text = unicodedata.normalize("NFC", name.decode("utf-8", "surrogateescape")).casefold()
    return unicodedata.normalize("NFC", text).encode("utf-8", "surrogateescape")


def colliding(names: Iterable[bytes]) -> tuple[bytes, bytes] | None:
    """The first two of ``names``, of one folder, that are one there."""
    seen: dict[bytes, bytes] = {}
    for name in names:
        other = seen.setdefault(folded(name), name)
        if other != name:
            return other, name
    return None
