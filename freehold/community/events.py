"""What people made of what is here."""

from dataclasses import dataclass

from freehold.access.rules import Actor
from freehold.accounts.tables import Account
from freehold.community.tables import Collection
from freehold.repos.tables import Repo


@dataclass(frozen=True)
class RepoLiked:
    """``actor`` likes ``repo``, and did not a moment ago."""

    repo: Repo
    actor: Actor


@dataclass(frozen=True)
class RepoUnliked:
    """``actor`` took back that it likes ``repo``."""

    repo: Repo
    actor: Actor


@dataclass(frozen=True)
class AccountFollowed:
    """``actor`` follows ``account``, and did not a moment ago."""

    account: Account
    actor: Actor


@dataclass(frozen=True)
class CollectionCreated:
    collection: Collection
    actor: Actor


@dataclass(frozen=True)
class CollectionUpvoted:
    """``actor`` upvoted ``collection``, and had not a moment ago."""

    collection: Collection
    actor: Actor
