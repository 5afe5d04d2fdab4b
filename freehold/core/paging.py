"""Lists that go on: where a page ended, as an opaque word in the address of the next one."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from freehold.core.errors import BadRequest

MAX_NUMBER = 2**63 - 1


class BadCursor(BadRequest):
    """A page address that this hub did not write."""


@dataclass(frozen=True)
class Cursor:
    """Where a page ended: the sort value and the id of its last item. A value of None is unknown, and comes last."""

    at: datetime | int | None
    id: str


def encode(cursor: Cursor) -> str:
    at = cursor.at.astimezone(UTC).isoformat() if isinstance(cursor.at, datetime) else cursor.at
    return base64.urlsafe_b64encode(json.dumps([at, cursor.id]).encode()).rstrip(b"=").decode()


def decode(text: str, kind: type[datetime] | type[int] = datetime, *, may_be_unknown: bool = False) -> Cursor:
    """The cursor that :func:`encode` wrote over values of ``kind``; raises :class:`BadCursor` for any other text.

    ``may_be_unknown``: the values may be None.
    """
    try:
        at, identifier = json.loads(base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)))
        is_unknown = may_be_unknown and at is None
        value = datetime.fromisoformat(at) if kind is datetime and not is_unknown else at
        if not isinstance(identifier, str) or "\x00" in identifier or not (is_unknown or _is_value(value, kind)):
            raise ValueError
        if isinstance(value, datetime):
            value = value.astimezone(UTC)  # one that is in no year of UTC overflows here, not in the database
    except (binascii.Error, ValueError, TypeError, RecursionError, OverflowError) as err:
        raise BadCursor("The cursor is not one of this list: follow the Link header of the page before.") from err
    return Cursor(value, identifier[:96].encode("utf-8", "replace").decode())


def _is_value(value: object, kind: type) -> bool:
    if type(value) is not kind:  # True is an int, and not one of ours
        return False
    if isinstance(value, datetime):
        return value.tzinfo is not None
    return isinstance(value, int) and abs(value) <= MAX_NUMBER


def after(
    column: Any, identifier: Any, cursor: Cursor, *, ascending: bool = False, may_be_unknown: bool = False
) -> ColumnElement[bool]:
    """What comes after ``cursor`` in a list by ``column``, then ``identifier``; both falling unless ``ascending``.

    ``may_be_unknown``: nulls come last, whichever way the others go.
    """
    beyond = identifier > cursor.id if ascending else identifier < cursor.id
    if cursor.at is None:
        return and_(column.is_(None), beyond)
    further = column > cursor.at if ascending else column < cursor.at
    found = or_(further, and_(column == cursor.at, beyond))
    return or_(found, column.is_(None)) if may_be_unknown else found


def ordered(column: Any, identifier: Any, *, ascending: bool = False, may_be_unknown: bool = False) -> list[Any]:
    """The order that :func:`after` goes on in, for ``order_by``."""
    unknown = [column.is_(None)] if may_be_unknown else []
    return [*unknown, *((column.asc(), identifier.asc()) if ascending else (column.desc(), identifier.desc()))]
