"""What can go wrong with cards."""

from freehold.core.errors import BadRequest


class BadFrontMatter(BadRequest):
    """The front matter is no YAML we read; the message says which rule and in what line."""


class BadCard(BadRequest):
    """A commit would publish a card whose metadata the public hub refuses too (hub-api.md 3.6)."""
