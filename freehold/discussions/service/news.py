"""What pushes tell threads, in the transaction that moves the ref."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.content import queries as content
from freehold.content.events import LargeFilesErased, PullRequestPushed, RepoPushed
from freehold.content.kit import Kit
from freehold.content.rules import BRANCHES, PULLS
from freehold.core import events
from freehold.core.events import Bus
from freehold.discussions import queries, rules
from freehold.discussions.errors import NotPossibleNow
from freehold.discussions.events import DiscussionOpened, Merged, ProposalMoved, StatusChanged
from freehold.discussions.service import rows, texts
from freehold.discussions.service.rewritten import follow
from freehold.discussions.tables import Discussion, Event
from freehold.gitkit.objects import CommitInfo, Objects

#: Commits of one push that are looked through for merged pull requests; of a longer history the newest.
MAX_COMMITS_SEARCHED = 20_000


def subscribe(bus: Bus, kit: Kit) -> None:
    """Commits that open a pull request, go on with one or bring one into its branch are told in it."""
    bus.subscribe(PullRequestPushed, on_opened(kit))
    bus.subscribe(RepoPushed, on_pushed(kit))
    bus.subscribe(LargeFilesErased, on_erased)
    texts.subscribe(bus)


def on_opened(kit: Kit) -> Callable[[Session, Any], None]:
    """A listener: a commit made as a proposal opens a pull request. Source: protocol/hub-api.md 3.6."""

    def opened(db: Session, event: PullRequestPushed) -> None:
        repo, actor = event.repo, event.actor
        start = content.head(db, repo, event.base)
        title = rules.title_of_commit(event.title)
        made = rows.new_discussion(db, actor, repo, event.number, title, status="open", base=event.base, start=start)
        text = rules.checked_description(event.description)
        first = rows.add_words(db, actor, repo, made, "comment", text, {})
        tell_commits(db, content.objects(db, repo, kit), actor, made, before=start, after=event.commit)
        events.publish(db, DiscussionOpened(repo, made, actor, first))

    return opened


def on_pushed(kit: Kit) -> Callable[[Session, Any], None]:
    """A listener for both sides of pull requests: their own refs, and the branches that they are for."""

    def pushed(db: Session, event: RepoPushed) -> None:
        number = event.ref.removeprefix(PULLS)
        if event.is_rewrite:
            return  # nothing was pushed, opened or merged: threads follow when all refs have moved
        if event.ref.startswith(BRANCHES):
            _on_branch(db, kit, event)
        elif event.ref != number and number.isdecimal():
            discussion = queries.find(db, event.repo, int(number), locked=True)
            if discussion is not None:  # else from before there were discussions, or about to be opened
                _on_proposal(db, kit, event, discussion)

    return pushed


def on_erased(db: Session, event: LargeFilesErased) -> None:
    """A history without some files has other commit ids: the threads name those."""
    follow(db, event.repo, event.commits)


# ---- the proposal ------------------------------------------------------------------------------------------


def _on_proposal(db: Session, kit: Kit, event: RepoPushed, discussion: Discussion) -> None:
    """What is merged is a record: it takes no more commits. Without its ref an open one has nothing to offer."""
    if event.after is None:
        if discussion.status in ("open", "draft"):
            _change_status(db, event, discussion, "closed")
        return
    if discussion.status == "merged":
        raise NotPossibleNow(f"Pull request {discussion.num} is merged; open a new one for more commits.")
    objects = content.objects(db, event.repo, kit)
    is_forced = event.before is not None and objects.merge_base(event.before, event.after) != event.before
    last: Event | None = None
    if is_forced:
        if discussion.events < rules.MAX_EVENTS:
            moved = {"from": event.before, "to": event.after, "subject": objects.commit(event.after).title[:500]}
            last = rows.add(db, event.actor, discussion, "force-push", moved)
    else:
        last = tell_commits(db, objects, event.actor, discussion, before=event.before, after=event.after)
    if last is not None:
        events.publish(db, ProposalMoved(event.repo, discussion, event.actor, last, is_forced))


def tell_commits(
    db: Session, objects: Objects, actor: Actor, discussion: Discussion, *, before: str | None, after: str
) -> Event | None:
    """Each commit that ``after`` has on top of ``before`` is an event; the last of them."""
    last = None
    for commit in _new_commits(objects, before, after):
        # A push is not refused for a full thread: git's own log has the rest.
        if discussion.events < rules.MAX_EVENTS:
            last = rows.add(db, actor, discussion, "commit", {"subject": commit.title[:500], "oid": commit.oid})
    return last


def _new_commits(objects: Objects, before: str | None, after: str) -> list[CommitInfo]:
    """What ``after`` has on top of ``before``, oldest first; of a history made anew, its head.

    Along the first parents: a merge of the branch is one step, and does not tell of everybody's commits again.
    """
    if before == after:
        return []
    common = objects.merge_base(before, after) if before is not None else None
    line = _first_parents(objects, after, common)
    if common is None or line is None:
        return [objects.commit(after)]
    return line[: rules.MAX_COMMITS_TOLD][::-1]


def _first_parents(objects: Objects, after: str, until: str | None) -> list[CommitInfo] | None:
    """The commits from ``after`` down to before ``until``; None where that is not on this line, or too far down."""
    line: list[CommitInfo] = []
    commit = objects.commit(after)
    while commit.oid != until:
        line.append(commit)
        if not commit.parents or len(line) > 10 * rules.MAX_COMMITS_TOLD:
            return None
        commit = objects.commit(commit.parents[0])
    return line


# ---- the branch --------------------------------------------------------------------------------------------


def _on_branch(db: Session, kit: Kit, event: RepoPushed) -> None:
    """Open pull requests that the pushed history holds are merged by it; those of a branch that went are told so."""
    waiting = queries.waiting_for(db, event.repo, event.ref)
    if not waiting:
        return
    if event.after is None:
        for discussion in waiting:
            if discussion.events < rules.MAX_EVENTS:
                rows.add(db, event.actor, discussion, "base-deleted", {"base": event.ref})
        return
    if event.before is None:  # a branch anew: it holds what it holds, nothing was merged by making it
        return
    heads = content.pull_heads(db, event.repo, [discussion.num for discussion in waiting])
    objects = content.objects(db, event.repo, kit)
    brought = set(objects.brought(event.after, [event.before], MAX_COMMITS_SEARCHED)) if heads else set()
    for discussion in waiting:
        head = heads.get(discussion.num)
        if head in brought:
            discussion.start = objects.merge_base(event.before, head) or discussion.start
            _merged(db, event, discussion, event.after)


def _merged(db: Session, event: RepoPushed, discussion: Discussion, commit: str) -> None:
    discussion.status, discussion.merge_commit = "merged", commit
    told = rows.add(db, event.actor, discussion, "status-change", {"status": "merged", "oid": commit})
    events.publish(db, Merged(event.repo, discussion, event.actor, told, commit))


def _change_status(db: Session, event: RepoPushed, discussion: Discussion, status: str) -> None:
    before, discussion.status = discussion.status, status
    told = rows.add(db, event.actor, discussion, "status-change", {"status": status})
    events.publish(db, StatusChanged(event.repo, discussion, event.actor, told, before))
