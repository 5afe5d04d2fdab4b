"""Files that came whole with a form: small ones into the commit, large ones into the store, published at once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from freehold.access.rules import Actor
from freehold.content import rules
from freehold.content.keys import content_key
from freehold.content.kit import Kit
from freehold.content.service import commits, objects, preuploads
from freehold.content.service.commits import Done, Target
from freehold.content.service.preuploads import Candidate
from freehold.content.service.proposals import AddFile, AddLarge, Operation, Proposal
from freehold.core.database import Database
from freehold.core.errors import BadRequest
from freehold.gitkit.commits import Span
from freehold.gitkit.pointers import MAX_POINTER_BYTES, parse_pointer


@dataclass(frozen=True)
class Brought:
    """A file at ``held`` that is to be at ``path`` of a repository; ``sample`` are its first 512 bytes."""

    path: str
    held: Path
    size_bytes: int
    sha256: str
    sample: bytes


def bring(
    database: Database, kit: Kit, actor: Actor, target: Target, files: Sequence[Brought], words: Proposal, scratch: Path
) -> Done:
    """``files`` are at their paths, by one commit with the ``words`` of a proposal. Those to be ignored are left out.

    Opens its own transactions, because bytes are kept between them. Raises ``BadPath``, :class:`BadRequest` when
    nothing is left to commit, and what committing raises.
    """
    for file in files:
        rules.checked_path(file.path)
    with database.read() as db:
        admitted = commits.admit(db, actor, target)
        repo_id = admitted.repo.id
        candidates = [Candidate(file.path, file.size_bytes, file.sample) for file in files]
        _, advice = preuploads.advise(db, kit, admitted, candidates, None)
    chosen = [(file, one.mode) for file, one in zip(files, advice, strict=True) if not one.should_ignore]
    if not chosen:
        raise BadRequest("There is nothing to commit: no file was chosen, or .gitignore leaves them all out.")
    operations = [_operation(kit, file, mode) for file, mode in chosen]
    large = [file for file, mode in chosen if mode == "lfs"]
    if large:
        with database.write() as db:
            for file in large:
                objects.record_whole(db, repo_id, file.sha256, file.size_bytes)
    return commits.commit(database, kit, actor, target, replace(words, operations=operations), scratch)


def _operation(kit: Kit, file: Brought, mode: str) -> Operation:
    if mode == "lfs":
        kit.store.put_file(content_key(file.sha256), file.held)
        return AddLarge(file.path, file.sha256, file.size_bytes)
    pointer = parse_pointer(file.held.read_bytes()) if file.size_bytes <= MAX_POINTER_BYTES else None
    if pointer is not None:
        # A pointer by any road is a claim on a large file, and checked as one.
        return AddLarge(file.path, pointer.sha256, pointer.size_bytes)
    return AddFile(file.path, Span(file.held, 0, file.size_bytes))
