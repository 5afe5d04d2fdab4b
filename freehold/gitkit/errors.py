"""What can go wrong with git objects.

HubError
├── MissingGitObject  500  a row names an object or pack that is not there: damage, logged as ours
├── FoldFailed        500  packs could not be folded together; they stay as they are
├── GitMissing        503  there is no git on this machine
├── GitRefused        400  git would not do it, in its own words
├── PathMissing       404  a change removes or copies what is not there
├── BadPush           400  the body of a push that cannot be read
├── PushTooLarge      413  a push over the limit
└── PathConflict      422  changes that no tree can hold together
"""

from freehold.core.errors import BadRequest, HubError, Malformed, NotFound, TooLarge, Unavailable


class MissingGitObject(HubError):
    """A published commit lacks an object or a pack."""

    status = 500


class FoldFailed(HubError):
    """git refused; nothing changed."""

    status = 500


class GitMissing(Unavailable):
    def __init__(self) -> None:
        super().__init__("This hub has no git program, so it cannot be cloned from or pushed to: install git on it.")


class GitRefused(BadRequest):
    pass


class BadPush(BadRequest):
    def __init__(self, reason: str) -> None:
        super().__init__(f"This push cannot be read: {reason}.")


class PushTooLarge(TooLarge):
    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"One push may have {limit_bytes} bytes. Keep large files with git-lfs, or push the history in parts."
        )


class PathMissing(NotFound):
    """Nothing at the path. The text is what the clients' tests read. Source: protocol/hub-api.md 3.6."""

    code = "EntryNotFound"

    def __init__(self, path: str) -> None:
        super().__init__(f"A file with this name doesn't exist: {path}")
        self.path = path


class PathConflict(Malformed):
    """A file where a directory is, or the other way round."""
