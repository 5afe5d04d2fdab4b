"""What can go wrong here."""

from freehold.core.errors import BadRequest, Conflict, Forbidden, NotFound, NotHere


class WebhookNotFound(NotFound):
    """No webhook of the asker has this id."""


class DeliveryNotFound(NotFound):
    """No delivery of this webhook has this id."""


class TooMany(Conflict):
    """A person has as many of these as they can."""


class BadWebhook(BadRequest):
    """A webhook that cannot work as it was described."""


class BadWatch(BadRequest):
    """A watch that cannot be."""


class TokenTooNarrow(Forbidden):
    """A token that does not reach its person's own settings."""


class NoJobs(NotHere):
    """A webhook that would start a job."""


class NotificationNotFound(NotFound):
    """No notification of the asker has this id."""


class LinkSpent(BadRequest):
    """A link out of a mail that this hub did not write, or wrote long ago."""
