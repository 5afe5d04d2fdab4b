"""Files and folders that get another path, or go: committed, or proposed by whoever may not write."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from freehold.access.rules import Actor
from freehold.content import queries as content
from freehold.content import rules as content_rules
from freehold.content.errors import OverLimit
from freehold.content.kit import Kit
from freehold.content.service import commits
from freehold.content.service.commits import Done, Target
from freehold.content.service.proposals import Copy, Operation, Proposal, Remove
from freehold.core.database import Database
from freehold.core.errors import BadRequest
from freehold.discussions.errors import NameTaken
from freehold.discussions.service.places import Place, Words, place
from freehold.gitkit.objects import Entry, Objects

#: Folders of a move that are looked at for submodules.
MAX_FOLDERS = content_rules.MAX_OPERATIONS


def move(
    database: Database, kit: Kit, actor: Actor, path: str, *, kind: str, revision: str, file: str, to: str, words: Words
) -> Done:
    """The file or folder ``file`` is at ``to``, with everything in it; its bytes are copied nowhere.

    Raises ``EntryNotFound``, ``BadPath``, :class:`NameTaken` where something is at ``to``, :class:`OverLimit` for a
    folder of more files than one commit may touch, ``BadRequest`` for a move into itself or of a submodule.
    """
    content_rules.checked_path(to)
    with database.read() as db:
        known = place(db, kit, actor, path, kind=kind, revision=revision, file=file, is_there=True)
        operations = _moved(db, kit, known, to)
    target = Target(kind, path, known.ref, words.opens_pull)
    return _commit(database, kit, actor, target, words, f"Rename {file} to {to}", operations)


def remove(
    database: Database, kit: Kit, actor: Actor, path: str, *, kind: str, revision: str, file: str, words: Words
) -> Done:
    """The file or folder ``file`` is not on the branch any more; history keeps it. Raises ``EntryNotFound``."""
    with database.read() as db:
        known = place(db, kit, actor, path, kind=kind, revision=revision, file=file, is_there=True)
    gone = Remove(file, only_folder=known.entry is not None and known.entry.kind == "directory")
    target = Target(kind, path, known.ref, words.opens_pull)
    return _commit(database, kit, actor, target, words, f"Delete {file}", [gone])


def _commit(
    database: Database,
    kit: Kit,
    actor: Actor,
    target: Target,
    words: Words,
    otherwise: str,
    operations: Iterable[Operation],
) -> Done:
    summary, description = words.said(otherwise)
    proposal = Proposal(summary, description, words.parent.lower() or None, list(operations))
    with commits.scratch_directory(kit) as scratch:
        return commits.commit(database, kit, actor, target, proposal, scratch)


def _moved(db: Session, kit: Kit, known: Place, to: str) -> list[Operation]:
    file, entry = known.path, known.entry
    assert entry is not None, "looked up as something that is there"
    if to == file:
        raise BadRequest(f"{file[:200]!r} is called so already.")
    if to.startswith(f"{file}/"):
        raise BadRequest(f"{file[:200]!r} cannot move into itself.")
    objects = content.objects(db, known.repo, kit)
    taken = objects.entry(known.head, to)
    if taken is not None:
        raise NameTaken(to, taken.kind)
    if entry.kind == "file":
        return [Remove(file, only_folder=False), Copy(to, file, None)]
    found = _files_under(objects, known.head, file)
    copies = [Copy(content_rules.checked_path(to + one.path[len(file) :]), one.path, None) for one in found]
    return [Remove(file, only_folder=True), *copies]


def _files_under(objects: Objects, commit: str, folder: str) -> list[Entry]:
    files, folders = [], [folder]
    for entry in objects.walk(commit, folder):
        if entry.kind == "directory":
            folders.append(entry.path)
        else:
            files.append(entry)
        if len(files) >= content_rules.MAX_OPERATIONS or len(folders) > MAX_FOLDERS:
            raise OverLimit(
                f"{folder[:200]!r} holds more than {content_rules.MAX_OPERATIONS:,} files: move it with git, "
                "or its folders one by one."
            )
    for one in folders:
        # Listings leave them out, so they would be lost without a word.
        if objects.submodules(commit, one):
            raise BadRequest(f"{one[:200]!r} holds a submodule: move the folder with git.")
    return files
