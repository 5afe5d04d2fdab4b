"""A shortlist becomes a collection: with each model why it is on the list."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.choosing.shortlist import Pick
from freehold.community.queries.collections import slug
from freehold.community.service import collections, items


def save(db: Session, actor: Actor, title: str, address: str, picks: Sequence[Pick]) -> str:
    """The slug of a new collection of ``actor``'s, private, with these models in their order.

    ``address`` of the questions stands in its description. Raises what ``collections.create`` raises.
    """
    made = collections.create(db, actor, title, description=f"Chosen by {address}"[:1_000], private=True)
    name = slug(made)
    for pick in picks:
        told = "; ".join(pick.why)
        items.add(db, actor, name, "model", pick.row.path, note=f"{told[:1].upper()}{told[1:]}."[:1_000])
    return name
