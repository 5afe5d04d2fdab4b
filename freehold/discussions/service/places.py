"""Where something can be changed in a browser: a path at the newest commit of a branch, and what may become of it."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.content import queries as content
from freehold.content import rules as content_rules
from freehold.content.errors import EntryNotFound, RevisionNotFound
from freehold.content.kit import Kit
from freehold.content.rules import BRANCHES
from freehold.content.service import commits
from freehold.content.service.commits import Target
from freehold.core.errors import BadRequest, HubError
from freehold.gitkit.objects import CommitInfo, Entry
from freehold.repos import service as repos
from freehold.repos.access import may
from freehold.repos.tables import Repo

#: Files of a folder that are counted to say what goes with it; beyond, "more than".
MAX_COUNTED = 10_000


@dataclass(frozen=True)
class Words:
    """What somebody says of a change, and what is to become of it.

    ``parent`` is the commit that was looked at (empty: whatever is there now); ``StaleParent`` once the branch is on.
    """

    summary: str = ""
    description: str = ""
    parent: str = ""
    opens_pull: bool = False

    def said(self, otherwise: str) -> tuple[str, str]:
        """Summary (``otherwise``, where none was given) and description, as a commit takes them."""
        summary = " ".join(self.summary.split()) or otherwise
        description = self.description.replace("\r\n", "\n").strip()
        return summary[: content_rules.MAX_SUMMARY_CHARS], description[: content_rules.MAX_DESCRIPTION_CHARS]


@dataclass(frozen=True)
class Place:
    """A path, and what is there: ``entry`` is None for nothing yet, and for the root of the repository."""

    repo: Repo
    ref: str
    head: str
    path: str
    entry: Entry | None
    may_commit: bool
    may_propose: bool


@dataclass(frozen=True)
class Holding:
    """Files in a folder, or the one file. ``is_cut``: there are more than were counted."""

    files: int
    size_bytes: int
    is_cut: bool


@dataclass(frozen=True)
class Since:
    """The newest change to a path that whoever looked at it has not seen. ``touches`` False: the path is as it was."""

    commit: CommitInfo
    by: str
    before: str
    head: str
    touches: bool


def place(
    db: Session, kit: Kit, actor: Actor, path: str, *, kind: str, revision: str, file: str, is_there: bool = False
) -> Place:
    """``file`` (empty: the root) at the newest commit of a branch or pull request, if ``actor`` may change it at all.

    Raises ``BadPath``, :class:`BadRequest` for a revision that stays as it is, and with ``is_there``
    :class:`EntryNotFound` where nothing is.
    """
    repo = repos.load(db, actor, path, Action.PROPOSE, kind=kind)
    found = content.resolve_ref(db, repo, revision)
    if found is None:
        content.resolve_revision(db, repo, revision, kit)
        raise BadRequest("Only the newest version of a branch can be changed; go to the file there.")
    ref, head = found
    if file:
        content_rules.checked_path(file)
    entry = content.objects(db, repo, kit).entry(head, file) if file else None
    if is_there and entry is None:
        raise EntryNotFound(file, head)
    may_commit = _may_commit(db, actor, Target(kind, path, ref))
    may_propose = ref.startswith(BRANCHES) and bool(may(actor, Action.PROPOSE, repo))
    if not (may_commit or may_propose):
        raise RevisionNotFound(revision)
    return Place(repo, ref, head, file, entry, may_commit, may_propose)


def holding(db: Session, kit: Kit, found: Place, most: int = MAX_COUNTED) -> Holding:
    """How much is at a place; up to ``most`` entries are looked at."""
    if found.entry is not None and found.entry.kind == "file":
        return Holding(1, found.entry.true_size_bytes, False)
    files = size_bytes = 0
    for number, entry in enumerate(content.objects(db, found.repo, kit).walk(found.head, found.path), 1):
        if number > most:
            return Holding(files, size_bytes, True)
        if entry.kind == "file":
            files, size_bytes = files + 1, size_bytes + entry.true_size_bytes
    return Holding(files, size_bytes, False)


def since(db: Session, kit: Kit, found: Place, seen: str) -> Since | None:
    """What happened to a place after the commit ``seen``; None when that is the newest, or no commit of the branch."""
    objects = content.objects(db, found.repo, kit)
    if seen == found.head or not content_rules.COMMIT_ID.fullmatch(seen) or not objects.is_commit(seen):
        return None
    before = objects.entry(seen, found.path) if found.path else None
    after = found.entry
    touches = (before.oid if before else "") != (after.oid if after else "")
    log = content.log_page(db, found.repo, kit, found.head, limit=1, path=found.path if touches else "")
    return Since(log.commits[0], log.author(log.commits[0]), seen, found.head, touches)


def _may_commit(db: Session, actor: Actor, target: Target) -> bool:
    try:
        commits.admit(db, actor, target)
    except HubError:
        return False
    return True
