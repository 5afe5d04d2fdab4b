"""Reads about what tokens name."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.accounts import service as accounts
from freehold.accounts.service import Reach
from freehold.accounts.tables import Account
from freehold.core.errors import BadRequest
from freehold.repos.access import visible
from freehold.repos.rules import KIND_OF_PLURAL
from freehold.repos.tables import Repo


@dataclass(frozen=True)
class Named:
    """Something a token names: a repository, or an account with all that it owns."""

    id: str
    kind: str  #: model, dataset, space, kernel; user or org
    path: str


def reach(db: Session, actor: Actor, token_id: str) -> Sequence[Named]:
    """What a fine-grained token names, as far as ``actor`` still may know of it."""
    named = accounts.reach(db, token_id)
    owners = db.scalars(select(Account).where(Account.id.in_(named.owner_ids)).order_by(Account.key))
    repos = db.scalars(visible(select(Repo).where(Repo.id.in_(named.repo_ids)).order_by(Repo.path_key), actor))
    found = [Named(owner.id, owner.kind, owner.name) for owner in owners]
    return found + [Named(repo.id, repo.kind, repo.path) for repo in repos]


def chosen(db: Session, actor: Actor, owners: Sequence[str], paths: Sequence[str]) -> Reach:
    """The ids behind names that a person chose for a token; raises :class:`BadRequest` naming one that is not there.

    A path is ``ns/name`` (every kind of that name) or ``datasets/ns/name``. Owners are oneself and one's organisations:
    whatever else a token named, its person could not do there anyway.
    """
    if not owners and not paths:
        raise BadRequest(
            "Choose at least one repository or namespace, or let the token reach everything.", field="repos"
        )
    owner_ids = set()
    for name in owners:
        account = accounts.account(db, name)
        if account.id != actor.id and account.id not in actor.roles:
            raise BadRequest(f"{account.name} is not yours, and you are no member of it.", field="repos")
        owner_ids.add(account.id)
    repo_ids = {found for path in paths for found in repo_ids_of(db, actor, path)}
    return Reach(frozenset(repo_ids), frozenset(owner_ids))


def repo_ids_of(db: Session, actor: Actor, path: str) -> Sequence[str]:
    """The repositories that ``path`` means: one kind where it starts with one, else every kind of that name."""
    first, _, rest = path.partition("/")
    kind = KIND_OF_PLURAL.get(first) if "/" in rest else None
    key = (rest if kind else path).lower().replace("\0", "")
    query = visible(select(Repo.id).where(Repo.path_key == key), actor)
    found = db.scalars(query.where(Repo.kind == kind) if kind else query).all()
    if not found:
        raise BadRequest(
            f"There is no repository {path[:200]!r} here. Name it as ns/name or datasets/ns/name.", field="repos"
        )
    return found
