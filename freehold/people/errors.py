"""What can go wrong between people and organisations. See also ``accounts.errors``."""

from freehold.core.errors import Conflict, Forbidden, HubError, NotFound


class InvitationNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("This invitation is not open: it was answered, withdrawn, or has expired.")


class AlreadyThere(Conflict):
    """A member already, or asked already."""


class TooManyOpen(Conflict):
    """More open invitations or requests than one organisation can have."""


class SignUpClosed(Forbidden):
    pass


class JoinRequestNotFound(NotFound):
    pass


class NotTheName(Conflict):
    """What was typed to confirm is not the name of what would be deleted."""


class TooSoon(HubError):
    """429: this was sent a moment ago."""

    status = 429
