"""Shapes on the wire. Source: protocol/hub-api.md 7, 9. Unknown keys are ignored: clients send more with each version.

Lengths are judged by ``rules``, which say what is wrong; the limits here only keep out what no person wrote.
"""

import html
from collections.abc import Collection as Some
from typing import Any

from pydantic import BaseModel, Field

from freehold.accounts.queries import avatar_path
from freehold.accounts.tables import Account
from freehold.community import rules
from freehold.community.queries.collections import Item, Shown
from freehold.community.queries.marks import Liked
from freehold.community.queries.people import Overview
from freehold.core.clock import wire

MAX_CHARS = 1 << 20


class NewCollection(BaseModel):
    title: str = Field(max_length=MAX_CHARS)
    namespace: str | None = Field(None, max_length=MAX_CHARS)
    description: str | None = Field(None, max_length=MAX_CHARS)
    private: bool = False
    theme: str | None = Field(None, max_length=MAX_CHARS)
    resourceGroupId: str | None = Field(None, max_length=MAX_CHARS)


class CollectionChanges(BaseModel):
    title: str | None = Field(None, max_length=MAX_CHARS)
    description: str | None = Field(None, max_length=MAX_CHARS)
    theme: str | None = Field(None, max_length=MAX_CHARS)
    private: bool | None = None
    position: int | None = Field(None, ge=0, le=2**31 - 1)


class Named(BaseModel):
    id: str = Field(max_length=MAX_CHARS)
    type: str = Field(max_length=MAX_CHARS)


class NewItem(BaseModel):
    item: Named
    note: str | None = Field(None, max_length=MAX_CHARS)


class ItemChanges(BaseModel):
    note: str | None = Field(None, max_length=MAX_CHARS)
    position: int | None = Field(None, ge=0, le=2**31 - 1)


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


def collection(base_url: str, shown: Shown, *, listed: bool = False) -> dict[str, Any]:
    """A collection. Lists tell no ``position``: the client puts one in, and a second raises (hub-api.md 9)."""
    found = shown.collection
    place = {} if listed else {"position": shown.position}
    description = {"description": found.description} if found.description else {}
    return {
        "slug": shown.slug,
        "title": found.title,
        **description,
        "owner": owner(base_url, found.owner),
        "private": found.is_private,
        "theme": found.theme,
        "gating": False,
        "upvotes": found.upvotes,
        "isUpvotedByUser": shown.is_upvoted,
        "lastUpdated": wire(found.updated_at),
        **place,
        "items": [_item(item, place) for place, item in enumerate(shown.items)],
    }


def _item(item: Item, position: int) -> dict[str, Any]:
    """``position`` counts among the items that are shown, so that nothing tells of the others."""
    shown: dict[str, Any] = {"_id": item.row.id, "type": item.type, "position": position}
    if item.row.note:
        shown["note"] = {"text": item.row.note, "html": f"<p>{html.escape(item.row.note)}</p>"}
    if item.repo is not None:
        repo, card = item.repo, item.card
        shown |= {
            "id": repo.path,
            "author": repo.owner.name,
            "likes": repo.likes,
            "private": repo.visibility == "private",
            "gated": repo.gated or False,
            "lastModified": wire(repo.updated_at),
        }
        if card is not None and card.pipeline_tag:
            shown["pipeline_tag"] = card.pipeline_tag
    elif item.member is not None:
        # The client takes the slug for the id where there is one; the title is for people.
        slug = rules.slug(item.member.owner.name, item.member.title, item.member.id)
        shown |= {"id": item.member.id, "slug": slug, "title": item.member.title, "upvotes": item.member.upvotes}
    else:
        shown |= {"id": item.paper}
    return shown
