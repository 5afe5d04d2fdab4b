"""Numbers of pull requests and discussions: one sequence a repository, from 1. Source: protocol/hub-api.md 3.6."""

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from freehold.content import rules
from freehold.content.tables import Numbering, Ref
from freehold.repos.tables import Repo


def next_number(db: Session, repo: Repo) -> int:
    """A number that nothing in ``repo`` has had. Whoever asks meanwhile waits until this transaction ends.

    A number is given once: what is deleted keeps its own. Rolled back with the transaction, so there are no gaps.
    """
    following = update(Numbering).where(Numbering.repo_id == repo.id).values(last=Numbering.last + 1)
    number = db.scalar(following.returning(Numbering.last))
    return number if number is not None else _first(db, repo)


def _first(db: Session, repo: Repo) -> int:
    """The row is made by the first call; of two first calls at once, the second counts on from the other's."""
    insert = postgresql.insert if db.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = insert(Numbering).values(repo_id=repo.id, last=_highest_pull(db, repo) + 1)
    counted = row.on_conflict_do_update(index_elements=[Numbering.repo_id], set_={"last": Numbering.last + 1})
    number: int = db.execute(counted.returning(Numbering.last)).scalar_one()
    return number


def _highest_pull(db: Session, repo: Repo) -> int:
    """Pull requests that are older than this table are named by their refs alone."""
    names = db.scalars(select(Ref.name).where(Ref.repo_id == repo.id, Ref.name.startswith(rules.PULLS)))
    return max((int(tail) for name in names if (tail := name.removeprefix(rules.PULLS)).isdecimal()), default=0)
