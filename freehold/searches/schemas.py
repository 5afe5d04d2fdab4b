"""Saved searches on the wire: calls of our own."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from freehold.core import clock
from freehold.searches import queries
from freehold.searches.queries import Standing


class SearchBody(BaseModel):
    """``query`` is that of a list's address: ``filter=license:mit&num_parameters=max:1B``."""

    name: str = Field(max_length=1000)
    kind: Literal["model", "dataset", "space"] = "model"
    query: str = Field("", max_length=4000)
    page: bool = True
    mail: Literal["none", "soon", "daily"] = "none"


class SearchChange(BaseModel):
    """What to change; what is absent stays."""

    name: str | None = Field(None, max_length=1000)
    page: bool | None = None
    mail: Literal["none", "soon", "daily"] | None = None
    paused: bool | None = None


def search(standing: Standing, hub: str) -> dict[str, Any]:
    one = standing.search
    return {
        "id": one.id,
        "name": one.name,
        "kind": one.kind,
        "query": one.query,
        "url": hub + queries.address(one),
        "page": one.in_page,
        "mail": one.mail,
        "paused": one.is_paused,
        "matches": standing.matches,
        "new": standing.new,
        "problem": standing.problem or None,
        "createdAt": clock.wire(one.created_at),
        "lookedAt": clock.wire(one.looked_at),
    }
