"""Whether this hub sends mail. Who does it lives above; people are told what to expect."""

from starlette.requests import Request


def sends_mail(request: Request) -> bool:
    """Whether links reach people by mail; otherwise whoever makes one gets to see it and hands it on."""
    return bool(getattr(request.app.state, "sends_mail", False))
