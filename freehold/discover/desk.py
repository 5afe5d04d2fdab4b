"""What is on somebody's desk: what waits for them anywhere on the hub, and what they opened that is still open.

Rooms above add their part through the slot ``desk`` of ``web.slots``; those below are read here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from freehold.access.rules import Action, Actor, Thing, decide
from freehold.core.http import Ask
from freehold.gating import queries as gating
from freehold.people import queries as people
from freehold.repos.rules import page_path
from freehold.web.components import Line
from freehold.web.figures import plural
from freehold.web.slots import Slots

#: Lines shown of each half.
SHOWN = 6


@dataclass(frozen=True)
class Desk:
    """What waits for a person, and what they opened; the newest first."""

    waiting: Sequence[Line] = ()
    opened: Sequence[Line] = ()


def of(ask: Ask) -> Desk:
    """The desk of who asks. Empty for a visitor, and for a program: a token says nothing of what waits for a person."""
    if ask.actor.kind != "user" or ask.actor.token is not None:
        return Desk()
    slots: Slots = ask.request.app.state.slots
    waiting, opened = [*_invitations(ask), *_join_requests(ask), *_access_requests(ask)], list[Line]()
    for fill in slots.desk:
        more, own = fill(ask, SHOWN)
        waiting += more
        opened += own
    return Desk(*(sorted(lines, key=lambda line: line.at, reverse=True)[:SHOWN] for lines in (waiting, opened)))


def _invitations(ask: Ask) -> list[Line]:
    asked = people.invitations_to(ask.db, str(ask.actor.id), limit=SHOWN)
    return [
        Line(f"{one.org.name} asks you to join", "/settings/organizations", one.sent_at, f"as {one.role}", "person")
        for one in asked
        if one.org is not None
    ]


def _join_requests(ask: Ask) -> list[Line]:
    orgs = _orgs(ask.actor, Action.ADMIN)
    asks = people.requests_to(ask.db, orgs, limit=SHOWN) if orgs else ()
    return [
        Line(
            f"{one.user.name} asks to join {one.org.name}",
            f"/organizations/{one.org.name}/settings/members",
            one.created_at,
            one.message[:120],
            "person",
        )
        for one in asks
    ]


def _access_requests(ask: Ask) -> list[Line]:
    owners = [str(ask.actor.id), *_orgs(ask.actor, Action.WRITE)]
    return [
        Line(
            f"{plural(one.number, 'person asks', 'people ask')} for access",
            f"{page_path(one.repo.kind, one.repo.path)}/access",
            one.newest_at,
            one.repo.path,
            "key",
        )
        for one in gating.waiting(ask.db, owners, limit=SHOWN)
    ]


def _orgs(actor: Actor, action: Action) -> list[str]:
    """The organisations in which this person may do so as one of them; an administrator of the hub is in none."""
    mine = replace(actor, is_admin=False)
    return [org for org in actor.roles if decide(mine, action, Thing(owner_id=org, visibility="private"))]
