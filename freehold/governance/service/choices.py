"""Choices: what administrators set while the hub runs. They count at once, on every node; the settings are what is
used where nothing is chosen."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from freehold.access.rules import HUB, Actor
from freehold.accounts import rules as account_rules
from freehold.core import instance
from freehold.core.database import Database
from freehold.core.errors import BadRequest
from freehold.governance import access
from freehold.governance.service import chaining, trail
from freehold.governance.service.trail import Thing
from freehold.web.components import HubSays

MAX_NAME = 40
MAX_NOTICE = 300
MAX_DAYS = 36500


@dataclass(frozen=True)
class Choice:
    """One thing that can be chosen. ``allowed`` empty: any text (a number of days for ``audit_days``)."""

    name: str
    label: str
    hint: str
    allowed: tuple[str, ...] = ()


CHOICES = (
    Choice("hub_name", "Name of this hub", f"At the head of every page; {MAX_NAME} characters at most."),
    Choice("notice", "Notice", f"A sentence above every page, for planned work say; {MAX_NOTICE} characters at most."),
    Choice(
        "sign_up", "Who gets an account", "Everybody; whoever is invited; only whom administrators make.",
        ("open", "invited", "closed"),
    ),
    Choice("founders", "Who makes organisations", "", ("people", "administrators")),
    Choice(
        "new_repos", "New repositories", "What they are where whoever makes one does not say.", ("public", "private")
    ),
    Choice("deployers", "Who deploys models", "", ("people", "administrators")),
    Choice(
        "anonymous_calls", "Anonymous callers", "Whether they reach the models that anonymous visitors may read.",
        ("yes", "no"),
    ),
    Choice("audit_days", "Days that the audit trail is kept", "Empty: for good. Older entries are deleted for ever."),
)  # fmt: skip
BY_NAME = {choice.name: choice for choice in CHOICES}


def chosen(db: Session) -> dict[str, str]:
    """By name, what was chosen; what was not is left out."""
    return {name: value for name, value in instance.all_chosen(db, list(BY_NAME)).items() if value}


def shown(db: Session) -> HubSays:
    """What the head of every page says of the hub."""
    found = instance.all_chosen(db, ("hub_name", "notice"))
    return HubSays(found.get("hub_name") or HubSays.name, found.get("notice", ""))


def change(db: Session, actor: Actor, values: Mapping[str, str]) -> list[str]:
    """``values`` count from now on, an empty one as if nothing had been chosen; the names of those that changed.

    Raises ``BadRequest`` for a value that cannot be, and nothing is changed.
    """
    access.administer(actor, writes=True)
    checked = {name: _checked(BY_NAME[name], value) for name, value in values.items() if name in BY_NAME}
    before, changed = chosen(db), []
    for name, value in checked.items():
        if value != before.get(name, ""):
            instance.choose(db, name, value or None)
            thing = Thing("setting", name, name)
            trail.record(db, "choice.changed", thing, actor=actor, before=before.get(name, ""), after=value)
            changed.append(name)
    return changed


def prune_trail(database: Database) -> int:
    """Entries of the trail that are older than was chosen are gone; how many."""
    with database.read() as db:
        days = instance.chosen(db, "audit_days")
    gone = chaining.prune(database, int(days)) if days.isdecimal() else 0
    if gone:
        with database.write() as db:
            trail.record(db, "trail.pruned", Thing("hub", "", "audit trail"), actor=HUB, entries=gone)
    return gone


def _checked(choice: Choice, value: str) -> str:
    if choice.allowed:
        if value and value not in choice.allowed:
            raise BadRequest(f"{choice.label}: use {', '.join(choice.allowed)}.")
        return value
    if choice.name == "audit_days":
        days = value.strip()
        if days and not (days.isascii() and days.isdecimal() and 1 <= int(days[:9]) <= MAX_DAYS):
            raise BadRequest(f"{choice.label}: a whole number from 1 to {MAX_DAYS}, or nothing.")
        return days
    most = MAX_NAME if choice.name == "hub_name" else MAX_NOTICE
    return account_rules.checked_line(value, choice.label, most=most)
