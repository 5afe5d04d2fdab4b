"""Served names as calls write them: ``namespace/name``, perhaps with ``@revision`` and ``:file``. Pure."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_NAME, MAX_CALLED = 193, 800
#: Digits of a revision that tell it from others.
MIN_REVISION = 7
#: Close names that are told, and names that are compared.
MAX_CLOSE, MAX_COMPARED = 4, 500
_CALLED = re.compile(r"([^/@:\s]{1,96}/[^/@:\s]{1,96})(?:@([^:\s]{1,200}))?(?::(\S.{0,500}))?")

_NO_LETTER = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True)
class Called:
    """What a call names: ``revision`` and ``file`` are '' where it says none."""

    name: str
    revision: str = ""
    file: str = ""

    @property
    def key(self) -> str:
        return self.name.lower()


def parsed(name: str) -> Called | None:
    """``name`` in its parts; None where it cannot be one."""
    # Half a letter, or none, is in no name; and a database takes neither.
    match = _CALLED.fullmatch(name) if len(name) <= MAX_CALLED and not _NO_LETTER.search(name) else None
    return Called(match[1], match[2] or "", match[3] or "") if match else None


def is_revision(asked: str, pinned: str) -> bool:
    """Whether ``asked`` means the commit ``pinned``: all of it, or a beginning that tells it from others."""
    return len(asked) >= MIN_REVISION and pinned.startswith(asked.lower())


def close(name: str, others: Iterable[str]) -> Sequence[str]:
    """Of ``others`` those that ``name`` may have meant, the nearest first."""
    by_key = {other.lower(): other for _, other in zip(range(MAX_COMPARED), others, strict=False)}
    wanted = name.lower()[:MAX_NAME]
    found = difflib.get_close_matches(wanted, by_key, n=MAX_CLOSE, cutoff=0.6)
    # Whoever leaves the namespace out, or takes another one, means the name behind it.
    tail = wanted.rpartition("/")[2]
    same = [key for key in by_key if key not in found and key.rpartition("/")[2] == tail]
    return [by_key[key] for key in [*same, *found][:MAX_CLOSE]]
