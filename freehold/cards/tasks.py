"""What the background tasks of this room do, and how repositories that nobody pushes to get theirs."""

from typing import Any

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from freehold.cards import inspecting, queue, texts, verdicts
from freehold.cards.licences import permits
from freehold.cards.openness import gathering, keeping
from freehold.cards.openness.material import Told
from freehold.cards.queue import FACTS, NAMING, TEXT, VERDICT
from freehold.cards.tables import RepoFacts, RepoOpenness, RepoText, RepoVerdict
from freehold.content import queries as content
from freehold.content.kit import Kit
from freehold.content.rules import MAIN
from freehold.content.tables import Ref
from freehold.core.database import Database
from freehold.repos.tables import Repo
from freehold.tasks.backfill import Backfill
from freehold.tasks.periodic import Periodic
from freehold.tasks.rules import Kind
from freehold.tasks.worker import Body, Turn
from freehold.wordkit import service as wordkit

BACKFILL_S = 60
#: Repositories whose words are asked for at a time: they are cut in a moment each.
TEXTS_BATCH = 2_000


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
        with turn.database.read() as db:
            repo = db.get(Repo, repo_id)  # headers of large files take a while: it may be gone by now
            told = gathering.told_at(db, kit, repo, gathered.commit, keeping.version()) if repo is not None else None
        with turn.finishing() as db:
            repo = db.get(Repo, repo_id)
            # Another push meanwhile: its own task waits already.
            if repo is not None and content.head(db, repo, MAIN) == gathered.commit:
                inspecting.keep(db, repo, gathered.commit, found, headers)
                _judge(db, repo, told)

    def judge(turn: Turn, repo_id: str) -> None:
        with turn.database.read() as db:
            repo = db.get(Repo, repo_id)
            told = keeping.told(db, kit, repo) if repo is not None else None
        with turn.finishing() as db:
            repo = db.get(Repo, repo_id)
            if repo is not None:
                _judge(db, repo, told)

    def ask_naming(turn: Turn, repo_kind: str, path_key: str, after: str) -> None:
        with turn.finishing() as db:
            verdicts.ask_batch(db, repo_kind, path_key, after)

    def cut(turn: Turn, repo_id: str) -> None:
        with turn.finishing() as db:
            repo = db.get(Repo, repo_id)
            if repo is not None:
                commit = content.head(db, repo, MAIN)
                texts.keep_at(db, repo, content.objects(db, repo, kit) if commit else None, commit)

    return {FACTS: compute, VERDICT: judge, NAMING: ask_naming, TEXT: cut}


def _judge(db: Session, repo: Repo, told: Told | None) -> None:
    """Licence and openness are kept as everybody may know them; where they change, those that name it follow."""
    chain, is_changed = verdicts.judge(db, repo)
    if keeping.judge(db, repo, told, chain) or is_changed:
        verdicts.follow(db, repo)


def periodics(database: Database) -> tuple[Periodic, ...]:
    """What happens every so often."""
    return (
        Periodic("facts of older repositories", BACKFILL_S, facts_backfill(database).turn),
        Periodic("licence verdicts of older repositories", BACKFILL_S, verdicts_backfill(database).turn),
        Periodic("words of older repositories", BACKFILL_S, texts_backfill(database).turn),
        Periodic("openness of older repositories", BACKFILL_S, openness_backfill(database).turn),
    )


def facts_backfill(database: Database) -> Backfill:
    """The facts that are not there, or were read by an older version."""

    def without(after: str) -> Select[str]:
        query = _without(Repo.id, RepoFacts, inspecting.VERSION, after)
        return query.join(Ref, and_(Ref.repo_id == Repo.id, Ref.name == MAIN)).where(Repo.kind.in_(queue.KINDS))

    return Backfill(database, without, queue.ask)


def verdicts_backfill(database: Database) -> Backfill:
    """The verdicts that an older table of licences gave, or none did. What has no facts waits for those: they bring
    one along."""
    return Backfill(
        database,
        lambda after: _without(RepoFacts.repo_id, RepoVerdict, permits.version(), after),
        queue.ask_verdict,
    )


def texts_backfill(database: Database) -> Backfill:
    """The words that are not there, or were cut in an older way."""
    return Backfill(
        database,
        lambda after: _without(Repo.id, RepoText, wordkit.VERSION, after),
        queue.ask_text,
        batch=TEXTS_BATCH,
    )


def openness_backfill(database: Database) -> Backfill:
    """The openness that older rules read, or none did."""
    return Backfill(
        database,
        lambda after: _without(RepoFacts.repo_id, RepoOpenness, keeping.version(), after),
        queue.ask_verdict,
    )


def _without(repo_id: Any, table: Any, version: int, after: str) -> Select[str]:
    """The repositories behind one, of those in a column of their ids, of which a table has no row of this version."""
    return (
        select(repo_id)
        .outerjoin(table, table.repo_id == repo_id)
        .where(repo_id > after, or_(table.repo_id.is_(None), table.version != version))
        .order_by(repo_id)
    )
