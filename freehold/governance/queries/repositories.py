"""Every repository, private ones too: that it is there, whose it is and what it takes. Not what is in it."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from freehold.accounts.tables import Account
from freehold.core import paging
from freehold.core.paging import BadCursor, Cursor
from freehold.governance.errors import RepoNotHere
from freehold.governance.queries import storage
from freehold.repos.tables import Repo

PAGE = 50
ORDERS = ("size", "changed", "name")


@dataclass(frozen=True)
class Row:
    """One repository and its bytes."""

    repo: Repo
    git_bytes: int
    large_bytes: int

    @property
    def size_bytes(self) -> int:
        return self.git_bytes + self.large_bytes


@dataclass(frozen=True)
class Wanted:
    """What is listed, and in which order."""

    search: str = ""
    owner: str = ""
    kind: str = ""
    order: str = "size"
    only_private: bool = False


def listed(db: Session, wanted: Wanted, *, cursor: str = "", limit: int = PAGE) -> tuple[Sequence[Row], str]:
    """Some repositories, and the cursor of what follows (empty: nothing does). Raises ``BadCursor``."""
    sizes = storage.of_repos()
    git, large = func.coalesce(sizes.c.git_bytes, 0), func.coalesce(sizes.c.large_bytes, 0)
    query = select(Repo, git, large).outerjoin(sizes, sizes.c.repo_id == Repo.id)
    if wanted.search:
        query = query.where(Repo.path_key.contains(wanted.search.lower(), autoescape=True))
    if wanted.owner:
        query = query.where(
            Repo.owner_id == select(Account.id).where(Account.key == wanted.owner.lower()).scalar_subquery()
        )
    if wanted.kind:
        query = query.where(Repo.kind == wanted.kind)
    if wanted.only_private:
        query = query.where(Repo.visibility == "private")
    if wanted.order == "name":
        query = query.order_by(Repo.path_key, Repo.id)
        if cursor:
            key, last = _opened(cursor)
            query = query.where(or_(Repo.path_key > key, and_(Repo.path_key == key, Repo.id > last)))
    elif wanted.order == "changed":
        query = query.order_by(Repo.updated_at.desc(), Repo.id.desc())
        if cursor:
            query = query.where(paging.after(Repo.updated_at, Repo.id, paging.decode(cursor)))
    else:
        query = query.order_by((git + large).desc(), Repo.id.desc())
        if cursor:
            size, last = _opened_size(cursor)
            total = git + large
            query = query.where(or_(total < size, and_(total == size, Repo.id < last)))
    rows = [Row(repo, int(g), int(b)) for repo, g, b in db.execute(query.limit(limit + 1))]
    return rows[:limit], _cursor(rows[limit - 1], wanted.order) if len(rows) > limit else ""


def one(db: Session, repo_id: str) -> Row:
    """One repository by its id. Raises :class:`RepoNotHere`."""
    repo = db.get(Repo, repo_id)
    if repo is None:
        raise RepoNotHere("This repository is gone, or never was.")
    sizes = storage.of_repos()
    found = db.execute(select(sizes.c.git_bytes, sizes.c.large_bytes).where(sizes.c.repo_id == repo.id)).first()
    return Row(repo, int(found[0]), int(found[1])) if found else Row(repo, 0, 0)


def _cursor(row: Row, order: str) -> str:
    if order == "changed":
        return paging.encode(Cursor(row.repo.updated_at, row.repo.id))
    where = row.repo.path_key if order == "name" else str(row.size_bytes)
    return base64.urlsafe_b64encode(json.dumps([where, row.repo.id]).encode()).decode().rstrip("=")


def _opened_size(cursor: str) -> tuple[int, str]:
    size, last = _opened(cursor)
    if not (size.isascii() and size.isdecimal() and int(size[:20]) < 2**62):  # what a database counts in
        raise BadCursor(_NOT_OURS)
    return int(size), last


_NOT_OURS = "The cursor is not one of this list: begin at its first page."


def _opened(cursor: str) -> tuple[str, str]:
    """The sort value as text, and the id."""
    try:
        where, last = json.loads(base64.urlsafe_b64decode(cursor[:600].encode() + b"=" * (-len(cursor) % 4)))
        if not isinstance(where, str) or not isinstance(last, str) or "\x00" in where + last:
            raise ValueError
    except (binascii.Error, ValueError, TypeError, RecursionError) as err:
        raise BadCursor(_NOT_OURS) from err
    return where, last
