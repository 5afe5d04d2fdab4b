"""What can go wrong in administering."""

from freehold.core.errors import BadRequest, Conflict, NotFound


class NotTheName(Conflict):
    """Something is confirmed by typing its name, and this was another one."""


class NotOneself(Conflict):
    """What would lock out who asks for it."""


class BadFilter(BadRequest):
    """A filter that means nothing."""


class RepoNotHere(NotFound):
    """No repository has the id, or it is gone."""
