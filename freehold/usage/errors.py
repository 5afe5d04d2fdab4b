"""What can go wrong before a call: nothing left to spend, too many at a time, nobody to pay.

HubError
├── BudgetSpent   429  the month's budget is spent (OpenAI's ``insufficient_quota``)
├── RateLimited   429  too many calls or tokens in a minute; says when to come back
├── NotRecorded   503  what was used cannot be written down, so nothing more is let in
├── NoSuchPayer   403  an organisation that the actor does not belong to
├── BadAmount     422  a price, budget or limit that cannot be
├── NothingKept   404  no kept call that the actor may erase is meant
└── NothingSaid   422  which kept calls are meant is not said
"""

from freehold.core.errors import Forbidden, HubError, Malformed, NotFound, Unavailable


class BudgetSpent(HubError):
    """429 and not 402, because that is what OpenAI's clients expect of a quota that is spent."""

    status = 429
    code = "insufficient_quota"

    def __init__(self, message: str, *, retry_s: int | None = None) -> None:
        # Clients repeat a 429 twice unless told not to, and a month does not pass by repeating.
        # Source: openai-python, _base_client.py, _should_retry.
        headers = {"X-Should-Retry": "false"} if retry_s is None else {"Retry-After": str(retry_s)}
        super().__init__(message, headers=headers)


class RateLimited(HubError):
    status = 429
    code = "rate_limit_exceeded"

    def __init__(self, message: str, *, retry_s: int) -> None:
        super().__init__(message, headers={"Retry-After": str(retry_s)})


class NotRecorded(Unavailable):
    pass


class NoSuchPayer(Forbidden):
    pass


class BadAmount(Malformed):
    pass


class NothingSet(NotFound):
    pass


class NothingKept(NotFound):
    pass


class NothingSaid(Malformed):
    pass
