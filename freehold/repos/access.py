"""Repositories in terms of the rule: one thing at a time, and as a filter for lists that must say the same."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, or_, select, true
from sqlalchemy.orm import object_session

from freehold.access.rules import Action, Actor, Decision, Thing, decide
from freehold.core import clock
from freehold.core.database import Database, RowQuery
from freehold.repos.rules import Standing, standing
from freehold.repos.tables import Admission, Repo

#: One row by the index: 1 for a person that some admission lets through; none of an end, which takes the clock to tell.
_LET_THROUGH = RowQuery(
    "SELECT MAX(CASE WHEN status = 'rejected' AND account_id = :user_id THEN 2"
    " WHEN status = 'accepted' AND ends_at IS NULL THEN 1 ELSE 0 END)"
    " FROM admissions WHERE repo_id = :repo_id AND account_id IN"
    " (SELECT id FROM accounts WHERE id = :user_id UNION ALL SELECT org_id FROM memberships WHERE user_id = :user_id)"
)
_NONE: frozenset[str] = frozenset()


def thing(repo: Repo, *, is_granted: bool = False) -> Thing:
    return Thing(
        owner_id=repo.owner_id,
        visibility=repo.visibility,
        repo_id=repo.id,
        gated=repo.gated,
        creator_id=repo.creator_id,
        is_granted=is_granted,
    )


def may(actor: Actor, action: Action, repo: Repo) -> Decision:
    """Whether ``actor`` may. The gate is looked at only where it is what decides: one read more, of a gated repo."""
    decision = decide(actor, action, thing(repo))
    if decision or not repo.gated or actor.is_anonymous:
        return decision
    granted = decide(actor, action, thing(repo, is_granted=True))
    return granted if granted and standing_of(actor, repo) is Standing.THROUGH else decision


def standing_of(actor: Actor, repo: Repo) -> Standing:
    """Where ``actor`` stands at the gate of ``repo``, by itself and as a member of its organisations.

    Read through the repository's own session, so that no caller of :func:`may` can leave the gate out; of a repository
    that no session holds any more, everyone is a stranger.
    """
    db = object_session(repo)
    if db is None or actor.id is None:
        return Standing.STRANGER
    found = db.execute(
        select(Admission.account_id, Admission.status, Admission.ends_at).where(
            Admission.repo_id == repo.id, Admission.account_id.in_([actor.id, *actor.roles])
        )
    )
    return standing(actor.id, found, clock.now())


def is_let_through(database: Database, actor: Actor, repo_id: str) -> bool:
    """As :func:`standing_of`, by one prepared row, for the hottest reads: False also where only that can tell."""
    if actor.id is None:
        return False
    row = database.row(_LET_THROUGH, user_id=actor.id, repo_id=repo_id)
    return row is not None and row[0] == 1


@dataclass(frozen=True)
class Reach:
    """What an actor may list besides what is public, as a value: for the database, and for whoever keeps answers of it.

    All that ``owner_ids`` own, and ``repo_ids``, as far as one of ``of_owner_ids`` owns them (None: whoever does).
    """

    everything: bool = False
    owner_ids: frozenset[str] = frozenset()
    repo_ids: frozenset[str] = frozenset()
    of_owner_ids: frozenset[str] | None = None


def reach(actor: Actor) -> Reach:
    """The same rule as ``decide(..., LIST)``: what the actor owns, shares or administers, as far as its token goes."""
    if actor.kind == "hub":
        return Reach(everything=True)
    if actor.is_anonymous:
        return Reach()
    token = actor.token if actor.token is not None and actor.token.repo_ids is not None else None
    if actor.is_admin:
        return Reach(owner_ids=token.owner_ids, repo_ids=token.repo_ids or _NONE) if token else Reach(everything=True)
    mine = frozenset({str(actor.id), *actor.roles})
    if token is None:
        return Reach(owner_ids=mine)
    return Reach(owner_ids=mine & token.owner_ids, repo_ids=token.repo_ids or _NONE, of_owner_ids=mine)


def visible(query: Select[Any], actor: Actor) -> Select[Any]:
    """``query`` over :class:`Repo`, narrowed to what ``actor`` may list."""
    reached = reach(actor)
    return query if reached.everything else query.where(or_(Repo.visibility == "public", _reached(reached)))


def readable(query: Select[Any], actor: Actor) -> Select[Any]:
    """As :func:`visible`, for READ: gated ones count for their owner's people and for those they let through."""
    return query.where(or_((Repo.visibility == "public") & (Repo.gated == ""), _own(actor), _let_through(actor)))


def _let_through(actor: Actor) -> ColumnElement[bool]:
    """The same as :func:`standing_of`, for many repositories at once."""
    if actor.kind != "user" or actor.id is None:
        return false()
    goes_on = or_(Admission.ends_at.is_(None), Admission.ends_at > clock.now())
    open_ = select(Admission.repo_id).where(
        Admission.account_id.in_([actor.id, *actor.roles]), Admission.status == "accepted", goes_on
    )
    barred = select(Admission.repo_id).where(Admission.account_id == actor.id, Admission.status == "rejected")
    is_gated = (Repo.visibility == "public") & (Repo.gated != "")
    return and_(is_gated, Repo.id.in_(open_), Repo.id.not_in(barred), _covered(actor))


def _own(actor: Actor) -> ColumnElement[bool]:
    return _reached(reach(actor))


def _reached(reached: Reach) -> ColumnElement[bool]:
    if reached.everything:
        return true()
    ways: list[ColumnElement[bool]] = []
    if reached.owner_ids:
        ways.append(Repo.owner_id.in_(reached.owner_ids))
    if reached.repo_ids:
        theirs = true() if reached.of_owner_ids is None else Repo.owner_id.in_(reached.of_owner_ids)
        ways.append(and_(Repo.id.in_(reached.repo_ids), theirs))
    return or_(false(), *ways)


def _covered(actor: Actor) -> ColumnElement[bool]:
    """What the actor's token reaches of what is not open to all."""
    if actor.token is None or actor.token.repo_ids is None:
        return true()
    return or_(Repo.id.in_(actor.token.repo_ids), Repo.owner_id.in_(actor.token.owner_ids))
