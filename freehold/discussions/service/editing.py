"""A text file written or changed in a browser: committed, or proposed by whoever may not write."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.content import queries as content
from freehold.content import rules as content_rules
from freehold.content.errors import EntryNotFound
from freehold.content.kit import Kit
from freehold.content.rules import is_binary
from freehold.content.service import commits
from freehold.content.service.commits import Done, Target
from freehold.content.service.proposals import AddFile, AddLarge, Operation, Proposal
from freehold.core.database import Database
from freehold.core.errors import BadRequest
from freehold.discussions.errors import NameTaken
from freehold.discussions.service.places import Place, Words, place
from freehold.gitkit.commits import Span
from freehold.gitkit.objects import LINK_MODE
from freehold.gitkit.pointers import parse_pointer
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
    found = place(db, kit, actor, path, kind=kind, revision=revision, file=file)
    return Draft(
        found.repo,
        found.ref,
        found.head,
        file,
        _text(db, kit, found),
        found.entry is None,
        found.may_commit,
        found.may_propose,
    )


def _text(db: Session, kit: Kit, found: Place) -> str:
    entry, file = found.entry, found.path
    if entry is None:
        return ""
    if entry.kind != "file":
        raise EntryNotFound(file, found.head)
    if entry.pointer is not None or entry.mode == LINK_MODE or entry.size_bytes > MAX_TEXT_BYTES:
        raise BadRequest(f"{file[:200]!r} is too large to be changed here, or no text: upload another version of it.")
    data = content.objects(db, found.repo, kit).blob(entry.oid)
    if is_binary(data):
        raise BadRequest(f"{file[:200]!r} is not text: upload another version of it.")
    return data.decode()


def create_file(
    database: Database,
    kit: Kit,
    actor: Actor,
    path: str,
    *,
    kind: str,
    revision: str,
    file: str,
    text: str,
    words: Words,
) -> Done:
    """As :func:`change_file` for a file that is new. Raises :class:`NameTaken` where something is already."""
    content_rules.checked_path(file)
    with database.read() as db:
        known = place(db, kit, actor, path, kind=kind, revision=revision, file=file)
    if known.entry is not None:
        raise NameTaken(file, known.entry.kind)
    target = Target(kind, path, known.ref, words.opens_pull)
    return _write(database, kit, actor, target, file, text.replace("\r\n", "\n"), words, f"Add {file}")


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
    words = Words(summary, description, parent, opens_pull)
    said = f"{'Add' if known.is_new else 'Change'} {file}"
    return _write(database, kit, actor, Target(kind, path, known.ref, opens_pull), file, plain, words, said)


def _write(
    database: Database, kit: Kit, actor: Actor, target: Target, file: str, text: str, words: Words, otherwise: str
) -> Done:
    data = text.encode("utf-8", "replace")
    limit_bytes = min(MAX_TEXT_BYTES, kit.settings.max_inline_bytes)
    if len(data) > limit_bytes or "\x00" in text:
        raise BadRequest(f"A file of up to {limit_bytes:,} bytes of text can be changed here.")
    summary, description = words.said(otherwise)
    with commits.scratch_directory(kit) as scratch:
        held = scratch / "text"
        held.write_bytes(data)
        pointer = parse_pointer(data)
        operation: Operation = (
            AddLarge(file, pointer.sha256, pointer.size_bytes) if pointer else AddFile(file, Span(held, 0, len(data)))
        )
        proposal = Proposal(summary, description, words.parent.lower() or None, [operation])
        return commits.commit(database, kit, actor, target, proposal, scratch)
