"""What a key may look like: the one rule that keeps every store inside its own root."""

import re
from dataclasses import dataclass
from datetime import datetime

_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._\-]*(?:/[A-Za-z0-9_][A-Za-z0-9._\-]*)*")
MAX_KEY_CHARS = 512


@dataclass(frozen=True, slots=True)
class Listed:
    """An object of a store as a listing shows it."""

    key: str
    size_bytes: int
    modified_at: datetime


def is_key(text: str) -> bool:
    """Whether this could be a key: what else lies in a store is none of ours."""
    return len(text) <= MAX_KEY_CHARS and _KEY.fullmatch(text) is not None


def checked(key: str) -> str:
    """``key`` itself; a key that could leave the root, or that an S3 service would spell differently, is our bug."""
    assert len(key) <= MAX_KEY_CHARS, "keys are short"
    assert _KEY.fullmatch(key), f"not a key: {key[:80]!r}"
    return key


def folder(prefix: str) -> str:
    """``prefix`` as a folder without its trailing slash; empty for everything."""
    return checked(prefix.rstrip("/")) if prefix else ""
