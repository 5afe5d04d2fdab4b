"""Machines as addresses name them: ``cpu-16`` is one with 16 GB, ``gpu-24x2`` two cards of 24 GB.

An address that says the machine itself means the same for whoever follows it. One that names somebody's
(``mine:laptop``, ``lab:fleet``) says something to whoever may see that machine, and nothing to others.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from freehold.access.rules import Actor
from freehold.cards.memory import GB, Machine, room_for_lists
from freehold.fleet import queries as fleet
from freehold.fleet import rules as naming
from freehold.fleet.errors import MachineNotFound
from freehold.fleet.queries import Fleet

_WRITTEN = re.compile(r"(cpu|gpu)-([1-9][0-9]{0,4})(?:x([1-9][0-9]{0,3}))?")
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


@dataclass(frozen=True)
class Choice:
    """What was chosen to run on, smallest first: one machine, or several by their names, of which one suffices."""

    address: str
    name: str
    machines: Sequence[tuple[str, Machine]]

    @property
    def says_more(self) -> bool:
        """A fleet of one machine says no more than that machine."""
        return len(self.machines) > 1 or not self.address.endswith(f":{naming.FLEET}")

    @property
    def room_bytes(self) -> int:
        """The most that a model may take, as lists compare it, to fit on one of them."""
        return max(room_for_lists(machine) for _, machine in self.machines)


@dataclass(frozen=True)
class Group:
    """Machines to choose from that belong together, each as addresses and people name it. No label: everybody's."""

    label: str
    options: Sequence[tuple[str, str]]


def built(text: str) -> Choice | None:
    """What ``text`` says by itself; None where it says nothing, or names somebody's machine."""
    machine = parse(text)
    return Choice(text, name(text), [(name(text), machine)]) if machine else None


def find(text: str, own: Mapping[str, Choice]) -> Choice | None:
    """What ``text`` names; None for what is no machine.

    Raises ``MachineNotFound``, alike for a machine that is not there and for one that is none of ``own``.
    """
    if naming.parsed(text) is None:
        return built(text)
    if text.lower() not in own:
        raise fleet.not_found(text)
    return own[text.lower()]


def chosen(own: Mapping[str, Choice], preferred: str, asked: str | None, remembered: str | None) -> Choice:
    """The machine of the address, else the one that is ``preferred`` of ``own``, else the one chosen before here, else
    a usual one.

    What names no machine, or none that the visitor may see, counts as if it were not said.
    """
    for text in (asked, preferred, remembered):
        try:
            if text and (found := find(text, own)) is not None:
                return found
        except MachineNotFound:
            continue
    usual = built(USUAL)
    assert usual is not None, USUAL
    return usual


def own(fleets: Sequence[Fleet]) -> Mapping[str, Choice]:
    """Each machine of these fleets, and each fleet as a whole, by its address in small letters."""
    choices = []
    for one in fleets:
        machines = [(machine.name, machine.machine) for machine in one.machines]
        choices += [
            Choice(machine.address, fleet.named(machine.name, one.owner), [(machine.name, machine.machine)])
            for machine in one.machines
        ]
        smallest_first = sorted(machines, key=lambda machine: (machine[1].usable_bytes, machine[0]))
        choices.append(Choice(one.address, fleet.fleet_name(one.owner), smallest_first))
    return {one.address.lower(): one for one in choices}


def of(db: Session, actor: Actor) -> Mapping[str, Choice]:
    """The machines that ``actor`` may see, and so may ask about."""
    return own(fleet.known(db, actor))


def options(fleets: Sequence[Fleet]) -> Sequence[Group]:
    """Everything to choose from: one's own machines first, then those of one's organisations, then everybody's."""
    groups = []
    for one in fleets:
        named = [(machine.address, f"{machine.name}, {naming.said(machine.machine)}") for machine in one.machines]
        if len(named) > 1:
            whole = fleet.fleet_name(one.owner)
            named.append((one.address, whole[0].upper() + whole[1:]))
        groups.append(Group(one.owner or "Yours", named))
    return [*groups, Group("" if not groups else "Usual", list(BUILT_IN.items()))]


def remember(answer: Response, request: Request) -> None:
    """The machine that this address asks for is the visitor's from now on, in this browser."""
    asked = request.query_params.get("machine")
    if asked and parse(asked) is not None and asked != request.cookies.get(COOKIE):
        answer.set_cookie(COOKIE, asked, max_age=KEPT_S, httponly=True, samesite="lax", path="/")
