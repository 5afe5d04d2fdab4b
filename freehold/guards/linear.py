"""Patterns that people write, matched in time that grows with the text alone.

Python's own engine goes back and forth and can take for ever; pydantic brings one in Rust that cannot, since it knows
no looking around and no references back. Source: docs.rs/regex, "Untrusted input".
"""

from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from freehold.guards.errors import BadGuard

MAX_PATTERN = 500


class Pattern:
    """A pattern, to be looked for."""

    def __init__(self, adapter: TypeAdapter[Any]) -> None:
        self._validator = adapter.validator

    def is_in(self, text: str) -> bool:
        """Whether the pattern is anywhere in ``text``."""
        return self._validator.isinstance_python(text)


@lru_cache(maxsize=256)
def compiled(text: str) -> Pattern:
    """``text`` as a pattern. Raises :class:`BadGuard` for what is none, looks around or refers back."""
    if not text or len(text) > MAX_PATTERN:
        raise BadGuard(f"A pattern has 1 to {MAX_PATTERN} characters.")
    try:
        return Pattern(TypeAdapter(Annotated[str, Field(pattern=text)]))
    except Exception as err:  # one of pydantic's core, which pydantic itself gives no name to
        said = str(err).strip().splitlines()[-1].strip()[:200]
        raise BadGuard(f"This is no pattern that can be matched in bounded time: {said}.") from err
