"""Forms that were refused: what is wrong, and at which of their fields it is said."""

from collections.abc import Mapping
from dataclasses import dataclass

from freehold.core.errors import HubError


@dataclass(frozen=True)
class Wrong:
    """Why a form was refused. ``at`` names the field, ``form.field`` where a page has several forms; empty: above."""

    text: str = ""
    at: str = ""


def wrong(err: HubError, *fields: str, form: str = "", called: Mapping[str, str] | None = None) -> Wrong:
    """``err`` at its field if that is one of ``fields``; ``called`` renames it where this form calls it otherwise."""
    field = (called or {}).get(err.field, err.field)
    known = field and field in fields
    return Wrong(err.message, f"{form}.{field}" if known and form else field if known else "")


FINE = Wrong()
