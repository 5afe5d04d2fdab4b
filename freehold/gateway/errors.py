"""What is wrong with a call before it reaches a model, and every error as OpenAI's clients read it.

HubError
├── Refusal        400  of whoever calls, not of a model; rooms above have their own of it
│   ├── BadCall    400  the body cannot be understood; ``param`` says which part
│   ├── NoSuchCall 404  no such address under /v1
│   ├── NotByThis  405  the address takes another method
│   └── Packed     415  a body that is compressed
└── BudgetReached  429  the budget ended in the middle of the answer
"""

from typing import Any

from freehold.core.errors import HubError

#: Words of OpenAI's ``type`` by status, where an error says none of its own.
KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}

#: Its ``code``, likewise: clients look at it.
CODES = {401: "invalid_api_key", 413: "request_too_large"}


class Refusal(HubError):
    """What was asked cannot be, whatever model it is asked of."""

    status = 400
    code = "invalid_request"
    kind = "invalid_request_error"


class BadCall(Refusal):
    def __init__(self, message: str, param: str | None = None, *, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.param = param


class NoSuchCall(Refusal):
    status = 404
    code = "unknown_url"


class NotByThis(Refusal):
    status = 405
    code = "method_not_allowed"


class Packed(Refusal):
    status = 415
    code = "unsupported_encoding"


class BudgetReached(HubError):
    status = 429
    code = "insufficient_quota"
    kind = "insufficient_quota"


def told(err: HubError) -> dict[str, Any]:
    """``err`` in OpenAI's form. Source: OpenAI API reference, error object."""
    usual = "server_error" if err.status >= 500 else KINDS.get(err.status, "invalid_request_error")
    return {
        "message": err.message,
        "type": getattr(err, "kind", None) or usual,
        "param": getattr(err, "param", None) or err.field or None,
        "code": err.code or CODES.get(err.status),
    }
