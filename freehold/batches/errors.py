"""What is wrong with a batch, in the form that OpenAI's clients read."""

from freehold.gateway.errors import Refusal


class BadBatch(Refusal):
    """What is asked cannot be; ``field`` says which part."""


class NoSuchBatch(Refusal):
    status = 404
    code = "not_found"


class NotNow(Refusal):
    """It cannot be done to a batch in this state."""

    status = 409
    code = "conflict"
