"""What can go wrong while listing."""

from freehold.core.errors import BadRequest


class BadExpand(BadRequest):
    """An unknown property was asked for; the answer lists the known ones, and the client's tests read that list."""


class BadCursor(BadRequest):
    """A page address that this hub did not write."""
