"""Ids: 24 hex digits, as clients expect of ``_id``; time first, so that rows stay in order of birth."""

import secrets
from datetime import datetime

from freehold.core import clock


def new_id() -> str:
    """A fresh 24-hex id: 4 bytes of time, 8 random. Source: protocol/hub-api.md 0.6."""
    return f"{clock.epoch_s() & 0xFFFFFFFF:08x}{secrets.token_hex(8)}"


def new_secret_id() -> str:
    """32 hex digits that nobody can guess: a name that is its own key."""
    return secrets.token_hex(16)


def ordered_id() -> str:
    """A fresh 24-hex id that sorts by the microsecond of its birth: for rows that are read in the order they came."""
    return f"{id_at(clock.now())}{secrets.token_hex(5)}"


def id_at(moment: datetime) -> str:
    """What every :func:`ordered_id` of ``moment`` begins with: later ones sort after it, earlier ones before."""
    return f"{int(moment.timestamp() * 1_000_000) & 0xFFFFFFFFFFFFFF:014x}"
