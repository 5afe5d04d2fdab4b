"""What can go wrong with cards."""

from freehold.core.errors import BadRequest


class BadFrontMatter(BadRequest):
    """The front matter is no YAML we read; the message says which rule and in what line."""


class BadCard(BadRequest):
    """A commit would publish a card whose metadata the public hub refuses too (hub-api.md 3.6)."""


class NotByForm(BadRequest):
    """The front matter is written in a way that a form cannot change without touching more than it was asked to."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"The form cannot change this card's metadata ({what[:200]}) and leave the rest as it is: use YAML."
        )
