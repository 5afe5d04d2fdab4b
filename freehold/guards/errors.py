"""What can go wrong with guards, and what they refuse."""

from freehold.core.errors import BadRequest
from freehold.inference.errors import InferenceError


class BadGuard(BadRequest):
    """A guard that cannot be as it was written."""


class Blocked(InferenceError):
    """A guard lets this through in no form. Says what kind of thing it found, and never the text."""

    # Clients of OpenAI's know a refusal by this code. Source: Azure OpenAI's content filtering, "content_filter".
    status = 400
    code = "content_filter"
    kind = "invalid_request_error"
