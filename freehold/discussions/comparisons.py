"""What differs between revisions, for whoever may read the repository. Nothing here writes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.cards import changes
from freehold.cards.changes import Inside
from freehold.content import queries as content
from freehold.content.errors import RevisionNotFound
from freehold.content.kit import Kit
from freehold.content.rules import PULLS
from freehold.core.errors import BadRequest
from freehold.discussions import queries, rules
from freehold.discussions.tables import Discussion
from freehold.gitkit import conflicts
from freehold.gitkit.comparing import MAX_FILES, MAX_LINES, Comparison, compare, count_files
from freehold.gitkit.conflicts import Conflict
from freehold.gitkit.merging import merge
from freehold.gitkit.objects import CommitInfo, Objects
from freehold.gitkit.patches import patch
from freehold.repos import service as repos
from freehold.repos.tables import Repo


@dataclass(frozen=True)
class Bounds:
    """How much of a comparison is shown: a page takes less than a program."""

    files: int = MAX_FILES
    lines: int = MAX_LINES


WHOLE = Bounds()


@dataclass(frozen=True)
class Compared:
    """Two revisions and what differs: ``files`` from ``before`` (a commit, None: nothing) to ``after``.

    ``commits`` are those that ``after`` has and ``before`` has not, newest first, of ``total``. ``inside`` says by path
    what differs inside files that can be looked into.
    """

    repo: Repo
    before: str | None
    after: str
    files: Comparison
    inside: Mapping[str, Inside]
    commits: Sequence[CommitInfo]
    total: int
    objects: Objects

    @property
    def patch(self) -> str:
        """The same as git prints it."""
        return patch(self.objects, self.before, self.after)


def of_revisions(
    db: Session, kit: Kit, actor: Actor, path: str, spec: str, *, kind: str, bounds: Bounds = WHOLE
) -> Compared:
    """``base...head`` is what head has since both grew apart, ``base..head`` all that differs.

    Raises :class:`RevisionNotFound`.
    """
    repo = repos.load(db, actor, path, Action.READ, kind=kind)
    base, dots, head = parsed(spec)
    one, other = (content.resolve_revision(db, repo, revision, kit) for revision in (base, head))
    objects = content.objects(db, repo, kit)
    before = objects.merge_base(one, other) if dots == "..." else one
    return between(db, kit, repo, before, other, without=one, bounds=bounds)


def of_commit(
    db: Session, kit: Kit, actor: Actor, path: str, revision: str, *, kind: str, bounds: Bounds = WHOLE
) -> Compared:
    """What a commit did to its first parent."""
    repo = repos.load(db, actor, path, Action.READ, kind=kind)
    oid = content.resolve_revision(db, repo, revision, kit)
    info = content.objects(db, repo, kit).commit(oid)
    return between(db, kit, repo, info.parents[0] if info.parents else None, info.oid, only=info, bounds=bounds)


def of_pull(db: Session, kit: Kit, repo: Repo, discussion: Discussion, *, bounds: Bounds = WHOLE) -> Compared:
    """What a pull request brings. Raises :class:`RevisionNotFound` when its commits, or its branch, are gone."""
    before, after = ends(db, kit, repo, discussion)
    return between(db, kit, repo, before, after, bounds=bounds)


def commits_of_pull(db: Session, kit: Kit, repo: Repo, discussion: Discussion) -> tuple[list[CommitInfo], int]:
    """The commits that a pull request brings, newest first, and how many there are."""
    before, after = ends(db, kit, repo, discussion)
    objects = content.objects(db, repo, kit)
    brought = objects.brought(after, [before] if before else [], rules.MAX_COMMITS_COUNTED)
    return [objects.commit(oid) for oid in brought[: rules.MAX_COMMITS_SHOWN]], len(brought)


def size_of_pull(
    db: Session, kit: Kit, repo: Repo, discussion: Discussion, *, max_files: int
) -> tuple[int, int] | None:
    """How many commits a pull request brings, and how many files they change; None when its commits are gone."""
    try:
        before, after = ends(db, kit, repo, discussion)
    except RevisionNotFound:
        return None
    objects = content.objects(db, repo, kit)
    brought = objects.brought(after, [before] if before else [], rules.MAX_COMMITS_COUNTED)
    return len(brought), count_files(objects, before, after, max_files=max_files)


def ends(db: Session, kit: Kit, repo: Repo, discussion: Discussion) -> tuple[str | None, str]:
    """The two commits that a pull request is compared by. A merged one's branch holds it: it began where it began."""
    proposal = content.head(db, repo, f"{PULLS}{discussion.num}")
    if proposal is None:
        raise RevisionNotFound(f"{PULLS}{discussion.num}")
    objects = content.objects(db, repo, kit)
    before = discussion.start
    if discussion.status != "merged":
        branch = content.head(db, repo, discussion.base or "")
        before = (objects.merge_base(branch, proposal) if branch is not None else None) or before
    return before if before is not None and objects.has(before) else None, proposal


