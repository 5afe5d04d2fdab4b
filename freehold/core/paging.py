"""Lists that go on: where a page ended, as an opaque word in the address of the next one."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from freehold.core.errors import BadRequest

MAX_NUMBER = 2**31 - 1


class BadCursor(BadRequest):
    """A page address that this hub did not write."""


@dataclass(frozen=True)
class Cursor:
    """Where a page ended: the sort value and the id of its last item."""

    at: datetime | int
    id: str


def encode(cursor: Cursor) -> str:
    at = cursor.at if isinstance(cursor.at, int) else cursor.at.astimezone(UTC).isoformat()
    return base64.urlsafe_b64encode(json.dumps([at, cursor.id]).encode()).rstrip(b"=").decode()


def decode(text: str, kind: type[datetime] | type[int] = datetime) -> Cursor:
    """The cursor that :func:`encode` wrote over values of ``kind``; raises :class:`BadCursor` for any other text."""
    try:
        at, identifier = json.loads(base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)))
        value = datetime.fromisoformat(at) if kind is datetime else at
        if not isinstance(identifier, str) or "\x00" in identifier or not _is_value(value, kind):
            raise ValueError
    except (binascii.Error, ValueError, TypeError, RecursionError, OverflowError) as err:
        raise BadCursor("The cursor is not one of this list: follow the Link header of the page before.") from err
    return Cursor(value, identifier[:96].encode("utf-8", "replace").decode())


def _is_value(value: object, kind: type) -> bool:
    if type(value) is not kind:  # True is an int, and not one of ours
        return False
    if isinstance(value, datetime):
        return value.tzinfo is not None
    return isinstance(value, int) and abs(value) <= MAX_NUMBER


def after(column: Any, identifier: Any, cursor: Cursor, *, ascending: bool = False) -> ColumnElement[bool]:
    """What comes after ``cursor`` in a list by ``column``, then ``identifier``; both falling unless ``ascending``."""
    if ascending:
        return or_(column > cursor.at, and_(column == cursor.at, identifier > cursor.id))
    return or_(column < cursor.at, and_(column == cursor.at, identifier < cursor.id))
