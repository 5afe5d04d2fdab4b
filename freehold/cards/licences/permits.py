"""The table of licences: what each permits and where it says so. Loaded once from ``licences.toml``."""

import re
import tomllib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from freehold.repos.licences import WORDS

Answer = Literal["yes", "conditions", "unresolved", "no"]
#: From the least restrictive to what no other can soften. ``unresolved`` stands above ``conditions``: what nobody
#: knows may forbid. It stands below ``no``: what one licence forbids, another cannot allow.
ANSWERS: tuple[Answer, ...] = ("yes", "conditions", "unresolved", "no")
#: Asked of nobody but those who pass it on: such licences are ``yes``.
LIGHT = frozenset({"notice"})
_FILE = Path(__file__).with_name("licences.toml")
#: Raised when the rules change; a change of the table is seen by itself.
_RULES = 2


@dataclass(frozen=True)
class Licence:
    """One licence. ``asks`` are words of :func:`asks`; ``derivatives`` and ``redistribution``: yes, no, unresolved."""

    id: str
    title: str
    commercial: Answer
    asks: Sequence[str]
    derivatives: str
    redistribution: str
    covers: Sequence[str]
    source: str
    note: str


@dataclass(frozen=True)
class Table:
    """``licences`` by the id of a card, ``names`` by what a card of ``other`` calls it, ``asks`` in words."""

    licences: Mapping[str, Licence]
    names: Mapping[str, Licence]
    asks: Mapping[str, str]


@cache
def table() -> Table:
    read = tomllib.loads(_FILE.read_text("utf-8"))
    return Table(
        licences={id: _licence(id, said) for id, said in read["licences"].items()},
        names={name: _licence(name, said) for name, said in read["names"].items()},
        asks=read["asks"],
    )


@cache
def version() -> int:
    """Another number where another answer may be given."""
    return zlib.crc32(_FILE.read_bytes(), _RULES) & 0x7FFFFFFF


def named(name: str) -> Licence | None:
    """What a card of ``license: other`` calls its licence, where that is known: letter by letter, but for case and
    spaces."""
    key = re.sub(r"[\s_]+", "-", name.strip().lower()[:200])
    found = table().names.get(key) or table().licences.get(key)
    # Whoever writes "other" beside the name of a licence that has an id means another one than that.
    return found if found is not None and found.commercial in ("conditions", "no") else None


def _licence(id: str, said: Mapping[str, Any]) -> Licence:
    return Licence(
        id=id,
        title=said.get("title") or WORDS[id],
        commercial=said["commercial"],
        asks=tuple(said.get("asks", ())),
        derivatives=said.get("derivatives", "yes"),
        redistribution=said.get("redistribution", "yes"),
        covers=tuple(said.get("covers", ())),
        source=said["source"],
        note=said.get("note", ""),
    )
