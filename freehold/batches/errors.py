"""What is wrong with a batch, in the form that OpenAI's clients read."""

from freehold.core.errors import HubError


class BatchError(HubError):
    kind = "invalid_request_error"


class BadBatch(BatchError):
    status = 400
    code = "invalid_request"


class NoSuchBatch(BatchError):
    status = 404
    code = "not_found"


class NotNow(BatchError):
    """It cannot be done to a batch in this state."""

    status = 409
    code = "conflict"
