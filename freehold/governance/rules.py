"""The words of the trail, its chain, and cells that no spreadsheet runs. Pure."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

#: By code, what is said of an entry: ``alice`` *made* ``model alice/m``.
VERBS: dict[str, str] = {
    "person.made": "made the person",
    "person.changed": "changed the profile of",
    "person.disabled": "locked out",
    "person.enabled": "let back in",
    "person.admin": "made an administrator of",
    "person.no-admin": "took administration from",
    "person.deleted": "deleted the person",
    "session.opened": "signed in",
    "session.refused": "failed to sign in as",
    "session.ended": "ended sessions of",
    "password.changed": "changed the password of",
    "link.made": "made a sign-in link for",
    "token.made": "made the token",
    "token.revoked": "revoked the token",
    "program.let-in": "let in the program",
    "program.shut-out": "shut out the program",
    "org.made": "made the organisation",
    "org.changed": "changed the organisation",
    "org.deleted": "deleted the organisation",
    "org.taken-over": "took over the organisation",
    "member.added": "added to the organisation",
    "member.role": "changed the role of",
    "member.removed": "removed from the organisation",
    "member.invited": "invited",
    "repo.made": "made",
    "repo.moved": "moved",
    "repo.changed": "changed the settings of",
    "repo.deleted": "deleted",
    "repo.copied": "copied",
    "repo.erased": "erased files of",
    "ref.forced": "rewrote a ref of",
    "ref.deleted": "deleted a ref of",
    "comment.hidden": "hid a comment of",
    "access.given": "gave access to",
    "access.refused": "refused access to",
    "access.ended": "ended access to",
    "space.changed": "changed the Space",
    "webhook.made": "made a webhook to",
    "webhook.changed": "changed a webhook to",
    "webhook.enabled": "enabled a webhook to",
    "webhook.disabled": "disabled a webhook to",
    "webhook.deleted": "deleted a webhook to",
    "endpoint.deployed": "deployed",
    "endpoint.changed": "changed the endpoint",
    "endpoint.removed": "removed the endpoint",
    "route.made": "made the route",
    "route.changed": "changed the route",
    "route.guards": "changed the guards of",
    "route.enabled": "switched on the route",
    "route.disabled": "switched off the route",
    "route.deleted": "deleted the route",
    "pipeline.served": "served the pipeline",
    "pipeline.changed": "changed the pipeline",
    "pipeline.stopped": "stopped the pipeline",
    "batch.begun": "began the batch",
    "batch.stopped": "stopped the batch",
    "batch.resumed": "went on with the batch",
    "bounds.changed": "changed budgets or limits of",
    "price.changed": "changed the price of",
    "content.erased": "erased what calls asked and answered, kept by",
    "content.erased_own": "erased what they asked and were answered, as",
    "task.retried": "retried the task",
    "task.dropped": "dropped the task",
    "upkeep.asked": "asked for upkeep",
    "choice.changed": "changed the setting",
    "trail.pruned": "pruned",
}
#: What verbs are about, for the filter: the part before the dot.
SUBJECTS = tuple(dict.fromkeys(verb.partition(".")[0] for verb in VERBS))

MAX_DETAIL_CHARS = 200
MAX_DETAILS = 12
NO_LINK = "0" * 64


def words(verb: str) -> str:
    return VERBS.get(verb, verb)


def details(values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` as an entry keeps them: few, short and plain."""
    return {name: _plain(value) for name, value in list(values.items())[:MAX_DETAILS] if value not in (None, "", ())}


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int):
        return value
    if isinstance(value, list | tuple):
        return [text(str(item), MAX_DETAIL_CHARS) for item in value[:20]]
    return text(str(value), MAX_DETAIL_CHARS)


def text(value: str, most: int) -> str:
    """``value`` cut to ``most`` characters, without what a database cannot keep."""
    return value.replace("\x00", "�").encode("utf-8", "replace").decode()[:most]


def digest(before: str, entry: Mapping[str, Any]) -> str:
    """The digest of the link that ties ``entry`` (its columns) to the link whose digest is ``before``: SHA-256."""
    line = json.dumps(entry, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(f"{before}\n{line}".encode()).hexdigest()


def page_of(kind: str, name: str) -> str:
    """Where a thing of the trail has its page; empty: it has none."""
    if kind in ("user", "org"):
        return f"/{quote(name)}"
    plural = {
        "model": "", "dataset": "datasets/", "space": "spaces/", "kernel": "kernels/",
        "route": "routes/", "pipeline": "pipelines/",
    }.get(kind)  # fmt: skip
    return f"/{plural}{quote(name)}" if plural is not None else ""


# ---- owners as parcels ---------------------------------------------------------------------------------------

PLAN_WIDTH, PLAN_HEIGHT = 276.0, 136.0
MAX_LOTS = 3


@dataclass(frozen=True)
class Lot:
    """A parcel of the plan: its corner and its sides, as large as ``size`` is of all of them."""

    name: str
    size: int
    x: float
    y: float
    width: float
    height: float


def plan(owners: Sequence[tuple[str, int]]) -> list[Lot]:
    """The largest of ``owners`` (largest first) and all others together, as parcels of one plan."""
    shown = [(name, size) for name, size in owners if size > 0]
    rest = sum(size for _, size in shown[MAX_LOTS:])
    shown = shown[:MAX_LOTS] + ([("others", rest)] if rest else [])
    lots, x, y, width, height = [], 0.0, 0.0, PLAN_WIDTH, PLAN_HEIGHT
    for place, (name, size) in enumerate(shown):
        share = size / sum(other for _, other in shown[place:])
        # Across where what is left is wide, down where it is tall: no parcel becomes a sliver without need.
        w, h = (width * share, height) if width >= height else (width, height * share)
        lots.append(Lot(name, size, round(x, 1), round(y, 1), round(w, 1), round(h, 1)))
        if width >= height:
            x, width = x + w, width - w
        else:
            y, height = y + h, height - h
    return lots


# ---- settings ------------------------------------------------------------------------------------------------

_SECRET = re.compile(r"secret|password|sealing_key|access_key")
_IN_ADDRESS = re.compile(r"(?<=//)([^/@:\s]*):[^/@\s]*@")


def masked(name: str, value: str) -> str:
    """The value of the setting ``name`` as it may be shown: no key, and no password inside an address."""
    if _SECRET.search(name):
        return "set, not shown" if value else ""
    return _IN_ADDRESS.sub(r"\1:…@", value)
