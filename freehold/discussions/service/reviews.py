"""Reviews: a verdict on a pull request, and remarks on lines of its files."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.content import queries as content
from freehold.content.kit import Kit
from freehold.content.rules import PULLS
from freehold.core import events
from freehold.discussions import access, rules
from freehold.discussions.errors import BadPlace, BadText, NotPossibleNow
from freehold.discussions.events import ReviewGiven
from freehold.discussions.service import rows
from freehold.discussions.tables import Discussion, Event
from freehold.gitkit.objects import Objects
from freehold.repos.tables import Repo

MAX_FILE_BYTES = 1 << 20


@dataclass(frozen=True)
class Remark:
    """Words about line ``line`` of the file ``path``: as it is in the pull request (``after``), or was (``before``).

    ``oid`` is the commit that was looked at; empty: the newest.
    """

    path: str
    line: int
    text: str
    side: str = "after"
    oid: str = ""


def review(
    db: Session,
    kit: Kit,
    actor: Actor,
    path: str,
    num: int,
    *,
    kind: str,
    verdict: str,
    text: str = "",
    remarks: Sequence[Remark] = (),
) -> Event:
    """The actor's verdict on a pull request as it is now, with ``remarks`` on lines as comments after it.

    Nobody judges their own proposal: they may comment. Raises :class:`BadPlace` for a line that is not there.
    """
    rules.checked_verdict(verdict)
    text = rules.checked_description(text)
    if len(remarks) > rules.MAX_REMARKS:
        raise BadText(f"A review has up to {rules.MAX_REMARKS} remarks; send it as several.")
    if verdict == "commented" and not text.strip() and not remarks:
        raise BadText("A review needs a verdict or some words.")
    repo, discussion = rows.open_to(db, actor, path, num, kind)
    rules.check_unmerged(discussion.is_pull_request, discussion.status)
    if verdict != "commented" and access.is_author(actor, discussion):
        raise NotPossibleNow("Nobody judges their own proposal; leave a comment instead.")
    head, places = _places(db, kit, repo, discussion, remarks)
    event = rows.add_words(db, actor, repo, discussion, "review", text, {"state": verdict, "oid": head})
    for item, place in zip(remarks, places, strict=True):
        rows.say(db, actor, repo, discussion, rules.checked_comment(item.text), place)
    events.publish(db, ReviewGiven(repo, discussion, actor, event, verdict))
    return event


def remark(db: Session, kit: Kit, actor: Actor, path: str, num: int, *, kind: str, remark: Remark) -> Event:
    """Words about one line, without a verdict. Raises :class:`BadPlace`."""
    text = rules.checked_comment(remark.text)
    repo, discussion = rows.open_to(db, actor, path, num, kind)
    (place,) = _places(db, kit, repo, discussion, [remark])[1]
    return rows.say(db, actor, repo, discussion, text, place)


def _places(
    db: Session, kit: Kit, repo: Repo, discussion: Discussion, remarks: Sequence[Remark]
) -> tuple[str, list[dict[str, object]]]:
    """The head of the pull request, and where each remark stands."""
    rules.check_unmerged(discussion.is_pull_request, discussion.status)
    head = content.head(db, repo, f"{PULLS}{discussion.num}")
    if head is None:
        raise NotPossibleNow(f"{PULLS}{discussion.num} is gone: there is nothing to review.")
    objects = content.objects(db, repo, kit)
    branch = content.head(db, repo, discussion.base or "")
    start = (objects.merge_base(branch, head) if branch else None) or discussion.start
    return head, [_place(objects, item, head, start) for item in remarks]


def _place(objects: Objects, remark: Remark, head: str, start: str | None) -> dict[str, object]:
    """Where a remark stands, with a few lines of the file for those who read it when the file has moved on."""
    oid = remark.oid.lower() or head
    if remark.side not in ("before", "after"):
        raise BadPlace(f"{remark.side[:40]!r} is not a side; use before or after.")
    if len(oid) != 40 or not objects.has(oid) or objects.merge_base(oid, head) != oid:
        raise BadPlace(f"{oid[:40]} is not a commit of this pull request.")
    commit = oid if remark.side == "after" else start
    entry = objects.entry(commit, remark.path) if commit is not None and objects.has(commit) else None
    if entry is None or entry.kind != "file" or entry.pointer is not None or entry.size_bytes > MAX_FILE_BYTES:
        raise BadPlace(f"{remark.path[:200]!r} has no lines to speak about at {oid[:10]}.")
    lines = objects.blob(entry.oid).decode("utf-8", "replace").split("\n")
    if not 1 <= remark.line <= len(lines):
        raise BadPlace(f"{remark.path[:200]!r} has {len(lines)} lines; there is no line {remark.line}.")
    above = lines[max(0, remark.line - rules.EXCERPT_LINES) : remark.line]
    excerpt = "\n".join(line[: rules.EXCERPT_CHARS].replace("\x00", "\ufffd") for line in above)
    place = {"path": remark.path, "line": remark.line, "side": remark.side}
    return {**place, "oid": oid, "blob": entry.oid, "excerpt": excerpt}
