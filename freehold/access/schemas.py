"""Shapes on the wire. Source: protocol/hub-api.md 7."""

from typing import Any

from pydantic import BaseModel


class WhoAmI(BaseModel):
    """Who the caller is; ``hf auth whoami`` needs ``orgs``, the client needs ``type`` and ``name``."""

    type: str
    id: str
    name: str
    fullname: str
    email: str | None
    emailVerified: bool
    isPro: bool
    canPay: bool
    avatarUrl: str
    orgs: list[dict[str, Any]]
    auth: dict[str, Any]
