"""Reads of threads. Nothing here writes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Select, String, and_, cast, exists, func, literal, or_, select
from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.accounts.tables import Account
from freehold.content import queries as content
from freehold.content.errors import RevisionNotFound
from freehold.content.kit import Kit
from freehold.content.rules import BRANCHES, PULLS
from freehold.content.service.merging import compared
from freehold.content.tables import Ref
from freehold.discussions import references, rules
from freehold.discussions.errors import CommentNotFound, DiscussionNotFound
from freehold.discussions.tables import CommentVersion, Discussion, Event, Reaction
from freehold.gitkit.patches import patch
from freehold.repos import service as repos
from freehold.repos.access import visible
from freehold.repos.tables import Repo


@dataclass(frozen=True)
class Listing:
    """Which threads are asked for: ``kind`` is all, discussion or pull_request; ``page`` counts from 0.

    ``words`` are looked for in titles, each on its own; ``sort`` is new, old or busy.
    """

    kind: str = "all"
    status: str = "all"
    author: str = ""
    page: int = 0
    words: str = ""
    sort: str = "new"


@dataclass(frozen=True)
class Found:
    """One page of threads, newest first: ``total`` of them there are, ``start`` come before this page."""

    repo: Repo
    discussions: Sequence[Discussion]
    start: int
    total: int


@dataclass(frozen=True)
class Changes:
    """What a pull request would do to its branch. ``conflicts`` None: one of the two is gone.

    ``diff`` is None where it was not asked for, or there is nothing to compare with. ``is_behind``: the branch has
    commits that it lacks; ``is_empty``: it has none of its own.
    """

    conflicts: Sequence[str] | None
    diff: str | None
    is_behind: bool = False
    is_empty: bool = False


@dataclass(frozen=True)
class Seen:
    """What events show beside their own rows, to one reader.

    ``leads``: addresses by the words that refer to them; ``reactions``: how many think what of which event; ``mine``:
    (event, reaction) of the reader's own; ``outdated``: remarks on lines that have changed since.
    """

    leads: Mapping[str, str] = field(default_factory=dict)
    reactions: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    mine: Collection[tuple[str, str]] = ()
    outdated: Collection[str] = ()


@dataclass(frozen=True)
class Thread:
    """A discussion with everything in it; ``changes`` of a pull request only."""

    repo: Repo
    discussion: Discussion
    events: Sequence[Event]
    changes: Changes | None
    seen: Seen = Seen()


def listed(db: Session, actor: Actor, path: str, wanted: Listing, *, kind: str) -> Found:
    """One page of the threads of a repository that ``actor`` may read."""
    repo = repos.load(db, actor, path, Action.READ, kind=kind)
    query = _narrowed(select(Discussion).where(Discussion.repo_id == repo.id), wanted)
    total = db.scalar(select(func.count()).select_from(query.subquery())) or 0
    start = wanted.page * rules.PAGE
    rows = db.scalars(query.order_by(*_ORDERS[wanted.sort]).offset(start).limit(rules.PAGE))
    return Found(repo, list(rows), start, total)


_ORDERS = {
    "new": (Discussion.num.desc(),),
    "old": (Discussion.num,),
    "busy": (Discussion.events.desc(), Discussion.num.desc()),
}


def by_status(db: Session, repo: Repo, wanted: Listing) -> dict[str, int]:
    """How many threads there are of each status, as far as the rest of ``wanted`` has them."""
    mine = select(Discussion.status, func.count()).where(Discussion.repo_id == repo.id).group_by(Discussion.status)
    found = {str(status): int(number) for status, number in db.execute(_narrowed(mine, replace(wanted, status="all")))}
    return {word: sum(found.get(one, 0) for one in of or found) for word, of in rules.STATUSES.items()}


def spoken(db: Session, discussions: Sequence[Discussion]) -> Mapping[str, int]:
    """How many comments and reviews each of these holds, by its id. An opening without words is none."""
    has_words = exists().where(CommentVersion.event_id == Event.id, CommentVersion.text != "")
    said = or_(Event.type == "review", and_(Event.type == "comment", or_(has_words, Event.is_hidden)))
    counted = select(Event.discussion_id, func.count()).where(
        Event.discussion_id.in_([one.id for one in discussions]), said
    )
    return {str(of): int(number) for of, number in db.execute(counted.group_by(Event.discussion_id))}


def pinned(db: Session, repo: Repo) -> list[Discussion]:
    """The threads that stand above the list."""
    mine = select(Discussion).where(Discussion.repo_id == repo.id, Discussion.is_pinned)
    return list(db.scalars(mine.order_by(Discussion.num.desc())))


def counts(db: Session, repo: Repo) -> tuple[int, int]:
    """How many threads are open (drafts too), and how many there are."""
    mine = select(func.count()).where(Discussion.repo_id == repo.id)
    return open_count(db, repo.id), db.scalar(mine) or 0


def open_count(db: Session, repo_id: str) -> int:
    """How many threads are open, drafts too."""
    mine = select(func.count()).where(Discussion.repo_id == repo_id)
    return db.scalar(mine.where(Discussion.status.in_(rules.STATUSES["open"]))) or 0


def thread(
    db: Session, kit: Kit, actor: Actor, path: str, num: int, *, kind: str, with_changes: bool, with_diff: bool = False
) -> Thread:
    """A thread that ``actor`` may read. Raises :class:`DiscussionNotFound`."""
    repo = repos.load(db, actor, path, Action.READ, kind=kind)
    discussion = numbered(db, repo, num)
    told = list(db.scalars(_events(discussion).order_by(Event.position)))
    looks = with_changes and discussion.is_pull_request
    changes = _changes(db, kit, repo, discussion, with_diff) if looks else None
    return Thread(repo, discussion, told, changes, seen(db, kit, actor, repo, discussion, told))


def part_of_thread(
    db: Session, kit: Kit, actor: Actor, path: str, num: int, *, kind: str, before: int | None = None
) -> Thread:
    """As :func:`thread`, but of its events only the first and the last ones at positions below ``before``."""
    repo = repos.load(db, actor, path, Action.READ, kind=kind)
    discussion = numbered(db, repo, num)
    newest = _events(discussion).order_by(Event.position.desc()).limit(rules.ENTRIES_SHOWN)
    told = list(db.scalars(newest if before is None else newest.where(Event.position < before)))[::-1]
    if not told or told[0].position > 1:
        told = [*db.scalars(_events(discussion).where(Event.position == 1)), *told]
    changes = _changes(db, kit, repo, discussion, False) if discussion.is_pull_request else None
    return Thread(repo, discussion, told, changes, seen(db, kit, actor, repo, discussion, told))


def remarks(db: Session, kit: Kit, actor: Actor, path: str, num: int, *, kind: str) -> Thread:
    """A pull request with what was said about its lines, and nothing else of it."""
    repo, discussion = pull(db, actor, path, num, kind=kind)
    on_lines = _events(discussion).where(Event.type == "comment", Event.data["place"]["path"].as_string().is_not(None))
    told = list(db.scalars(on_lines.order_by(Event.position)))
    return Thread(repo, discussion, told, None, seen(db, kit, actor, repo, discussion, told))


def reviews(db: Session, discussion: Discussion) -> list[Event]:
    """The reviews of a thread, oldest first."""
    return list(db.scalars(_events(discussion).where(Event.type == "review").order_by(Event.position)))


def _events(discussion: Discussion) -> Select[Event]:
    return select(Event).where(Event.discussion_id == discussion.id)


def one_event(db: Session, kit: Kit, actor: Actor, event: Event) -> Seen:
    """As :func:`seen`, for an event that a verb gave back."""
    discussion = db.get_one(Discussion, event.discussion_id)
    return seen(db, kit, actor, db.get_one(Repo, discussion.repo_id), discussion, [event])


def seen(db: Session, kit: Kit, actor: Actor, repo: Repo, discussion: Discussion, events: Sequence[Event]) -> Seen:
    """What ``actor`` sees of ``events`` beside their rows."""
    texts = [event.versions[-1].text for event in events if event.versions]
    leads = references.resolved(db, kit, actor, repo, texts)
    counts, mine = _reactions(db, actor, [event.id for event in events])
    return Seen(leads, counts, mine, _outdated(db, kit, repo, discussion, events))


def _reactions(
    db: Session, actor: Actor, event_ids: Sequence[str]
) -> tuple[dict[str, dict[str, int]], set[tuple[str, str]]]:
    counts: dict[str, dict[str, int]] = {}
    here = Reaction.event_id.in_(event_ids)
    grouped = (
        select(Reaction.event_id, Reaction.name, func.count()).where(here).group_by(Reaction.event_id, Reaction.name)
    )
    for event_id, name, number in db.execute(grouped):
        counts.setdefault(event_id, {})[name] = number
    if actor.is_anonymous or not counts:
        return counts, set()
    own = db.execute(select(Reaction.event_id, Reaction.name).where(here, Reaction.account_id == actor.id))
    return counts, {(event_id, name) for event_id, name in own}


def _outdated(db: Session, kit: Kit, repo: Repo, discussion: Discussion, events: Iterable[Event]) -> set[str]:
    """Remarks whose file is no longer what they spoke about. Those on the side before stay: history does."""
    remarks = [event for event in events if "place" in event.data and event.data["place"]["side"] == "after"]
    head = content.head(db, repo, f"{PULLS}{discussion.num}") if remarks else None
    if head is None:
        return {event.id for event in remarks}
    objects = content.objects(db, repo, kit)
    paths = {event.data["place"]["path"] for event in remarks}
    now = {path: entry.oid for path in paths if (entry := objects.entry(head, path)) is not None}
    return {event.id for event in remarks if now.get(event.data["place"]["path"]) != event.data["place"]["blob"]}


def opened_by(db: Session, actor: Actor, account_id: str) -> int:
    """How many threads somebody opened, in repositories that ``actor`` may know of."""
    query: Any = select(func.count(Discussion.id)).join(Repo, Repo.id == Discussion.repo_id)
    return db.scalar(visible(query.where(Discussion.author_id == account_id), actor)) or 0


def numbered(db: Session, repo: Repo, num: int, *, locked: bool = False) -> Discussion:
    """The thread ``num``; ``locked`` keeps it from changing until the transaction ends."""
    found = find(db, repo, num, locked=locked)
    if found is None:
        raise DiscussionNotFound(num)
    return found


def find(db: Session, repo: Repo, num: int, *, locked: bool = False) -> Discussion | None:
    """As :func:`numbered`; None when there is no such thread."""
    if not 0 < num <= rules.MAX_NUM:
        return None
    query = select(Discussion).where(Discussion.repo_id == repo.id, Discussion.num == num)
    # SQLite has one writer, which is a lock in itself.
    return db.scalar(query.with_for_update(of=Discussion) if locked else query)


def pull(db: Session, actor: Actor, path: str, num: int, *, kind: str) -> tuple[Repo, Discussion]:
    """A pull request that ``actor`` may read. Raises :class:`DiscussionNotFound` for a mere discussion too."""
    repo = repos.load(db, actor, path, Action.READ, kind=kind)
    discussion = numbered(db, repo, num)
    if not discussion.is_pull_request:
        raise DiscussionNotFound(num)
    return repo, discussion


def one_comment(
    db: Session, actor: Actor, path: str, num: int, comment_id: str, *, kind: str
) -> tuple[Repo, Discussion, Event]:
    """A comment or review with all it ever said, for whoever may read it. Raises :class:`CommentNotFound`."""
    repo = repos.load(db, actor, path, Action.READ, kind=kind)
    discussion = numbered(db, repo, num)
    return repo, discussion, with_words(db, discussion, comment_id)


def with_words(db: Session, discussion: Discussion, comment_id: str) -> Event:
    """A comment or a review of the thread. Raises :class:`CommentNotFound`."""
    query = select(Event).where(Event.discussion_id == discussion.id, Event.id == comment_id.lower()[:24])
    event = db.scalar(query.where(Event.type.in_(("comment", "review"))))
    if event is None:
        raise CommentNotFound(discussion.num)
    return event


def other_branches(db: Session, repo: Repo, base: str | None) -> list[str]:
    """The names of some branches that a pull request to ``base`` could be for instead."""
    return [
        name.removeprefix(BRANCHES) for name in content.branch_names(db, repo, rules.MAX_BRANCHES_SHOWN) if name != base
    ]


def waiting_for(db: Session, repo: Repo, ref: str) -> list[Discussion]:
    """The newest open pull requests to the branch ``ref``, held, in the order of their numbers."""
    mine = select(Discussion).where(Discussion.repo_id == repo.id, Discussion.base == ref)
    newest = mine.where(Discussion.status.in_(("open", "draft"))).order_by(Discussion.num.desc())
    found = db.scalars(newest.limit(rules.MAX_WAITING).with_for_update(of=Discussion))
    return sorted(found, key=lambda discussion: discussion.num)


def brought_by(db: Session, repo: Repo, oid: str) -> Discussion | None:
    """The pull request whose newest commit this is, or whose merge; the newest of several."""
    of_it = and_(Ref.repo_id == Discussion.repo_id, Ref.name == literal(PULLS) + cast(Discussion.num, String))
    found = select(Discussion).outerjoin(Ref, of_it).where(Discussion.repo_id == repo.id, Discussion.is_pull_request)
    found = found.where(or_(Ref.target == oid, Discussion.merge_commit == oid))
    return db.scalars(found.order_by(Discussion.num.desc()).limit(1)).first()


def _narrowed(query: Any, wanted: Listing) -> Any:
    if wanted.kind != "all":
        query = query.where(Discussion.is_pull_request.is_(wanted.kind == "pull_request"))
    statuses = rules.STATUSES[wanted.status]
    if statuses:
        query = query.where(Discussion.status.in_(statuses))
    for word in wanted.words.split()[: rules.MAX_WORDS]:
        query = query.where(func.lower(Discussion.title).contains(word.lower(), autoescape=True))
    if wanted.author:
        query = query.where(Discussion.author_id.in_(select(Account.id).where(Account.key == wanted.author.lower())))
    return query


def _changes(db: Session, kit: Kit, repo: Repo, discussion: Discussion, with_diff: bool) -> Changes:
    """A merged one is compared with where it began: the branch itself holds it now."""
    assert discussion.base is not None, "a pull request without a branch to go to"
    proposal = f"{PULLS}{discussion.num}"
    before, conflicts, is_behind, is_empty = discussion.start, None, False, False
    if discussion.status == "merged":
        conflicts = []
    else:
        try:
            merge = compared(db, kit, repo, discussion.base, proposal, discussion.start)
            before, conflicts = merge.ancestor, list(merge.conflicts)
            is_behind, is_empty = merge.ours != merge.ancestor, merge.is_done
        except RevisionNotFound:
            pass
    after = content.head(db, repo, proposal)
    if not with_diff or before is None or after is None:
        return Changes(conflicts, None, is_behind, is_empty)
    objects = content.objects(db, repo, kit)
    diff = patch(objects, before, after) if objects.has(before) else None
    return Changes(conflicts, diff, is_behind, is_empty)
