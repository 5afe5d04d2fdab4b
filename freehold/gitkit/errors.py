"""What can go wrong with git objects.

HubError
├── MissingGitObject  500  a row names an object or pack that is not there: damage, logged as ours
├── FoldFailed        500  packs could not be folded together; they stay as they are
├── PathMissing       404  a change removes or copies what is not there
└── PathConflict      422  changes that no tree can hold together
"""

from freehold.core.errors import HubError, Malformed, NotFound


class MissingGitObject(HubError):
    """A published commit lacks an object or a pack."""

    status = 500


class FoldFailed(HubError):
    """git refused; nothing changed."""

    status = 500


class PathMissing(NotFound):
    """Nothing at the path. The text is what the clients' tests read. Source: protocol/hub-api.md 3.6."""

    code = "EntryNotFound"

    def __init__(self, path: str) -> None:
        super().__init__(f"A file with this name doesn't exist: {path}")
        self.path = path


class PathConflict(Malformed):
    """A file where a directory is, or the other way round."""
