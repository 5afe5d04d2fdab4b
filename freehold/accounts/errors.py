"""What can go wrong with people, organisations and tokens."""

from freehold.core.errors import BadRequest, Conflict, Forbidden, HubError, NotFound, Unauthorized


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


class FormRefused(Forbidden):
    """A form that was not made for the session that sent it."""


class TooManyAttempts(HubError):
    """429, with the seconds to wait."""

    status = 429

    def __init__(self, message: str, wait_s: int) -> None:
        super().__init__(message, headers={"Retry-After": str(wait_s)})


class LastAdministrator(Conflict):
    """An organisation keeps somebody who can administer it."""

    def __init__(self, org: str) -> None:
        super().__init__(f"{org} would have no administrator left. Give somebody else that role first.")


class NotAMember(NotFound):
    pass


class NotAllowed(Forbidden):
    """Known, but not for this person, or not with this token."""


class LinkSpent(NotFound):
    """A one-time link that was used, has expired, was withdrawn, or never was."""


class SessionNotFound(NotFound):
    pass
