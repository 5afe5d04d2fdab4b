"""What happened to saved searches."""

from dataclasses import dataclass

from freehold.repos.tables import Repo
from freehold.searches.tables import SavedSearch


@dataclass(frozen=True)
class MatchesChanged:
    """How much is new to a search is another number now: ``number``, counted by its person's rights of this moment.

    ``is_fresh``: something was found that was not known; else there is less, because some went out of sight or changed.
    ``only``: the one repository, where it is one.
    """

    search: SavedSearch
    number: int
    only: Repo | None
    is_fresh: bool


@dataclass(frozen=True)
class SearchLooked:
    """Its person has seen what is new to it."""

    search: SavedSearch


@dataclass(frozen=True)
class SearchEnded:
    """It is gone, or paused: nothing of it is news any more."""

    search: SavedSearch
