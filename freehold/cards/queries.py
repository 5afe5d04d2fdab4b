"""Reads of what is known of repositories: the facts of many, for lists."""

from collections.abc import Iterable, Mapping

from sqlalchemy import select
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
