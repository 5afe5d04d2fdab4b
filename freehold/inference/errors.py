"""What can go wrong with endpoints, and between a call and its answer.

InferenceError
├── TooBusy          429  the queue is full, or the wait for a turn was too long; Retry-After says when to come again
├── CallerPaused     429  calls of this caller ended the model's engine again and again; others are answered
├── DoesNotFit       503  the node's memory does not hold the model now; says what would
├── LoadFailed       503  the engine could not load it, in its own words
├── EngineLost       503  the engine's process died, or broke off, in the middle
│   └── EngineAway   503  and not of what was asked, of which it had told nothing yet: another may be asked
├── EngineFailed     502  the engine could not answer, in its own words
├── TooSlow          504  the engine said nothing for longer than it may
├── AnswerTooLarge   502  the engine's answer is over the limit
├── ContextTooLong   400  more tokens than the model takes; says the limit
├── NotAble          400  the model does not do what was asked
├── EngineRefused    4xx  the engine's own refusal, with its words
├── ModelUnknown     404  no served name like this that whoever asks may call; says close ones
├── SignInToCall     401  anonymous callers are not let to models here
├── MayNotCall       403  known, but its gate is shut, or the repository is disabled
└── EndpointOff      503  switched off; whoever owns it can switch it on

EndpointNotFound, NotYourEndpoint, NameClaimed, CannotDeploy, BadEndpoint, TooManyEndpoints: of who deploys.
"""

import math

from freehold.core.errors import BadRequest, Conflict, Forbidden, HubError, NotFound


class InferenceError(HubError):
    """``kind`` and ``param`` are ``type`` and ``param`` of an error in OpenAI's form."""

    status = 503
    code = "unavailable"
    kind = "server_error"
    param: str | None = None


class TooBusy(InferenceError):
    status = 429
    code = "too_busy"
    kind = "rate_limit_error"

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message, headers={"Retry-After": str(max(1, math.ceil(retry_after_s)))})
        self.retry_after_s = retry_after_s


class CallerPaused(InferenceError):
    status = 429
    code = "calls_end_the_engine"
    kind = "rate_limit_error"


class DoesNotFit(InferenceError):
    code = "does_not_fit"


class LoadFailed(InferenceError):
    """``reason`` is a ``compute.rules.Failure`` where one is known."""

    code = "load_failed"

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class EngineLost(InferenceError):
    code = "engine_lost"


class EngineAway(EngineLost):
    """It was not to be reached, had not read what was asked, or was ended by somebody while it worked on it: no word of
    an answer came, it did not end of what was asked, and another may be asked the same."""


class EngineFailed(InferenceError):
    status = 502
    code = "engine_failed"


class TooSlow(InferenceError):
    status = 504
    code = "engine_too_slow"


class AnswerTooLarge(InferenceError):
    status = 502
    code = "answer_too_large"


class ContextTooLong(InferenceError):
    """``limit_tokens`` is what one call may take, prompt and answer together; ``given_tokens`` 0: not counted."""

    status = 400
    code = "context_length_exceeded"
    kind = "invalid_request_error"

    def __init__(self, message: str, *, limit_tokens: int, given_tokens: int = 0, param: str = "messages") -> None:
        super().__init__(message)
        self.limit_tokens, self.given_tokens, self.param = limit_tokens, given_tokens, param

    @staticmethod
    def limit(tokens: int) -> str:
        """In OpenAI's own words and digits, by which clients of many makers know it."""
        return f"This model's maximum context length is {tokens} tokens"


class NotAble(InferenceError):
    status = 400
    code = "not_able"
    kind = "invalid_request_error"

    def __init__(self, message: str, *, param: str = "model") -> None:
        super().__init__(message)
        self.param = param


class EngineRefused(InferenceError):
    kind = "invalid_request_error"
    code = "engine_refused"

    def __init__(self, message: str, *, status: int, param: str | None = None) -> None:
        assert 400 <= status < 500, "what is the engine's fault is no refusal"
        super().__init__(message)
        self.status, self.param = status, param


class ModelUnknown(InferenceError):
    status = 404
    code = "model_not_found"  # as OpenAI names it: clients branch on it
    kind = "invalid_request_error"
    param = "model"


class SignInToCall(InferenceError):
    status = 401
    code = "invalid_api_key"  # as OpenAI names it
    kind = "invalid_request_error"


class MayNotCall(InferenceError):
    status = 403
    code = "model_not_allowed"
    kind = "invalid_request_error"
    param = "model"


class EndpointOff(InferenceError):
    code = "model_off"
    param = "model"


# ---- of who deploys ----------------------------------------------------------------------------------------


class EndpointNotFound(NotFound):
    """No endpoint that whoever asks may see."""


class NotYourEndpoint(Forbidden):
    """It may be called, but not changed."""


class NameClaimed(Conflict):
    """Another endpoint, adapter, route or pipeline is served under this name."""


class CannotDeploy(BadRequest):
    """It cannot be served as asked; the message says why, and what would do instead."""


class BadEndpoint(BadRequest):
    """A value of an endpoint that cannot be."""


class TooManyEndpoints(Conflict):
    """The namespace has as many as it can."""
