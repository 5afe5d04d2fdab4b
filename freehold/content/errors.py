"""What can go wrong inside a repository. Codes are the ones clients branch on (hub-api.md 0.4).

HubError
├── NotFound 404
│   ├── RevisionNotFound  no branch, tag or commit of this name
│   │   └── AmbiguousRevision  an abbreviated id that several commits begin with
│   ├── EntryNotFound   no file at this path of this commit
│   │   └── ContentGone  a pointer there, and no file behind it
│   ├── ObjectUnknown   no large file of this digest that the caller may use here
│   └── LockNotFound    no lock of this id
├── Forbidden 403
│   └── AddressRefused  a signed address that is forged, altered or out of date
├── BadRequest 400
│   ├── WrongDigest     the bytes are not the file they were announced as
│   ├── BadParts        the parts of an upload do not make the file
│   ├── UnknownContent  a commit names a large file that the repository was not given
│   ├── BadDecision     what is decided on a conflict does not decide it
│   └── BadRef          a name no branch or tag can have, or no branch where one is meant
├── Forbidden 403
│   ├── RefProtected    a branch that stays
│   └── NotYourLock     another person's lock, and no force asked for
├── Conflict 409
│   ├── RefExists
│   ├── NothingNew      the proposal holds the branch already
│   ├── LockExists      the file is locked already; carries the lock
│   ├── FileLocked      somebody else has locked a file that a commit changes
│   ├── NothingToUndo   the branch has nothing any more of what a commit did
│   ├── UndoConflict    files that changed again since the commit to undo; names them
│   ├── TooManyUploads  unfinished ones of one person
│   ├── NothingToMerge  the branch holds the proposal already
│   └── MergeConflict   files that both sides changed; names them
├── Stale 412
│   └── StaleParent     the branch moved on
├── TooLarge 413
│   └── OverLimit       a commit larger than the hub takes; says which limit
├── Unavailable 503
│   └── ContentDamaged  a kept file is not what was put into the store
└── Malformed 422
    ├── BadCommit       a commit's body that cannot be read
    └── BadPath         a path that no file of a repository may have
"""

from collections.abc import Mapping, Sequence

from freehold.core.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    HubError,
    Malformed,
    NotFound,
    Stale,
    TooLarge,
    Unavailable,
)


class RevisionNotFound(NotFound):
    code = "RevisionNotFound"

    def __init__(self, revision: str) -> None:
        super().__init__(f"Invalid rev id: {revision[:200]}. It is no branch, tag or commit of this repository.")


class AmbiguousRevision(RevisionNotFound):
    def __init__(self, revision: str, commits: Sequence[str]) -> None:
        super().__init__(revision)
        shown = ", ".join(commits[:5]) + (" and others" if len(commits) > 5 else "")
        self.message = f"{revision[:40]} is ambiguous, {len(commits)} commits begin with it: {shown}. Give more digits."


class EntryNotFound(NotFound):
    """With the commit, clients remember that the file does not exist there and stop asking (hub-api.md 1.1)."""

    code = "EntryNotFound"

    def __init__(self, path: str, commit: str) -> None:
        super().__init__(
            f"There is no file {path[:300]!r} at commit {commit}.",
            headers={"X-Repo-Commit": commit},
        )


class ContentGone(EntryNotFound):
    """The path is there, as a pointer; the file that it stands for was given up, or never came."""

    def __init__(self, path: str, commit: str, sha256: str) -> None:
        super().__init__(path, commit)
        self.message = f"The large file {sha256} at {path[:300]!r} is not on this hub any more, or was never sent."


class ObjectUnknown(NotFound):
    def __init__(self, sha256: str) -> None:
        super().__init__(f"This repository has no object {sha256}. Upload it first.")


class AddressRefused(Forbidden):
    def __init__(self) -> None:
        super().__init__("This address was not made by this hub, or it is out of date. Ask for a new one.")


class ContentDamaged(Unavailable):
    """What lies in the store is not what was put there: for an administrator to restore, and never served."""

    def __init__(self, sha256: str) -> None:
        super().__init__(f"The hub's copy of the file {sha256} is damaged. `freehold doctor` says more.")


