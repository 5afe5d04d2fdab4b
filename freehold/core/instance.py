"""What this installation keeps about itself: a few named values, its signing secret first."""

import secrets
from collections.abc import Collection

from sqlalchemy import String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from freehold.core.database import Base, Database
from freehold.core.errors import Conflict

CHOICE = "choice:"


class InstanceValue(Base):
    """One named value of the installation."""

    __tablename__ = "instance_values"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


def signing_secret(database: Database) -> bytes:
    """The secret every node of this installation signs with; made at the first start."""
    return bytes.fromhex(value_or_new(database, "signing_secret", secrets.token_hex(32)))


def value_or_new(database: Database, name: str, new: str) -> str:
    """The value kept under ``name``; ``new`` is kept when there is none yet (two first starts agree on one)."""
    found = known_value(database, name)
    if found is not None:
        return found
    try:
        with database.write() as db:
            db.add(InstanceValue(name=name, value=new))
        return new
    except Conflict:  # another process was first
        with database.read() as db:
            return db.scalars(select(InstanceValue.value).where(InstanceValue.name == name)).one()


def known_value(database: Database, name: str) -> str | None:
    """The value kept under ``name``; None when there is none yet."""
    with database.read() as db:
        return db.scalar(select(InstanceValue.value).where(InstanceValue.name == name))


def chosen(db: Session, name: str, default: str = "") -> str:
    """What administrators chose for ``name`` while the hub ran; ``default`` where they chose nothing.

    Read anew by every transaction that asks, so that a choice counts at once on every node.
    """
    value = db.scalar(select(InstanceValue.value).where(InstanceValue.name == f"{CHOICE}{name}"))
    return default if value is None else value


def all_chosen(db: Session, names: Collection[str]) -> dict[str, str]:
    """As :func:`chosen` for several names, by one query; what was not chosen is left out."""
    query = select(InstanceValue.name, InstanceValue.value).where(
        InstanceValue.name.in_([f"{CHOICE}{name}" for name in names])
    )
    return {name.removeprefix(CHOICE): value for name, value in db.execute(query)}


def choose(db: Session, name: str, value: str | None) -> None:
    """``value`` is what :func:`chosen` gives for ``name`` from now on; None: nothing is chosen any more."""
    kept = db.get(InstanceValue, f"{CHOICE}{name}")
    if value is None:
        if kept is not None:
            db.delete(kept)
    elif kept is None:
        db.add(InstanceValue(name=f"{CHOICE}{name}", value=value))
    else:
        kept.value = value
    db.flush()
