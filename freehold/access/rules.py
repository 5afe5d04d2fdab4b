"""The decision. Pure: an actor, an action and the facts of a thing in, a decision with its reason out.

Token scope and role must both pass. A decision can explain itself; the explanation is for the owner and for
administrators, while the refused caller learns only what the status code says.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Action(StrEnum):
    """What one can ask to do with a thing."""

    LIST = "list"  # see that it exists, its name and facts
    READ = "read"  # read what is in it
    PROPOSE = "propose"  # open a discussion or a pull request on it
    WRITE = "write"  # change what is in it
    ADMIN = "admin"  # change its settings, move it, delete it
    CREATE_IN = "create_in"  # make something new in a namespace


#: What a role in an organisation allows on what the organisation owns. A contributor also writes what it made itself.
ROLE_ALLOWS: dict[str, frozenset[Action]] = {
    "read": frozenset({Action.LIST, Action.READ, Action.PROPOSE}),
    "contributor": frozenset({Action.LIST, Action.READ, Action.PROPOSE, Action.CREATE_IN}),
    "write": frozenset({Action.LIST, Action.READ, Action.PROPOSE, Action.WRITE, Action.CREATE_IN}),
    "admin": frozenset(Action),
}
PUBLIC_ALLOWS_ANYONE = frozenset({Action.LIST, Action.READ})
PUBLIC_ALLOWS_PEOPLE = PUBLIC_ALLOWS_ANYONE | {Action.PROPOSE}
READ_SCOPE_ALLOWS = frozenset({Action.LIST, Action.READ})


@dataclass(frozen=True)
class TokenScope:
    """What the presented token is good for.

    ``repo_ids`` None: everything its person may do. Otherwise those repositories, and all that ``owner_ids`` own.
    ``is_granted``: a program has it, which was let in to repositories and not to run its person's affairs.
    ``is_lasting``: no clock ends it, as far as is known.
    """

    token_id: str
    name: str
    scope: str
    repo_ids: frozenset[str] | None = None
    owner_ids: frozenset[str] = frozenset()
    is_granted: bool = False
    is_lasting: bool = False

    @property
    def is_fine_grained(self) -> bool:
        return self.repo_ids is not None

    def allows(self, action: Action, thing: "Thing") -> bool:
        if self.scope == "read" and action not in READ_SCOPE_ALLOWS:
            return False
        return self.repo_ids is None or thing.repo_id in self.repo_ids or thing.owner_id in self.owner_ids


@dataclass(frozen=True)
class Actor:
    """Who asks: a person (perhaps through a token or a browser session), anonymous, or the hub itself."""

    kind: str  # "anonymous", "user" or "hub"
    id: str | None = None
    name: str = ""
    is_admin: bool = False
    token: TokenScope | None = None
    roles: dict[str, str] = field(default_factory=dict)  # organisation id -> role
    full_name: str = ""
    email: str | None = None

    @property
    def is_anonymous(self) -> bool:
        return self.kind == "anonymous"


ANONYMOUS = Actor(kind="anonymous")
HUB = Actor(kind="hub", name="freehold")


@dataclass(frozen=True)
class Thing:
    """The facts a decision needs: the owning account, visibility, and the repository's id where it is one."""

    owner_id: str
    visibility: str = "public"  # "public" or "private"
    repo_id: str | None = None
    gated: str = ""
    is_granted: bool = False  # the actor, or an organisation it is in, was let through the gate
    creator_id: str | None = None


@dataclass(frozen=True)
class Decision:
    """Whether, and why: ``denied: token 'ci' has read scope, write was asked``."""

    allowed: bool
    reason: str

    def __bool__(self) -> bool:
        return self.allowed


def decide(actor: Actor, action: Action, thing: Thing) -> Decision:
    """Whether ``actor`` may do ``action`` to ``thing``; the one rule behind every door."""
    if actor.kind == "hub":
        return Decision(True, "allowed: the hub itself")
    if thing.visibility == "public" and action in PUBLIC_ALLOWS_ANYONE and not _is_behind_gate(action, thing):
        # A public thing is public to every token too: a narrow token never sees less than no token at all.
        return Decision(True, "allowed: public")
    if actor.is_anonymous:
        return Decision(False, "denied: not signed in")
    if actor.token is not None and not actor.token.allows(action, thing):
        return Decision(False, f"denied: token {actor.token.name!r} does not cover {action} here")
    if actor.is_admin:
        return Decision(True, "allowed: administrator")
    if thing.owner_id == actor.id:
        return Decision(True, "allowed: owner")
    role = actor.roles.get(thing.owner_id)
    if role is not None and action in ROLE_ALLOWS[role]:
        return Decision(True, f"allowed: {role} in the organisation")
    if role == "contributor" and action is Action.WRITE and thing.creator_id == actor.id:
        return Decision(True, "allowed: contributor, to what it made")
    if thing.visibility == "public" and action in PUBLIC_ALLOWS_PEOPLE:
        if not _is_behind_gate(action, thing):
            return Decision(True, "allowed: public, signed in")
        if thing.is_granted:
            return Decision(True, "allowed: let through the gate")
    return Decision(
        False, f"denied: no role that allows {action}" if role is None else f"denied: {role} may not {action}"
    )


def may_know(actor: Actor, thing: Thing) -> bool:
    """Whether the actor may learn that the thing exists at all."""
    return bool(decide(actor, Action.LIST, thing))


def _is_behind_gate(action: Action, thing: Thing) -> bool:
    """A gated repository is listed to all; others than its owner's people read it once they are let through."""
    return bool(thing.gated) and action is not Action.LIST
