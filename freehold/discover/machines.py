"""Machines as addresses name them: ``cpu-16`` is one with 16 GB, ``gpu-24x2`` two cards of 24 GB.

An address that says the machine itself means the same for whoever follows it.
"""

import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from freehold.cards.memory import GB, Machine

_WRITTEN = re.compile(r"(cpu|gpu)-([1-9]\d{0,4})(?:x([1-9]\d{0,3}))?")
#: What everybody may choose, the smallest first.
BUILT_IN: Mapping[str, str] = {
    "cpu-8": "8 GB laptop",
    "cpu-16": "16 GB laptop",
    "cpu-32": "32 GB laptop",
    "cpu-64": "64 GB workstation",
    "cpu-256": "256 GB server",
    "gpu-8": "1 × 8 GB card",
    "gpu-16": "1 × 16 GB card",
    "gpu-24": "1 × 24 GB card",
    "gpu-24x2": "2 × 24 GB cards",
    "gpu-48": "1 × 48 GB card",
    "gpu-80": "1 × 80 GB card",
    "gpu-80x8": "8 × 80 GB cards",
}
USUAL = "cpu-16"
COOKIE, KEPT_S = "machine", 400 * 86_400


def parse(text: str) -> Machine | None:
    """The machine that ``text`` names; None for anything else."""
    found = _WRITTEN.fullmatch(text[:20])
    if found is None:
        return None
    return Machine("gpu" if found[1] == "gpu" else "cpu", int(found[2]) * GB, int(found[3] or 1))


def written(machine: Machine) -> str:
    """As an address names it."""
    count = f"x{machine.count}" if machine.count > 1 else ""
    return f"{machine.kind}-{machine.memory_bytes // GB}{count}"


def name(text: str) -> str:
    """What people call the machine that ``text`` names."""
    if text in BUILT_IN:
        return BUILT_IN[text]
    machine = parse(text)
    if machine is None:
        return text
    what = "card" if machine.kind == "gpu" else "machine"
    many = f"{what}s" if machine.count > 1 else what
    return f"{machine.count} × {machine.memory_bytes // GB} GB {many}"


def chosen(asked: str | None, remembered: str | None) -> str:
    """The machine of the address, else the one that the visitor chose before, else a usual one."""
    return next((text for text in (asked, remembered) if text and parse(text) is not None), USUAL)


def remember(answer: Response, request: Request) -> None:
    """The machine that this address asks for is the visitor's from now on, in this browser."""
    asked = request.query_params.get("machine")
    if asked and parse(asked) is not None and asked != request.cookies.get(COOKIE):
        answer.set_cookie(COOKIE, asked, max_age=KEPT_S, httponly=True, samesite="lax", path="/")
