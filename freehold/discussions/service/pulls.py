"""Pull requests: opened, made ready, pointed at a branch, kept up with it, and merged."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.content import queries as content
from freehold.content.errors import RevisionNotFound
from freehold.content.kit import Kit
from freehold.content.rules import BRANCHES, MAIN, PULLS, ref_candidates
from freehold.content.service import merging
from freehold.content.service.refs import create_pull
from freehold.core import events
from freehold.core.database import Database
from freehold.discussions import queries, rules
from freehold.discussions.errors import NotPossibleNow
from freehold.discussions.events import DiscussionOpened, Merged, StatusChanged
from freehold.discussions.service import rows
from freehold.discussions.service.news import tell_commits
from freehold.discussions.tables import Discussion, Event
from freehold.gitkit.merging import Merge
from freehold.repos import service as repos
from freehold.repos.tables import Repo


def create_pull_request(
    db: Session,
    actor: Actor,
    path: str,
    *,
    kind: str,
    title: str,
    description: str = "",
    base: str = "",
    head: str = "",
    kit: Kit | None = None,
) -> Discussion:
    """A pull request to the branch ``base`` (empty: ``main``) with a ref of its own. Source: protocol/hub-api.md 6.

    Without ``head`` it is a draft at the head of the branch, for commits to come; with ``head``, any revision of the
    repository, it is open and brings what that has (``kit`` is needed to find it).
    """
    title, description = rules.checked_title(title), rules.checked_description(description)
    branch = branch_ref(base)
    at = None
    if head:
        assert kit is not None, "a revision is looked up in the repository's objects"
        asked = repos.load(db, actor, path, Action.PROPOSE, kind=kind)
        at = content.resolve_revision(db, asked, head, kit)
    repo, number, start, commit = create_pull(db, actor, path, kind=kind, base=branch, at=at)
    status = "open" if at else "draft"
    discussion = rows.new_discussion(db, actor, repo, number, title, status=status, base=branch, start=start)
    first = rows.add_words(db, actor, repo, discussion, "comment", description, {})
    if at is not None and kit is not None:
        objects = content.objects(db, repo, kit)
        discussion.start = objects.merge_base(start, commit) or start
        tell_commits(db, objects, actor, discussion, before=start, after=commit)
    events.publish(db, DiscussionOpened(repo, discussion, actor, first))
    return discussion


def change_draft(db: Session, actor: Actor, path: str, num: int, *, kind: str, is_draft: bool) -> Event:
    """The pull request is a draft, which is not merged, or ready again."""
    repo, discussion = rows.led(db, actor, path, num, kind)
    wanted = "draft" if is_draft else "open"
    rules.check_draft(discussion.is_pull_request, discussion.status, wanted)
    before, discussion.status = discussion.status, wanted
    event = rows.add(db, actor, discussion, "status-change", {"status": wanted})
    events.publish(db, StatusChanged(repo, discussion, actor, event, before))
    return event


def change_base(db: Session, kit: Kit, actor: Actor, path: str, num: int, *, kind: str, base: str) -> Event:
    """The pull request is for the branch ``base`` from now on. Raises :class:`RevisionNotFound` for what is none."""
    repo, discussion = rows.led(db, actor, path, num, kind)
    rules.check_unmerged(discussion.is_pull_request, discussion.status)
    ref = branch_ref(base)
    branch, proposal = content.head(db, repo, ref), content.head(db, repo, f"{PULLS}{num}")
    if branch is None:
        raise RevisionNotFound(base)
    if ref == discussion.base:
        raise NotPossibleNow(f"It is for {ref.removeprefix(BRANCHES)} already.")
    if proposal is not None:
        discussion.start = content.objects(db, repo, kit).merge_base(branch, proposal) or discussion.start
    before, discussion.base = discussion.base, ref
    return rows.add(db, actor, discussion, "base-change", {"from": before, "to": ref})


def merge(database: Database, kit: Kit, actor: Actor, path: str, num: int, *, kind: str, comment: str = "") -> str:
    """The pull request is in its branch, by a commit with both as parents; that commit.

    Opens its own transactions. Raises :class:`NotPossibleNow` for what is no open pull request, ``MergeConflict`` with
    the files that both sides changed, ``NothingToMerge`` when it brings nothing.
    """
    if comment.strip():
        comment = rules.checked_comment(comment)
    with database.read() as db:
        repo = repos.load(db, actor, path, Action.WRITE, kind=kind)
        discussion = queries.numbered(db, repo, num)
        rules.check_mergeable(discussion.is_pull_request, discussion.status)
        base, start, title = discussion.base, discussion.start, discussion.title
    assert base is not None, "a pull request without a branch to go to"

    def then(db: Session, repo: Repo, merged: Merge, commit: str) -> None:
        """Looked at again: it may have been closed, or merged by another, while the commit was made."""
        discussion = queries.numbered(db, repo, num, locked=True)
        rules.check_mergeable(discussion.is_pull_request, discussion.status)
        if discussion.base != base:
            raise NotPossibleNow("It is for another branch now; look at it again.")
        if comment.strip():
            rows.say(db, actor, repo, discussion, comment)
        # What it was compared with at the end: the branch holds both sides from now on.
        discussion.start = merged.ancestor or discussion.start
        discussion.status, discussion.merge_commit = "merged", commit
        event = rows.add(db, actor, discussion, "status-change", {"status": "merged", "oid": commit})
        events.publish(db, Merged(repo, discussion, actor, event, commit))

    return merging.merge(
        database,
        kit,
        actor,
        path,
        kind=kind,
        base=base,
        proposal=f"{PULLS}{num}",
        start=start,
        message=f"{title} (#{num})",
        then=then,
    )


def take_up(
    database: Database,
    kit: Kit,
    actor: Actor,
    path: str,
    num: int,
    *,
    kind: str,
    decisions: Mapping[str, merging.Decision] | None = None,
    seen: tuple[str, str] | None = None,
) -> str:
    """The pull request has what its branch has since, by a commit with both as parents; that commit.

    Conflicts are decided by ``decisions``, by path, made for the heads ``seen`` (of proposal and branch). For those who
    may push to the pull request. Raises as ``content.service.merging.take_up`` does, and :class:`NotPossibleNow`.
    """
    with database.read() as db:
        repo = repos.load(db, actor, path, Action.PROPOSE, kind=kind)
        discussion = queries.numbered(db, repo, num)
        rules.check_unmerged(discussion.is_pull_request, discussion.status)
        base, start = discussion.base, discussion.start
    assert base is not None, "a pull request without a branch to go to"

    return merging.take_up(
        database,
        kit,
        actor,
        path,
        kind=kind,
        base=base,
        proposal=f"{PULLS}{num}",
        start=start,
        message=f"Merge {base.removeprefix(BRANCHES)} into pull request {num}",
        decisions=decisions or {},
        seen=seen,
    )


def branch_ref(base: str) -> str:
    """The full ref of the branch ``base`` (empty: ``main``)."""
    return next((ref for ref in ref_candidates(base) if ref.startswith(BRANCHES)), MAIN if not base else BRANCHES)