def between(
    db: Session,
    kit: Kit,
    repo: Repo,
    before: str | None,
    after: str,
    *,
    without: str | None = None,
    only: CommitInfo | None = None,
    bounds: Bounds = WHOLE,
) -> Compared:
    """The comparison of two commits of ``repo``; commits are listed that ``without`` (else ``before``) lacks."""
    objects = content.objects(db, repo, kit)
    files = compare(objects, before, after, max_files=bounds.files, max_lines=bounds.lines)
    inside = changes.inside(db, kit, repo, objects, files.files)
    if only is not None:
        return Compared(repo, before, after, files, inside, [only], 1, objects)
    hidden = [oid for oid in (without, before) if oid is not None]
    brought = objects.brought(after, hidden, rules.MAX_COMMITS_COUNTED)
    shown = [objects.commit(oid) for oid in brought[: rules.MAX_COMMITS_SHOWN]]
    return Compared(repo, before, after, files, inside, shown, len(brought), objects)


def parsed(spec: str) -> tuple[str, str, str]:
    """``main...dev`` in three. Raises :class:`BadRequest`."""
    match = re.fullmatch(r"(.+?)(\.\.\.?)(.+)", spec)
    if match is None or len(spec) > 1000:
        raise BadRequest("Name two revisions with three dots between them, such as main...refs%2Fpr%2F1.")
    return match[1], match[2], match[3]


# ---- conflicts ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Conflicts:
    """What stands between a pull request and its branch: heads of both, and the files that both changed.

    ``total`` files clash; the first are in ``files``, the proposal's side is *ours*, the branch's *theirs*.
    """

    repo: Repo
    discussion: Discussion
    proposal: str
    base: str
    files: Sequence[Conflict]
    total: int
    is_behind: bool  #: whether the branch has commits that the pull request lacks


def of_conflicts(db: Session, kit: Kit, actor: Actor, path: str, num: int, *, kind: str) -> Conflicts:
    """The conflicts of a pull request. Raises :class:`RevisionNotFound` when one of the two refs is gone."""
    repo = repos.load(db, actor, path, Action.READ, kind=kind)
    discussion = queries.numbered(db, repo, num)
    rules.check_unmerged(discussion.is_pull_request, discussion.status)
    heads = []
    for ref in (f"{PULLS}{num}", discussion.base or ""):
        head = content.head(db, repo, ref)
        if head is None:
            raise RevisionNotFound(ref)
        heads.append(head)
    objects = content.objects(db, repo, kit)
    found = merge(objects, heads[0], heads[1], start=discussion.start)
    shown = list(conflicts.conflicts(objects, found, found.conflicts[: rules.MAX_CONFLICTS_SHOWN]))
    return Conflicts(repo, discussion, heads[0], heads[1], shown, len(found.conflicts), not found.is_done)
