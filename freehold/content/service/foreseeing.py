"""What the next reader of a history will ask for is looked up before: a long one would make its first page wait."""

import logging
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.content import queries, rules
from freehold.content.kit import Kit
from freehold.content.tables import Push
from freehold.core import clock
from freehold.core.database import Database
from freehold.gitkit.errors import MissingGitObject
from freehold.gitkit.objects import Objects
from freehold.repos.tables import Repo

log = logging.getLogger("freehold.content")
MAX_REPOS = 20
MAX_ENTRIES = 1000


class Foresight:
    """After each turn this node knows the history of what was pushed to since the turn before. Nothing needs it."""

    def __init__(self, database: Database, kit: Kit) -> None:
        self._database, self._kit = database, kit
        self._since = clock.now()

    def turn(self) -> int:
        """How many repositories were looked into."""
        since, self._since = self._since, clock.now()
        pushed = select(Push.repo_id).where(Push.at > since, Push.ref == rules.MAIN, Push.before.is_not(None))
        with self._database.read() as db:
            repo_ids = list(db.scalars(pushed.distinct().limit(MAX_REPOS)))
        return sum(self._look_into(repo_id) for repo_id in repo_ids)

    def _look_into(self, repo_id: str) -> bool:
        with self._database.read() as db:
            found = self._opened(db, repo_id)
        if found is None:
            return False
        objects, head = found
        try:
            entries = islice(objects.walk(head, recursive=False), MAX_ENTRIES)
            objects.last_changes(head, [entry.path for entry in entries])
        except MissingGitObject as err:
            log.warning("The history of repository %s cannot be read: %s", repo_id, err.message)
            return False
        return True

    def _opened(self, db: Session, repo_id: str) -> tuple[Objects, str] | None:
        repo = db.get(Repo, repo_id)
        head = queries.head(db, repo) if repo is not None else None
        return (queries.objects(db, repo, self._kit), head) if repo is not None and head is not None else None