class WrongDigest(BadRequest):
    def __init__(self, announced: str, found: str) -> None:
        super().__init__(f"The bytes have SHA-256 {found}, announced was {announced}: nothing was kept.")


class BadParts(BadRequest):
    def __init__(self, reason: str) -> None:
        super().__init__(f"The parts of this upload do not make the file: {reason}. Start the upload again.")


class UnknownContent(BadRequest):
    """The same words whether the hub has the bytes elsewhere or not: a digest must not be a question (xet.md 11)."""

    def __init__(self, path: str, sha256: str) -> None:
        super().__init__(f"{path!r} names the large file {sha256}, which was not uploaded to this repository.")


class BadRef(BadRequest):
    pass


class BadDecision(BadRequest):
    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path[:300]!r} is not decided: {reason}.")


class RefProtected(Forbidden):
    pass


class RefExists(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(f"Reference {name} already exists")


class NothingToUndo(Conflict):
    def __init__(self, commit: str, ref: str) -> None:
        super().__init__(f"There is nothing to undo: what {commit} did is not in {ref} any more.")


class UndoConflict(Conflict):
    """The whole list is in ``filesWithConflicts``, as for a merge."""

    def __init__(self, commit: str, files: Sequence[str]) -> None:
        shown = ", ".join(repr(path[:200]) for path in files[:10]) + (" and others" if len(files) > 10 else "")
        super().__init__(
            f"{shown} changed again since {commit}, so it cannot be undone alone. Commit what they should be.",
            extra={"filesWithConflicts": list(files)},
        )


class NothingToMerge(Conflict):
    def __init__(self, ref: str) -> None:
        super().__init__(f"There is nothing to merge: {ref} holds every commit of this proposal already.")


class NothingNew(Conflict):
    def __init__(self, ref: str) -> None:
        super().__init__(f"This proposal has everything that {ref} has already.")


class MergeConflict(Conflict):
    """The whole list is in ``filesWithConflicts``; the sentence names the first ones."""

    def __init__(self, files: Sequence[str]) -> None:
        shown = ", ".join(repr(path[:200]) for path in files[:10]) + (" and others" if len(files) > 10 else "")
        super().__init__(
            f"Both sides changed {shown}. Commit a version to the proposal that takes the branch's changes up.",
            extra={"filesWithConflicts": list(files)},
        )


class LockNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("This repository has no such lock; somebody may have taken it off.")


class LockExists(Conflict):
    """``lock`` is what git-lfs reads of it, and the sentence is git-lfs's own. Source: git-lfs docs/api/locking.md."""

    def __init__(self, lock: Mapping[str, object]) -> None:
        super().__init__("already created lock", extra={"lock": dict(lock)})


class FileLocked(Conflict):
    def __init__(self, path: str, owner: str) -> None:
        super().__init__(f"{path[:200]!r} is locked by {owner}. Ask them to unlock it, or to push the change.")


class NotYourLock(Forbidden):
    def __init__(self, path: str, owner: str) -> None:
        super().__init__(f"{path[:200]!r} is locked by {owner}; whoever may write can take the lock off with --force.")


class StaleParent(Stale):
    """The sentence is a contract (hub-api.md 3.6)."""

    def __init__(self) -> None:
        super().__init__("The branch was updated since you opened this page. Please refresh and try again.")


class OverLimit(TooLarge):
    pass


class BadCommit(Malformed):
    pass


class BadPath(Malformed):
    pass


class CannotDuplicate(HubError):
    """Not a 503, which clients repeat: it does not pass by itself."""

    status = 507


class AttachmentUnknown(NotFound):
    pass


class BadAttachment(BadRequest):
    """A file that comments do not show, or one that is too large."""


class TooManyUploads(Conflict):
    def __init__(self, limit: int) -> None:
        super().__init__(
            f"You have {limit} unfinished uploads on this hub, the most there may be. Go on with them or cancel some; "
            "what nobody goes on with is dropped after two days."
        )


class TooManyAttachments(HubError):
    """Not 429, which clients repeat for half a minute: a day does not pass in that time."""

    status = 403
