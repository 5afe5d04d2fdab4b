"""What can go wrong, as a value the edge can answer with.

HubError
├── Unauthorized        401  no or bad credentials
├── Forbidden           403  known, but not allowed
├── NotFound            404  absent, or not to be known by this actor
├── Conflict            409  in conflict with what is there
├── Stale               412  the thing moved on since it was read
├── TooLarge            413  over a limit; says the limit
├── RangeUnsatisfiable  416  past the end
├── Malformed           422  cannot be understood
├── BadRequest          400  understood and refused
├── NotHere             501  a call that has no meaning in Freehold
├── Unavailable         503  something the hub depends on is down
├── StorageFull         507  no room left to keep the bytes
└── StorageReadOnly     507  nowhere to keep them: the data directory cannot be written

Rooms subclass these in their own ``errors.py``. Verbs raise; the edge (``core.http``) maps once.
"""

from collections.abc import Mapping


class HubError(Exception):
    """An expected failure, with everything a client and a person need to go on.

    ``code`` is stable and for machines (``X-Error-Code``); ``message`` is for people: what, which, what next.
    ``extra`` is merged into the JSON body (some clients read ``url`` from a conflict). ``field`` names what was given
    wrongly, as forms call it, so that a page says it there. ``place`` is where a person goes on: the words of a link,
    and its address on this hub.
    """

    status = 500
    code: str | None = None

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, object] | None = None,
        field: str = "",
        place: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        # Messages repeat what was sent, and JSON can spell half a character (``"\\ud800"``), which no answer can hold.
        self.message = message.encode("utf-8", "replace").decode()
        if code is not None:
            self.code = code
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})
        self.field = field
        self.place = place


class Unauthorized(HubError):
    status = 401


class Forbidden(HubError):
    status = 403


class NotFound(HubError):
    status = 404


class Conflict(HubError):
    status = 409


class Stale(HubError):
    status = 412


class TooLarge(HubError):
    status = 413


class RangeUnsatisfiable(HubError):
    status = 416

    def __init__(self, size_bytes: int) -> None:
        super().__init__(
            f"The range starts past the end: the file has {size_bytes} bytes.",
            headers={"Content-Range": f"bytes */{size_bytes}"},
        )


class Malformed(HubError):
    status = 422


class BadRequest(HubError):
    status = 400


class NotHere(HubError):
    status = 501


class Unavailable(HubError):
    status = 503


class TookTooLong(Unavailable):
    """The database was asked for more than it finds in the time that readers are given."""


class StorageFull(HubError):
    status = 507


class StorageReadOnly(HubError):
    # Not 503: clients repeat that for half a minute before they tell anyone, and it does not pass by itself.
    status = 507
