"""What can go wrong with repositories. Codes are the ones clients branch on (hub-api.md 0.4)."""

from freehold.core.errors import BadRequest, Conflict, Forbidden, HubError, NotFound, Unauthorized


def repo_not_found(*, anonymous: bool) -> HubError:
    """Missing and invisible look the same: 401 to anonymous, 404 to people, both coded ``RepoNotFound``.

    The client builds its own advice around these words, and adds others behind it (hub-api.md 0.4).
    """
    return (RepoHidden if anonymous else RepoNotFound)("Repository not found")


class RepoNotFound(NotFound):
    code = "RepoNotFound"


class RepoHidden(Unauthorized):
    code = "RepoNotFound"


class RepoMoved(HubError):
    """The repository has another name now: 307 keeps method and body. Source: protocol/hub-api.md 0.5."""

    status = 307


class RepoForbidden(Forbidden):
    pass


class SignInToWrite(Unauthorized):
    pass


class RepoGated(Forbidden):
    code = "GatedRepo"


class RepoGatedToAnonymous(Unauthorized):
    code = "GatedRepo"


class RepoDisabled(Forbidden):
    """The exact sentence is a contract (hub-api.md 0.4)."""

    def __init__(self) -> None:
        super().__init__("Access to this resource is disabled.")


class DiscussionsDisabled(Forbidden):
    def __init__(self, path: str) -> None:
        super().__init__(f"Discussions and pull requests are disabled for {path} by its owner.")


class RepoExists(Conflict):
    pass


class BadRepoName(BadRequest):
    pass


class StillOwns(Conflict):
    """An account that is to be deleted has repositories."""
