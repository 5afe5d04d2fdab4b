"""What the pages of threads and comparisons show, as values; templates decide nothing beyond what is here."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from starlette.requests import Request

from freehold.access.rules import Action, Actor
from freehold.cards.changes import Inside
from freehold.content.rules import BRANCHES
from freehold.core.http import Ask, quoted
from freehold.discussions import access, comparisons, lines, queries, rules, schemas
from freehold.discussions.comparisons import Bounds, Compared
from freehold.discussions.tables import Discussion, Event
from freehold.gitkit.comparing import FileChange
from freehold.repos.access import may
from freehold.repos.heads import head
from freehold.repos.tables import Repo

GONE = "a deleted account"
#: What a page shows of a comparison.
PAGE = Bounds(files=300, lines=6_000)
#: Files beyond these are folded on a page, and those with more lines.
OPEN_FILES, OPEN_LINES = 20, 400
ICONS = {
    "commit": "commit", "force-push": "commit", "title-change": "edit", "status-change": "info",
    "locking-change": "lock", "pinning-change": "bookmark", "base-change": "branch", "base-deleted": "warning",
    "comment": "comment", "review": "check",
}  # fmt: skip
VERDICTS = {"approved": "approved this", "changes_requested": "asks for changes", "commented": "reviewed this"}


@dataclass(frozen=True)
class Rights:
    """What the visitor may do in a thread."""

    signed_in: bool
    speaks: bool
    leads: bool
    writes: bool


@dataclass(frozen=True)
class Place:
    """The line of a file that a remark is about."""

    words: str
    address: str
    excerpt: str
    is_outdated: bool


@dataclass(frozen=True)
class Reaction:
    name: str
    count: int
    is_mine: bool


@dataclass(frozen=True)
class Entry:
    """One event. ``html`` is what was said; other events have ``words`` and perhaps an ``address``."""

    id: str
    type: str
    icon: str
    by: str
    by_address: str
    at: datetime
    link: str  #: the page of the thread that shows it, at its place
    html: str
    did: str  #: what a review did; empty for a comment
    verdict: str
    is_edited: bool
    words: str
    address: str
    place: Place | None
    reactions: Sequence[Reaction]
    may_edit: bool
    may_hide: bool
    may_react: bool


@dataclass(frozen=True)
class ThreadHead:
    """The head of every page of one thread."""

    address: str
    subject: str
    num: int
    status: str
    is_pull_request: bool
    by: str
    at: datetime
    branch: str  #: what a pull request is for; empty for a discussion
    proposal: str  #: address of a pull request's files, or empty
    is_locked: bool
    is_pinned: bool
    talk: int  #: comments and reviews
    commits: int | None  #: of a pull request; None where they are gone
    files: int | None


@dataclass(frozen=True)
class FileShown:
    """One file of a comparison. ``before`` and ``after`` are the addresses of the file on each side, or empty."""

    anchor: str
    change: FileChange
    inside: Inside | None
    before: str
    after: str
    is_open: bool
    hunks: Sequence[lines.HunkShown]
    bar: Sequence[str]  #: five parts of a small bar: add, del or none

    @property
    def version(self) -> str:
        """What this change is, in a few characters: another one by the next commit."""
        return "-".join(side.oid[:8] if side else "" for side in (self.change.before, self.change.after))

    @property
    def modes(self) -> str:
        """The change of mode in words; empty when there is none to speak of."""
        before, after = self.change.before, self.change.after
        if before is None or after is None or before.mode == after.mode:
            return ""
        return f"mode {before.mode:06o} → {after.mode:06o}"


def rights(actor: Actor, repo: Repo, discussion: Discussion) -> Rights:
    writes, proposes = bool(may(actor, Action.WRITE, repo)), bool(may(actor, Action.PROPOSE, repo))
    return Rights(
        signed_in=not actor.is_anonymous,
        speaks=writes or (proposes and not discussion.is_locked),
        leads=proposes and access.may_lead(actor, repo, discussion),
        writes=writes,
    )


def thread_head(ask: Ask, repo: Repo, discussion: Discussion) -> ThreadHead:
    root = head(repo).address
    is_pull = discussion.is_pull_request
    size = comparisons.size_of_pull(ask.db, ask.kit, repo, discussion, max_files=PAGE.files) if is_pull else None
    return ThreadHead(
        address=f"{root}/discussions/{discussion.num}",
        subject=discussion.title,
        num=discussion.num,
        status=discussion.status,
        is_pull_request=is_pull,
        by=discussion.author.name if discussion.author else GONE,
        at=discussion.created_at,
        branch=(discussion.base or "").removeprefix(BRANCHES),
        proposal=f"{root}/tree/refs%2Fpr%2F{discussion.num}" if is_pull else "",
        is_locked=discussion.is_locked,
        is_pinned=discussion.is_pinned,
        talk=queries.spoken(ask.db, [discussion]).get(discussion.id, 0),
        commits=size[0] if size else None,
        files=size[1] if size else None,
    )


# ---- events ------------------------------------------------------------------------------------------------


def entries(thread: queries.Thread, actor: Actor) -> Iterator[Entry]:
    """The events of a thread; the comments of a very long one are rendered up to a point."""
    allowed = rights(actor, thread.repo, thread.discussion)
    root = head(thread.repo).address
    left = schemas.MAX_RENDERED_CHARS
    for event in thread.events:
        left -= len(event.versions[-1].text) if event.versions else 0
        yield entry(event, thread.seen, actor, allowed, root, thread.discussion, rendered=left >= 0)


def link(root: str, discussion: Discussion, event: Event) -> str:
    """Where an event is read: on the page of its thread that shows it."""
    before = rules.page_with(event.position, discussion.events)
    return f"{root}/discussions/{discussion.num}{f'?before={before}' if before else ''}#{event.id}"


def entry(
    event: Event, seen: queries.Seen, actor: Actor, allowed: Rights, root: str, of: Discussion, *, rendered: bool = True
) -> Entry:
    has_words = event.type in ("comment", "review")
    speaks = has_words and not event.is_hidden
    html = words = address = ""
    if event.is_hidden:
        words = rules.HIDDEN
    elif has_words:
        html = schemas.comment_html(event.versions[-1].text, seen.leads, rendered=rendered)
    else:
        words, address = told(event, root)
    return Entry(
        id=event.id,
        type=event.type,
        icon=ICONS[event.type],
        by=event.author.name if event.author else GONE,
        by_address=f"/{quote(event.author.name)}" if event.author else "",
        at=event.created_at,
        link=link(root, of, event),
        html=html,
        did=VERDICTS.get(event.data.get("state", ""), "") if event.type == "review" else "",
        verdict=event.data.get("state", "") if event.type == "review" else "",
        is_edited=len(event.versions) > 1,
        words=words,
        address=address,
        place=_place(event, seen, f"{root}/discussions/{of.num}/files", root),
        reactions=_reactions(event, seen),
        may_edit=speaks and allowed.speaks and access.is_author(actor, event),
        may_hide=speaks and allowed.writes,
        may_react=speaks and allowed.speaks,
    )


def told(event: Event, root: str) -> tuple[str, str]:
    """What an event without words of its own says, and where it leads."""
    data = event.data
    match event.type:
        case "commit":
            return data["subject"] or "a commit", f"{root}/commit/{data['oid']}"
        case "force-push":
            compared = f"{root}/compare/{data['from']}..{data['to']}"
            return f"replaced the commits: {data['from'][:7]} became {data['to'][:7]}, {data['subject']}", compared
        case "status-change" if data["status"] == "merged":
            oid = data.get("oid", "")
            return f"merged this{' by ' + oid[:7] if oid else ''}", f"{root}/commit/{oid}" if oid else ""
        case "status-change":
            words = {"open": "opened this", "closed": "closed this", "draft": "made this a draft"}
            return words.get(data["status"], f"marked this as {data['status']}"), ""
        case "title-change":
            return f"renamed this from “{data['from']}” to “{data['to']}”", ""
        case "base-change":
            before, after = (str(data[key]).removeprefix(BRANCHES) for key in ("from", "to"))
            return f"changed the branch it is for from {before} to {after}", ""
        case "base-deleted":
            return f"deleted the branch it is for, {str(data['base']).removeprefix(BRANCHES)}", ""
        case "locking-change":
            return "locked this: writers only" if data["locked"] else "unlocked this", ""
        case "pinning-change":
            return "pinned this" if data["pinned"] else "took this down from the top of the list", ""
    return event.type, ""


def _place(event: Event, seen: queries.Seen, files: str, root: str) -> Place | None:
    place = event.data.get("place")
    if place is None:
        return None
    is_outdated = event.id in seen.outdated
    then = f"{root}/blob/{place['oid']}/{quote(place['path'])}#L{place['line']}"
    now = f"{files}#{anchor(place['path'])}-{'R' if place['side'] == 'after' else 'L'}{place['line']}"
    side = "" if place["side"] == "after" else " before the change"
    words = f"{place['path']}, line {place['line']}{side}"
    return Place(words, then if is_outdated else now, place["excerpt"], is_outdated)


def _reactions(event: Event, seen: queries.Seen) -> list[Reaction]:
    counted = seen.reactions.get(event.id, {})
    return [Reaction(name, counted.get(name, 0), (event.id, name) in seen.mine) for name in rules.REACTIONS]


# ---- files -------------------------------------------------------------------------------------------------


def anchor(path: str) -> str:
    """A name for a file inside a page, the same on every page that shows it."""
    return "f" + hashlib.sha1(path.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()[:10]


@dataclass(frozen=True)
class View:
    """How the lines of a page stand: in one column, or the two sides ``in_columns``; ``other`` is the other way."""

    in_columns: bool
    one_column: str
    two_columns: str


def view(request: Request) -> View:
    """As the address says: ``?view=split`` for two columns. The rest of the address stays."""

    def address(way: str) -> str:
        kept = [(name, value) for name, value in request.query_params.multi_items() if name != "view"]
        return "?" + urlencode([*kept, ("view", way)])

    return View(request.query_params.get("view") == "split", address("unified"), address("split"))


def files(found: Compared, *, in_columns: bool) -> list[FileShown]:
    """The files of a comparison as a page shows them."""
    root = head(found.repo).address
    shown = []
    for number, change in enumerate(found.files.files):
        length = sum(len(hunk.lines) for hunk in change.hunks)
        shown.append(
            FileShown(
                anchor=anchor(change.path),
                change=change,
                inside=found.inside.get(change.path),
                before=_address(root, found.before, change.before.path if change.before else ""),
                after=_address(root, found.after, change.after.path if change.after else ""),
                is_open=number < OPEN_FILES and length <= OPEN_LINES,
                hunks=lines.hunks(change, in_columns=in_columns),
                bar=_bar(change),
            )
        )
    return shown


def _bar(change: FileChange) -> list[str]:
    """How much came and went, in fifths of a bar; a small change fills less of it."""
    total = change.added + change.removed
    if not total:
        return []
    filled = min(5, max(1, total))
    added = round(filled * change.added / total)
    added = min(max(added, int(change.added > 0)), filled - int(change.removed > 0 and filled > 1))
    return ["add"] * added + ["del"] * (filled - added) + ["none"] * (5 - filled)


def _address(root: str, commit: str | None, path: str) -> str:
    return f"{root}/blob/{commit}/{quote(path)}" if commit and path else ""


def patch_address(found: Compared) -> str:
    """Where the same comparison is had as git prints it."""
    root = f"/api/{head(found.repo).plural}/{found.repo.path}"
    if found.before is None:
        return f"{root}/commit/{found.after}.diff"
    return f"{root}/compare/{found.before}..{found.after}.diff"


def summary_of(found: Compared) -> str:
    """``3 files, 12 lines added, 4 removed``."""
    total, added, removed = found.files.total, found.files.added, found.files.removed
    files, lines = "file" if total == 1 else "files", "line" if added == 1 else "lines"
    return f"{total:,} {files}, {added:,} {lines} added, {removed:,} removed"


def listed_by_line(entries_shown: Sequence[tuple[Event, Entry]]) -> Mapping[tuple[str, str, int], list[Entry]]:
    """Remarks that still stand, by path, side and line."""
    found: dict[tuple[str, str, int], list[Entry]] = {}
    for event, shown in entries_shown:
        place = event.data.get("place")
        if place is not None and shown.place is not None and not shown.place.is_outdated:
            found.setdefault((place["path"], place["side"], place["line"]), []).append(shown)
    return found


def order_of(
    files_shown: Sequence[FileShown], remarks: Mapping[tuple[str, str, int], Sequence[Entry]]
) -> tuple[list[str], list[Entry]]:
    """The ids of the remarks that stand on lines shown, as they come; and the remarks on lines that are not shown."""
    order: list[str] = []
    left = dict(remarks)
    for file in files_shown if remarks else ():
        for line in (line for hunk in file.hunks for line in hunk.lines):
            order += [one.id for one in left.pop((file.change.path, line.side, line.number or 0), ())]
    return order, [one for group in left.values() for one in group]


def has_line(files_shown: Sequence[FileShown], path: str, side: str, number: int) -> bool:
    """Whether the line is on the page."""
    lines_shown = (
        line for file in files_shown if file.change.path == path for hunk in file.hunks for line in hunk.lines
    )
    return any(line.side == side and line.number == number for line in lines_shown)


def login(address: str) -> str:
    """Where somebody signs in to come back to ``address``."""
    return f"/login?next={quoted(address)}"
