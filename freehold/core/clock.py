"""The time, in one place, so that a test can stop it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

_frozen: datetime | None = None


def now() -> datetime:
    """The current time, UTC, aware, to the microsecond."""
    return _frozen or datetime.now(UTC)


def epoch_s() -> int:
    """The current time in whole seconds since 1970, as signatures and tokens carry it."""
    return int(now().timestamp())


def wire(moment: datetime) -> str:
    """A moment as the clients parse it: ``YYYY-MM-DDTHH:MM:SS.mmmZ``.

    A ``+00:00`` suffix raises in the client. Source: protocol/hub-api.md 0.6.
    """
    utc = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc.microsecond // 1000:03d}Z"


@contextmanager
def frozen(moment: datetime) -> Iterator[None]:
    """Stop the clock at ``moment`` inside the block (tests)."""
    global _frozen
    before, _frozen = _frozen, moment
    try:
        yield
    finally:
        _frozen = before
