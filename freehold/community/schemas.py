"""Shapes on the wire. Source: protocol/hub-api.md 7, 9. Unknown keys are ignored: clients send more with each version.

Lengths are judged by ``rules``, which say what is wrong; the limits here only keep out what no person wrote.
"""

from collections.abc import Collection as Some
from typing import Any

from freehold.accounts.queries import avatar_path
from freehold.accounts.tables import Account
from freehold.community.queries.marks import Liked
from freehold.community.queries.people import Overview
from freehold.core.clock import wire


def avatar(base_url: str, account: Account) -> str:
    return base_url + avatar_path(account)


def person(base_url: str, account: Account, followed: Some[str] = ()) -> dict[str, Any]:
    """Somebody in a list. The name stands under ``user`` for organisations too: clients read nothing else."""
    return {
        "_id": account.id,
        "user": account.name,
        "fullname": account.full_name or account.name,
        "avatarUrl": avatar(base_url, account),
        "isPro": False,
        "type": account.kind,
        "isFollowing": account.id in followed,
    }


def owner(base_url: str, account: Account) -> dict[str, Any]:
    """Whom a collection belongs to. Source: huggingface.js, ``ApiAuthor``."""
    return {
        "_id": account.id,
        "name": account.name,
        "fullname": account.full_name or account.name,
        "avatarUrl": avatar(base_url, account),
        "type": account.kind,
        "isPro": False,
        "isHf": False,
    }


def liked(like: Liked) -> dict[str, Any]:
    return {"createdAt": wire(like.at), "repo": {"name": like.repo.path, "type": like.repo.kind}}


def user_overview(base_url: str, found: Overview, more: dict[str, int]) -> dict[str, Any]:
    """A person in numbers; ``more`` are those that rooms above count."""
    account = found.account
    return {
        **person(base_url, account),
        "isFollowing": found.is_followed,
        "createdAt": wire(account.created_at),
        "details": account.details or None,
        "website": account.website or None,
        "numModels": found.repos.get("model", 0),
        "numDatasets": found.repos.get("dataset", 0),
        "numSpaces": found.repos.get("space", 0),
        "numKernels": found.repos.get("kernel", 0),
        "numCollections": found.collections,
        "numDiscussions": 0,
        "numPapers": 0,
        "numUpvotes": found.upvotes,
        "numLikes": found.likes,
        "numFollowing": found.following,
        "numFollowers": found.followers,
        **more,
        "orgs": [org(base_url, account) for account in found.orgs],
    }


def org(base_url: str, account: Account) -> dict[str, Any]:
    return {
        "_id": account.id,
        "name": account.name,
        "fullname": account.full_name or account.name,
        "avatarUrl": avatar(base_url, account),
        "type": "org",
    }


def org_overview(base_url: str, found: Overview) -> dict[str, Any]:
    """An organisation in numbers. There are no plans to buy here, so no ``plan`` is told."""
    account = found.account
    return {
        **org(base_url, account),
        "isVerified": False,
        "isFollowing": found.is_followed,
        "createdAt": wire(account.created_at),
        "details": account.details or None,
        "website": account.website or None,
        **({} if found.members is None else {"numUsers": found.members}),
        "numModels": found.repos.get("model", 0),
        "numDatasets": found.repos.get("dataset", 0),
        "numSpaces": found.repos.get("space", 0),
        "numKernels": found.repos.get("kernel", 0),
        "numCollections": found.collections,
        "numFollowers": found.followers,
        "numPapers": 0,
    }
