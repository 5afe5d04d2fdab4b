"""What can go wrong with saved searches."""

from freehold.core.errors import BadRequest, Conflict, NotFound


class BadSearch(BadRequest):
    """A search that cannot be saved as it was given."""


class SearchExists(Conflict):
    """The person has a search of this name, or this very search."""


class TooManySearches(Conflict):
    """The person has as many searches as they can."""


class SearchNotFound(NotFound):
    """No search of whoever asks has this id."""
