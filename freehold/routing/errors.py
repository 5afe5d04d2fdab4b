"""What can go wrong with routes."""

from freehold.core.errors import BadRequest, Conflict, Forbidden, NotFound
from freehold.inference.errors import AnswerTooLarge, ModelUnknown


class BadRoute(BadRequest):
    """A policy that cannot be; the message says what of it."""


class TooManyRoutes(Conflict):
    """The namespace has as many as it can."""


class RouteNotFound(NotFound):
    """No route that whoever asks may call or change: the answer is the same."""

    code = "model_not_found"


class NotYourRoute(Forbidden):
    """It may be called, but not changed."""


class NothingLeft(ModelUnknown):
    """Of everything behind a route nothing is left that whoever asks may call, or that takes such a call."""


class AnswerTooLong(AnswerTooLarge):
    """An answer that must be read whole before it goes on is too long for that."""
