"""What can go wrong with people, organisations and tokens."""

from freehold.core.errors import BadRequest, Conflict, Forbidden, NotFound, Unauthorized


class BadCredentials(Unauthorized):
    """The exact sentence matters: the client tells a wrong token from a missing repository by it (hub-api.md 0.4)."""

    def __init__(self) -> None:
        super().__init__("Invalid credentials in Authorization header")


class SignInNeeded(Unauthorized):
    pass


class SignInRefused(Unauthorized):
    pass


class BadName(BadRequest):
    pass


class NameTaken(Conflict):
    pass


class AccountNotFound(NotFound):
    pass


class TokenNotFound(NotFound):
    pass


class AccountRefused(Forbidden):
    pass
