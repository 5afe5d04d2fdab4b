"""Reads of what is known of repositories: the facts of many, for lists."""

from collections.abc import Iterable, Mapping

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from freehold.cards.facts import Facts
from freehold.cards.inspecting import of_row
from freehold.cards.tables import RepoFacts


def facts_of(db: Session, repo_ids: Iterable[str]) -> Mapping[str, Facts]:
    """The facts of these repositories at the head of ``main``, by id, in one query.

    One that has none yet (it was pushed this moment) is absent. What the card declares: ``RepoCard.data``.
    """
    query = select(RepoFacts).where(RepoFacts.repo_id.in_(list(repo_ids)))
    return {row.repo_id: of_row(row) for row in db.scalars(query)}


def parameters_between(at_least: int | None, at_most: int | None) -> tuple[ColumnElement[bool], ...]:
    """Conditions on :class:`RepoFacts` for so many parameters; a repository whose number is unknown meets none."""
    column = RepoFacts.parameters
    bounds = ((at_least, column.__ge__), (at_most, column.__le__))
    return tuple(compare(bound) for bound, compare in bounds if bound is not None)


def needs_at_most(room_bytes: int) -> ColumnElement[bool]:
    """The condition on :class:`RepoFacts` that a model fits into so much memory; one of unknown need does not."""
    return RepoFacts.needed_bytes <= room_bytes
