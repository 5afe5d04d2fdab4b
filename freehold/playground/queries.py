"""Where somebody's feedback would be kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from freehold.access.rules import Action, Actor
from freehold.accounts.tables import Account
from freehold.playground.tables import FeedbackPlace
from freehold.repos.access import may, visible
from freehold.repos.tables import Repo

#: Data sets that the form offers; the rest can be typed.
OFFERED = 50


@dataclass(frozen=True)
class Kept:
    """Where a row goes. ``path`` is empty where whoever gives it may not know the data set: its owner reads it."""

    repo_id: str
    committed_as: str
    owner: str
    path: str


def kept(db: Session, actor: Actor, owner: str) -> Kept | None:
    """Where feedback of ``actor`` on something that the account ``owner`` serves is kept; None: nowhere was chosen.

    The owner's choice counts first, since the model is theirs to improve; then the person's own.
    """
    owner_id = db.scalar(select(Account.id).where(Account.key == owner.lower()))
    ids = [one for one in (owner_id, actor.id) if one]
    rows = db.execute(
        select(FeedbackPlace, Repo, Account.name)
        .join(Repo, Repo.id == FeedbackPlace.repo_id)
        .join(Account, Account.id == FeedbackPlace.account_id)
        .where(FeedbackPlace.account_id.in_(ids))
        .options(joinedload(Repo.owner))
    ).all()
    found = {place.account_id: (place, repo, name) for place, repo, name in rows}
    for account_id in ids:
        if account_id in found:
            place, repo, name = found[account_id]
            shown = repo.path if may(actor, Action.LIST, repo) else ""
            return Kept(repo.id, place.chosen_by, name, shown)
    return None


def place_of(db: Session, account_id: str) -> Repo | None:
    """The data set that an account chose."""
    query = select(Repo).join(FeedbackPlace, FeedbackPlace.repo_id == Repo.id).options(joinedload(Repo.owner))
    return db.scalar(query.where(FeedbackPlace.account_id == account_id))


def offered(db: Session, actor: Actor) -> Sequence[Repo]:
    """Data sets that ``actor`` may write to, the newest first."""
    owners = [one for one in (actor.id, *(org for org, role in actor.roles.items() if role != "read")) if one]
    query = visible(select(Repo), actor).where(Repo.kind == "dataset", Repo.owner_id.in_(owners))
    found = db.scalars(query.options(joinedload(Repo.owner)).order_by(Repo.updated_at.desc()).limit(OFFERED)).all()
    return [one for one in found if may(actor, Action.WRITE, one)]
