"""What can go wrong with programs, in the words of RFC 6749 5.2 and RFC 8628 3.5: ``error``, ``error_description``."""

from freehold.core.errors import Conflict, HubError, NotFound


class OAuthProblem(HubError):
    """400 (or 401) with an error that programs branch on."""

    status = 400

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        headers = {"Cache-Control": "no-store"}
        if status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="Freehold"'
        super().__init__(description, headers=headers, extra={"error": error, "error_description": description})
        self.error = error
        self.status = status


class ProgramNotFound(NotFound):
    pass


class GrantNotFound(NotFound):
    pass


class CodeNotFound(NotFound):
    """A code that nobody waits with (any more)."""


class TooManyPrograms(Conflict):
    pass
