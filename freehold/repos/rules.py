"""Kinds and names of repositories. Pure."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from freehold.core.errors import BadRequest
from freehold.repos.errors import BadRepoName

#: kind -> (plural in the API, prefix of pages and files). Source: protocol/hub-api.md, head.
KINDS: dict[str, tuple[str, str]] = {
    "model": ("models", ""),
    "dataset": ("datasets", "datasets/"),
    "space": ("spaces", "spaces/"),
    "kernel": ("kernels", "kernels/"),
}
KIND_OF_PLURAL = {plural: kind for kind, (plural, _) in KINDS.items()}
SDKS = ("gradio", "streamlit", "docker", "static")
VISIBILITIES = ("public", "private")
NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?")


def checked_name(name: str) -> str:
    """``name`` if a repository may be called so; raises :class:`BadRepoName` saying why not (hub-api.md 0.6)."""
    if not NAME.fullmatch(name) or "--" in name or ".." in name or name.lower().endswith(".git"):
        raise BadRepoName(
            f"{name[:100]!r} cannot be a repository's name: use 1 to 96 letters, digits, '-', '_' or '.', not starting "
            "or ending with '-' or '.', without '--' or '..', not ending in '.git'."
        )
    return name


def suggested_name(name: str) -> str:
    """A name like ``name`` that a repository may have; empty where nothing of it can stay."""
    plain = unicodedata.normalize("NFKD", name[:200].strip()).encode("ascii", "ignore").decode()
    plain = re.sub(r"\.{2,}", ".", re.sub(r"-{2,}", "-", re.sub(r"[^A-Za-z0-9._-]+", "-", plain)))
    plain = re.sub(r"(?:\.git)+$", "", plain, flags=re.IGNORECASE).strip("-.")[:96].strip("-.")
    try:
        return checked_name(plain)
    except BadRepoName:
        return ""


def checked_kind(kind: str) -> str:
    if kind not in KINDS:
        raise BadRepoName(f"{kind[:40]!r} is not a kind of repository; use {', '.join(KINDS)}.")
    return kind


def page_path(kind: str, path: str) -> str:
    """The address of a repository's page, from the root: ``/datasets/ns/name``."""
    return f"/{KINDS[kind][1]}{path}"


def api_path(kind: str, path: str) -> str:
    return f"/api/{KINDS[kind][0]}/{path}"


# ---- gates -------------------------------------------------------------------------------------------------

GATINGS = ("", "auto", "manual")
MAX_GRACE_DAYS = 365
_ADDRESS = re.compile(r"[^\s@<>\x00-\x1f]{1,64}@[^\s@<>\x00-\x1f]{1,255}")


@dataclass(frozen=True)
class GateSettings:
    """How a gate is kept.

    ``renew``: when its terms change, whoever agreed to others has ``grace_days`` to agree anew (*required*), or is told
    and stays (*notified*). ``notify_mode``: the owner hears of requests once a day (*bulk*) or at once (*real-time*),
    at ``notify_email`` (None: at its own address). Source: hub-docs models-gated.md.
    """

    renew: str = "required"
    grace_days: int = 14
    notify_mode: str = "real-time"
    notify_email: str | None = None

    def __post_init__(self) -> None:
        if self.renew not in ("required", "notified"):
            raise BadRequest(f"{self.renew[:40]!r} is not a way of renewing; use required or notified.")
        if not 0 <= self.grace_days <= MAX_GRACE_DAYS:
            raise BadRequest(f"The days to agree to new terms are 0 to {MAX_GRACE_DAYS}.")
        if self.notify_mode not in ("bulk", "real-time"):
            raise BadRequest(f"{self.notify_mode[:40]!r} is not a way of notifying; use bulk or real-time.")
        if self.notify_email is not None and not _ADDRESS.fullmatch(self.notify_email):
            raise BadRequest(f"{self.notify_email[:80]!r} is not an address for mail.")


@dataclass(frozen=True)
class GateChanges:
    """Settings of a gate to change; None leaves one as it is, an empty address takes it away."""

    renew: str | None = None
    grace_days: int | None = None
    notify_mode: str | None = None
    notify_email: str | None = None

    def applied(self, before: GateSettings) -> GateSettings:
        """What is set afterwards. Raises :class:`BadRequest` saying what a setting may be."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        if given.get("notify_email") == "":
            given["notify_email"] = None
        return replace(before, **given)


class Admitted(Protocol):
    """One account's admission, as far as the gate looks at it."""

    account_id: str
    status: str
    ends_at: datetime | None


class Standing(StrEnum):
    """Where somebody stands at a gate, everything considered."""

    STRANGER = "stranger"
    PENDING = "pending"
    THROUGH = "through"
    LAPSED = "lapsed"  # the terms changed and were not agreed to in time
    REJECTED = "rejected"


def standing(person_id: str, admissions: Iterable[Admitted], now: datetime) -> Standing:
    """Where the person stands, by its own admission and those of its organisations.

    An owner's no to a person outweighs what an organisation got for all its members.
    """
    found = list(admissions)
    if any(one.account_id == person_id and one.status == "rejected" for one in found):
        return Standing.REJECTED
    accepted = [one for one in found if one.status == "accepted"]
    if any(one.ends_at is None or one.ends_at > now for one in accepted):
        return Standing.THROUGH
    if accepted:
        return Standing.LAPSED
    return Standing.PENDING if any(one.status == "pending" for one in found) else Standing.STRANGER
