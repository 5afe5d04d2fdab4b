"""Budgets, limits and prices as they are on the wire. Money is in millionths of the instance's currency."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from freehold.usage.queries.bounds import Bounded
from freehold.usage.queries.kept import Opened
from freehold.usage.rules import Rate
from freehold.usage.service.bounding import Bounds
from freehold.usage.tables import Price

MOST = 10**15


class BoundBody(BaseModel):
    """``subject``: ``account``, ``person:ID`` or ``token:ID``; ``account`` ``*``: each account without a limit."""

    model_config = ConfigDict(extra="forbid")  # what is left out is not bounded: a slip of the pen would open it

    account: str = Field("", max_length=96)
    subject: str = Field("account", max_length=64)
    amount_micros: int | None = Field(None, ge=0, le=MOST)
    is_hard: bool = False
    calls_per_minute: int | None = Field(None, ge=1, le=MOST)
    tokens_per_minute: int | None = Field(None, ge=1, le=MOST)

    def bounds(self) -> Bounds:
        return Bounds(self.amount_micros, self.is_hard, self.calls_per_minute, self.tokens_per_minute)


class PriceBody(BaseModel):
    """Of a served ``name``, of a ``model``, or the ``default`` one. ``remove``: it has none of its own any more."""

    model_config = ConfigDict(extra="forbid")  # what is left out is free

    kind: Literal["name", "model", "default"] = "default"
    name: str = Field("", max_length=300)
    input_price: int = Field(0, ge=0, le=MOST)
    cached_price: int | None = Field(None, ge=0, le=MOST)
    output_price: int = Field(0, ge=0, le=MOST)
    second_price: int = Field(0, ge=0, le=MOST)
    remove: bool = False

    def rate(self) -> Rate | None:
        if self.remove:
            return None
        cached = self.input_price if self.cached_price is None else self.cached_price
        return Rate(self.input_price, cached, self.output_price, self.second_price)


def bounded(one: Bounded) -> dict[str, Any]:
    return {
        "subject": one.subject.value,
        "label": one.subject.label,
        "amount_micros": one.amount_micros,
        "is_hard": one.is_hard,
        "spent_micros": one.spent_micros,
        "calls_per_minute": one.calls,
        "tokens_per_minute": one.tokens,
    }


def price(one: Price) -> dict[str, Any]:
    kind, _, name = one.key.partition(":")
    return {
        "kind": kind,
        "name": name,
        "input_price": one.input_price,
        "cached_price": one.cached_price,
        "output_price": one.output_price,
        "second_price": one.second_price,
    }


def kept_call(one: Opened) -> dict[str, Any]:
    return {
        "id": one.id,
        "at": one.at.isoformat(),
        "expiresAt": one.expires_at.isoformat(),
        "kind": one.kind,
        "name": one.served_name or None,
        "owner": one.owner,
        "person": one.user or None,
        "requestId": one.request_id,
        "asked": one.asked,
        "answered": one.answered,
        "cut": one.is_cut,
    }
