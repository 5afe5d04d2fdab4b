"""The activity feed: public news to everyone, private news to whoever may read it, judged at each look."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.accounts import service as accounts
from freehold.accounts.tables import Account, Membership
from freehold.core.ids import id_at
from freehold.inbox import access, rules
from freehold.inbox.tables import News, Watch
from freehold.repos import service as repos
from freehold.repos.access import readable
from freehold.repos.tables import Repo

PAGE = 30
#: A calendar of a year tells no more than this, so that a busy account's page stays quick.
MOST_OF_A_YEAR = 5000
Of = Literal["repo", "account", "watched"]


def activity(
    db: Session, actor: Actor, *, before: str | None = None, limit: int = PAGE, repo: Repo | None = None,
    account: str | Account | None = None, watched: bool = False,
) -> Sequence[News]:  # fmt: skip
    """The newest first, older than ``before``: of one repository, of an account (what it did, and what was done to
    what it owns), of what the actor watches, or of the whole hub."""
    query = readable(select(News).join(Repo, Repo.id == News.repo_id), actor).where(News.kind.in_(rules.FED))
    if repo is not None:
        query = query.where(News.repo_id == repo.id)
    if account is not None:
        found = account if isinstance(account, Account) else accounts.account(db, account)
        query = query.where(or_(News.actor_id == found.id, News.owner_id == found.id))
    if watched:
        query = _watched(query, access.own(actor, writes=False))
    if before:
        query = query.where(News.id < before)
    return db.scalars(query.order_by(News.id.desc()).limit(max(1, min(limit, PAGE)))).all()


def year(db: Session, actor: Actor, account: Account, since: datetime) -> Sequence[datetime]:
    """When the person did something, or something was done to what the organisation owns, since then: what ``actor``
    may read, the newest first, :data:`MOST_OF_A_YEAR` at most."""
    whose = News.owner_id if account.kind == "org" else News.actor_id
    query = readable(select(News.at).join(Repo, Repo.id == News.repo_id), actor).where(
        whose == account.id, News.kind.in_(rules.FED), News.id >= id_at(since)
    )
    return db.scalars(query.order_by(News.id.desc()).limit(MOST_OF_A_YEAR)).all()


def of_repo(
    db: Session, actor: Actor, path: str, *, kind: str, before: str | None = None, limit: int = PAGE
) -> Sequence[News]:
    """The feed of one repository, for whoever may read it."""
    repo = repos.load(db, actor, path, Action.READ, kind=kind)
    return activity(db, actor, repo=repo, before=before, limit=limit)


def _watched(query: Select[tuple[News]], user_id: str) -> Select[tuple[News]]:
    targets = select(Watch.target_id).where(Watch.user_id == user_id, Watch.level == "all")
    ignored = select(Watch.target_id).where(Watch.user_id == user_id, Watch.level == "ignore")
    orgs = select(Membership.org_id).where(Membership.user_id == user_id)
    return query.where(
        or_(
            News.repo_id.in_(targets),
            News.owner_id.in_(targets),
            News.actor_id.in_(targets),
            News.owner_id == user_id,
            News.owner_id.in_(orgs),
        ),
        News.repo_id.not_in(ignored),
        News.owner_id.not_in(ignored),
    )
