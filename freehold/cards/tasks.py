"""What the background tasks of this room do, and how repositories that nobody pushes to get theirs."""

from sqlalchemy import and_, or_, select

from freehold.cards import inspecting, queue
from freehold.cards.queue import FACTS
from freehold.cards.tables import RepoFacts
from freehold.content import queries as content
from freehold.content.kit import Kit
from freehold.content.rules import MAIN
from freehold.content.tables import Ref
from freehold.core.database import Database
from freehold.repos.tables import Repo
from freehold.tasks.periodic import Periodic
from freehold.tasks.rules import Kind
from freehold.tasks.worker import Body, Turn

BACKFILL_S = 60
#: Repositories without facts that are asked for at a time.
BATCH = 200


def bodies(kit: Kit) -> dict[Kind, Body]:
    """Each kind with its body, for the worker."""

    def compute(turn: Turn, repo_id: str) -> None:
        with turn.database.read() as db:
            repo = db.get(Repo, repo_id)
            commit = content.head(db, repo, MAIN) if repo is not None else None
            gathered = inspecting.gather(db, kit, repo, commit) if repo is not None and commit is not None else None
        if gathered is None:
            return
        found, headers = inspecting.inspect(gathered)
        with turn.finishing() as db:
            repo = db.get(Repo, repo_id)
            # Another push meanwhile: its own task waits already.
            if repo is not None and content.head(db, repo, MAIN) == gathered.commit:
                inspecting.keep(db, repo, gathered.commit, found, headers)

    return {FACTS: compute}


def periodics(database: Database) -> tuple[Periodic, ...]:
    """What happens every so often."""
    return (Periodic("facts of older repositories", BACKFILL_S, Backfill(database).turn),)


class Backfill:
    """Asks for the facts of repositories that have none, or those of an older version: once through all of them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._after: str | None = ""

    def turn(self) -> int:
        """The next batch is asked for; how many. Costs nothing once there are no more."""
        if self._after is None:
            return 0
        query = (
            select(Repo.id)
            .join(Ref, and_(Ref.repo_id == Repo.id, Ref.name == MAIN))
            .outerjoin(RepoFacts, RepoFacts.repo_id == Repo.id)
            .where(Repo.id > self._after, Repo.kind.in_(queue.KINDS))
            .where(or_(RepoFacts.repo_id.is_(None), RepoFacts.version != inspecting.VERSION))
            .order_by(Repo.id)
            .limit(BATCH)
        )
        with self._database.read() as db:
            found = list(db.scalars(query))
        if found:
            with self._database.write() as db:
                for repo_id in found:
                    queue.ask(db, repo_id)
        self._after = found[-1] if len(found) == BATCH else None
        return len(found)
