"""The verbs: a machine is added, changed, taken away. Each names whose it is: ``org`` None means whoever asks."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts.tables import Account
from freehold.core.ids import ordered_id
from freehold.fleet import access, queries, rules
from freehold.fleet.errors import MachineExists, MachineNotFound, TooManyMachines
from freehold.fleet.rules import Checked, Given
from freehold.fleet.tables import OwnMachine


def add(db: Session, actor: Actor, org: str | None, given: Given) -> OwnMachine:
    """One more machine; the first of an account is its default.

    Raises :class:`BadMachine`, :class:`MachineExists`, :class:`TooManyMachines`, and what ``access.owner`` does.
    """
    owner, checked = access.owner(db, actor, org, changes=True), rules.checked(given)
    there = queries.of(db, owner)
    if len(there) >= rules.MAX_MACHINES:
        raise TooManyMachines(f"{owner.name} has {rules.MAX_MACHINES} machines, the most. Take one away first.")
    _refuse_taken(db, owner, checked.name)
    machine = OwnMachine(
        id=ordered_id(),
        owner_id=owner.id,
        word=rules.word(checked.name, {one.word for one in there}),
        is_default=False,
    )
    _describe(machine, checked)
    db.add(machine)
    db.flush()
    if given.is_default or not there:
        _prefer(db, machine)
    return machine


def change(db: Session, actor: Actor, org: str | None, word: str, given: Given) -> OwnMachine:
    """The machine is as ``given`` says; its address stays. Raises as :func:`add`, and :class:`MachineNotFound`."""
    owner = access.owner(db, actor, org, changes=True)
    machine, checked = _load(db, owner, word), rules.checked(given)
    if rules.key(checked.name) != machine.name_key:
        _refuse_taken(db, owner, checked.name)
    _describe(machine, checked)
    db.flush()
    if given.is_default:
        _prefer(db, machine)
    else:
        machine.is_default = False
        db.flush()
    return machine


def remove(db: Session, actor: Actor, org: str | None, word: str) -> str:
    """The machine is gone; its name. Addresses that name it are answered as if it had never been."""
    machine = _load(db, access.owner(db, actor, org, changes=True), word)
    db.delete(machine)
    db.flush()
    return machine.name


def _describe(machine: OwnMachine, checked: Checked) -> None:
    machine.name, machine.name_key = checked.name, rules.key(checked.name)
    machine.kind, machine.count = checked.machine.kind, checked.machine.count
    machine.memory_bytes, machine.kept_bytes = checked.machine.memory_bytes, checked.machine.kept_bytes


def _prefer(db: Session, machine: OwnMachine) -> None:
    """This one and no other of its owner's is the default."""
    of_owner = update(OwnMachine).where(OwnMachine.owner_id == machine.owner_id, OwnMachine.is_default.is_(True))
    db.execute(of_owner.values(is_default=False))
    machine.is_default = True
    db.flush()


def _load(db: Session, owner: Account, word: str) -> OwnMachine:
    found = db.scalar(select(OwnMachine).where(OwnMachine.owner_id == owner.id, OwnMachine.word == word))
    if found is None:
        raise MachineNotFound(f"{owner.name} has no machine {word[:60]!r}; somebody may have taken it away.")
    return found


def _refuse_taken(db: Session, owner: Account, name: str) -> None:
    same = select(OwnMachine.id).where(OwnMachine.owner_id == owner.id, OwnMachine.name_key == rules.key(name))
    if db.scalar(same):
        raise MachineExists(f"{owner.name} already has a machine called {name}.", field="name")
