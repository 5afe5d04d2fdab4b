"""Machines as somebody may see them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts.tables import Account
from freehold.cards.memory import Machine
from freehold.fleet import access, rules
from freehold.fleet.errors import MachineNotFound
from freehold.fleet.rules import FLEET, MINE
from freehold.fleet.tables import OwnMachine
from freehold.web.names import visible

#: Accounts whose machines are offered to one person.
MAX_OWNERS = 20


@dataclass(frozen=True)
class Owned:
    """One machine: ``address`` names it, ``name`` is its owner's word for it."""

    address: str
    name: str
    machine: Machine
    is_default: bool


@dataclass(frozen=True)
class Fleet:
    """All machines of one account; ``owner`` is an organisation's name, empty for whoever asks."""

    owner: str
    machines: Sequence[Owned]

    @property
    def address(self) -> str:
        return f"{self.owner or MINE}:{FLEET}"


def of(db: Session, owner: Account) -> Sequence[OwnMachine]:
    """The machines of an account, in the order they came."""
    return db.scalars(select(OwnMachine).where(OwnMachine.owner_id == owner.id).order_by(OwnMachine.id)).all()


def known(db: Session, actor: Actor) -> Sequence[Fleet]:
    """The fleets that are offered to ``actor``: their own first, then their organisations' by name. None are empty."""
    whose = access.owners(actor)[:MAX_OWNERS]
    if not whose:
        return ()
    query = select(OwnMachine, Account.name).join(Account, Account.id == OwnMachine.owner_id)
    query = query.where(OwnMachine.owner_id.in_(whose)).order_by(Account.key, OwnMachine.id)
    fleets: dict[str, list[Owned]] = {}
    for row, name in db.execute(query.limit(MAX_OWNERS * rules.MAX_MACHINES)):
        owner = "" if row.owner_id == actor.id else str(name)
        fleets.setdefault(owner, []).append(_owned(row, owner))
    return [Fleet(owner, fleets[owner]) for owner in sorted(fleets, key=lambda owner: (owner != "", owner.lower()))]


def preferred(fleets: Sequence[Fleet]) -> str:
    """The address of the machine that is asked about where nobody chose one; empty: there is none."""
    everything = [machine for one in fleets for machine in one.machines]
    return next((one.address for one in everything if one.is_default), everything[0].address if everything else "")


def named(name: str, owner: str) -> str:
    """A machine's name where those of several owners stand together."""
    return f"{name} ({owner})" if owner else name


def fleet_name(owner: str) -> str:
    return f"any machine of {owner}" if owner else "any machine of yours"


def _owned(row: OwnMachine, owner: str) -> Owned:
    return Owned(f"{owner or MINE}:{row.word}", visible(row.name), machine_of(row), row.is_default)


def machine_of(row: OwnMachine) -> Machine:
    return Machine(rules.KINDS[row.kind], row.memory_bytes, row.count, row.kept_bytes)


def not_found(address: str) -> MachineNotFound:
    """Said alike of what is not there and of what somebody may not see."""
    return MachineNotFound(
        f"You see no machine at {address[:140]!r}. Machines are seen by whoever they belong to: sign in, or name the "
        "memory instead, like cpu-16 or gpu-24x2."
    )
