"""A file of a repository changed in a browser: committed, or proposed by whoever may not write."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.content import queries as content
from freehold.content import rules as content_rules
from freehold.content.errors import EntryNotFound, RevisionNotFound
from freehold.content.kit import Kit
from freehold.content.rules import BRANCHES, is_binary
from freehold.content.service import commits
from freehold.content.service.commits import Done, Target
from freehold.content.service.proposals import AddFile, AddLarge, Operation, Proposal
from freehold.core.database import Database
from freehold.core.errors import BadRequest, HubError
from freehold.gitkit.commits import Span
from freehold.gitkit.objects import LINK_MODE
from freehold.gitkit.pointers import parse_pointer
from freehold.repos import service as repos
from freehold.repos.access import may
from freehold.repos.tables import Repo

MAX_TEXT_BYTES = 1 << 20


@dataclass(frozen=True)
class Draft:
    """A file as it is, for somebody to change. ``is_new``: there is none yet, ``text`` is empty.

    ``may_commit`` and ``may_propose`` say what can become of the changes.
    """

    repo: Repo
    ref: str
    head: str
    path: str
    text: str
    is_new: bool
    may_commit: bool
    may_propose: bool


def draft(db: Session, kit: Kit, actor: Actor, path: str, *, kind: str, revision: str, file: str) -> Draft:
    """The text file ``file`` at the newest commit of a branch or pull request, if ``actor`` may change it at all.

    Raises :class:`BadRequest` for what is no text that can be changed by hand, and ``BadPath``.
    """
    repo = repos.load(db, actor, path, Action.PROPOSE, kind=kind)
    found = content.resolve_ref(db, repo, revision)
    if found is None:
        content.resolve_revision(db, repo, revision, kit)
        raise BadRequest("Only the newest version of a branch can be changed; go to the file there.")
    ref, head = found
    content_rules.checked_path(file)
    entry = content.objects(db, repo, kit).entry(head, file)
    text = ""
    if entry is not None:
        if entry.kind != "file":
            raise EntryNotFound(file, head)
        if entry.pointer is not None or entry.mode == LINK_MODE or entry.size_bytes > MAX_TEXT_BYTES:
            raise BadRequest(
                f"{file[:200]!r} is too large to be changed here, or no text: upload another version of it."
            )
        data = content.objects(db, repo, kit).blob(entry.oid)
        if is_binary(data):
            raise BadRequest(f"{file[:200]!r} is not text: upload another version of it.")
        text = data.decode()
    may_commit = _may_commit(db, actor, Target(kind, path, ref))
    may_propose = ref.startswith(BRANCHES) and bool(may(actor, Action.PROPOSE, repo))
    if not (may_commit or may_propose):
        raise RevisionNotFound(revision)
    return Draft(repo, ref, head, file, text, entry is None, may_commit, may_propose)


def change_file(
    database: Database,
    kit: Kit,
    actor: Actor,
    path: str,
    *,
    kind: str,
    revision: str,
    file: str,
    text: str,
    summary: str,
    description: str = "",
    parent: str = "",
    opens_pull: bool,
) -> Done:
    """``file`` says ``text``: in a commit on ``revision``, or in a pull request to it.

    ``parent`` is the commit that was looked at; ``StaleParent`` when the branch has moved on. Line ends stay as the
    file had them: browsers send their own. Opens its own transactions; raises as ``content.service.commits`` does.
    """
    with database.read() as db:
        known = draft(db, kit, actor, path, kind=kind, revision=revision, file=file)
    plain = text.replace("\r\n", "\n")
    if "\r\n" in known.text and "\n" not in known.text.replace("\r\n", ""):
        plain = plain.replace("\n", "\r\n")
    data = plain.encode("utf-8", "replace")
    limit_bytes = min(MAX_TEXT_BYTES, kit.settings.max_inline_bytes)
    if len(data) > limit_bytes or "\x00" in plain:
        raise BadRequest(f"A file of up to {limit_bytes:,} bytes of text can be changed here.")
    words = (summary.strip() or f"{'Add' if known.is_new else 'Change'} {file}")[: content_rules.MAX_SUMMARY_CHARS]
    description = description.strip()[: content_rules.MAX_DESCRIPTION_CHARS]
    with commits.scratch_directory(kit) as scratch:
        held = scratch / "text"
        held.write_bytes(data)
        pointer = parse_pointer(data)
        operation: Operation = (
            AddLarge(file, pointer.sha256, pointer.size_bytes) if pointer else AddFile(file, Span(held, 0, len(data)))
        )
        proposal = Proposal(words, description, parent.lower() or None, [operation])
        target = Target(kind, path, known.ref, opens_pull)
        return commits.commit(database, kit, actor, target, proposal, scratch)


def _may_commit(db: Session, actor: Actor, target: Target) -> bool:
    try:
        commits.admit(db, actor, target)
    except HubError:
        return False
    return True
