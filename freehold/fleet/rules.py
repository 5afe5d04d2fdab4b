"""Machines in words and addresses. Pure."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

from freehold.accounts.rules import checked_line
from freehold.cards.memory import GB, Kind, Machine
from freehold.fleet.errors import BadMachine

#: Of one account.
MAX_MACHINES = 50
MAX_NAME, MAX_WORD = 60, 40
MAX_MEMORY_GB, MAX_COUNT = 99_999, 9_999
#: The owner of an address that means whoever follows it; no account may be called so. All machines of an owner.
MINE, FLEET = "mine", "fleet"
_ADDRESS = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,95}):([a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?)")
_NUMBER = re.compile(r"\d{1,6}(?:\.\d{1,3})?")
KINDS: dict[str, Kind] = {"cpu": "cpu", "gpu": "gpu"}


@dataclass(frozen=True)
class Given:
    """A machine as its owner describes it: ``kept`` is what other programs keep of each, None: as usual. In GB."""

    name: str
    kind: str
    memory: str
    count: str = "1"
    kept: str = ""
    is_default: bool = False


@dataclass(frozen=True)
class Checked:
    """The same, as it may be."""

    name: str
    machine: Machine


def checked(given: Given) -> Checked:
    """Raises ``BadRequest`` and :class:`BadMachine`, each at its field."""
    name = checked_line(given.name, "A machine's name", most=MAX_NAME, field="name")
    if not name:
        raise BadMachine("A machine has a name. Call it after what it is: laptop, rack 2.", field="name")
    kind = KINDS.get(given.kind)
    if kind is None:
        raise BadMachine("A machine's memory is its own (cpu) or that of its graphics cards (gpu).", field="kind")
    memory = _bytes(given.memory)
    if memory is None or not 0 < memory <= MAX_MEMORY_GB * GB:
        raise BadMachine(f"Memory is more than 0 and up to {MAX_MEMORY_GB:,} GB.", field="memory")
    count = int(given.count) if re.fullmatch(r"[0-9]{1,4}", given.count.strip()) else 0
    if not 1 <= count <= MAX_COUNT:
        raise BadMachine(f"There are 1 to {MAX_COUNT:,} cards in one machine.", field="count")
    if kind == "cpu" and count > 1:
        raise BadMachine("Processors of several machines do not add up: add each machine by itself.", field="count")
    kept = _bytes(given.kept) if given.kept.strip() else None
    if given.kept.strip() and (kept is None or kept >= memory):
        raise BadMachine("What other programs keep is less than the memory there is. Empty: as usual.", field="kept")
    return Checked(name, Machine(kind, memory, count, kept))


def _bytes(gigabytes: str) -> int | None:
    text = gigabytes.strip()
    return int(float(text) * GB) if _NUMBER.fullmatch(text) and text.isascii() else None


def key(name: str) -> str:
    """What two names of one owner may not share."""
    return unicodedata.normalize("NFKC", name).casefold()[:180]


def word(name: str, taken: Collection[str]) -> str:
    """What addresses call a machine of this name; none of ``taken``."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[: MAX_WORD - 3].strip("-") or "machine"
    if stem not in taken and stem != FLEET:
        return stem
    return next(f"{stem}-{number}" for number in range(2, MAX_MACHINES + 3) if f"{stem}-{number}" not in taken)


def parsed(address: str) -> tuple[str, str] | None:
    """Owner and word of ``lab:rack-2``; None for what is no address of a machine."""
    found = _ADDRESS.fullmatch(address[:140])
    return (found[1], found[2]) if found else None


def said(machine: Machine) -> str:
    """What a machine has, in words: ``16 GB``, ``2 × 24 GB of graphics cards``."""
    size = f"{machine.memory_bytes / GB:,.6g} GB"
    if machine.kind == "cpu":
        return size
    return f"{machine.count:,} × {size} card{'s' if machine.count > 1 else ''}"
