"""Verdicts that lists ask for: kept as everybody may know them, and followed up when something they rest on changes."""

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from freehold.access.rules import ANONYMOUS
from freehold.cards import chains, links, queue
from freehold.cards.licences import permits
from freehold.cards.licences.verdict import Verdict
from freehold.cards.naming import Finder
from freehold.cards.tables import RepoCard, RepoFacts, RepoLink, RepoVerdict
from freehold.repos.events import RepoDeleted, RepoMoved, RepoSettingsChanged
from freehold.repos.tables import Repo, RepoAlias

#: Repositories that name one, judged anew in one task; the next task takes the next.
BATCH = 200


def judge(db: Session, repo: Repo) -> tuple[chains.Chain, bool]:
    """The verdict of ``repo`` is kept. The chain it was read from, and whether it changed for those that name it."""
    row = db.get(RepoVerdict, repo.id)
    card, facts = db.get(RepoCard, repo.id), db.get(RepoFacts, repo.id)
    adapts = (facts.adapter_base if facts is not None else None) or ""
    source = chains.source_of(card, adapts)
    chain = chains.of(db, Finder(db, ANONYMOUS), repo, source)
    verdict = chain.verdict
    before = None if row is None else (row.answer, row.own)
    if row is None:
        row = RepoVerdict(repo_id=repo.id)
        db.add(row)
    row.answer, row.own, row.version = verdict.answer, _own(verdict), permits.version()
    row.adapter_key = adapts.lower() or None
    db.flush()
    return chain, before != (row.answer, row.own)


def _own(verdict: Verdict) -> str:
    read = verdict.steps[0].reading
    return read.answer + ("" if all(one.derivatives == "yes" for one in read.licences) else ", unchanged")


def follow(db: Session, repo: Repo) -> None:
    """Those that name ``repo``, by this path, a former one or its id, are judged anew soon."""
    former = select(RepoAlias.path_key).where(RepoAlias.repo_id == repo.id, RepoAlias.kind == repo.kind)
    for path_key in (repo.path_key, links.named_by_id(repo.id), *db.scalars(former)):
        queue.ask_naming(db, repo.kind, path_key)


def ask_batch(db: Session, kind: str, path_key: str, after: str) -> None:
    """The next repositories that name this path are judged soon, and so on until there are no more."""
    named: Any = select(RepoLink.repo_id).where(RepoLink.kind == kind, RepoLink.path_key == path_key)
    if kind == "model":
        named = named.union(select(RepoVerdict.repo_id).where(RepoVerdict.adapter_key == path_key))
    these = named.subquery()
    query = select(these.c.repo_id).where(these.c.repo_id > after).distinct().order_by(these.c.repo_id).limit(BATCH)
    found = list(db.scalars(query))
    for repo_id in found:
        queue.ask_verdict(db, repo_id)
    if len(found) == BATCH:
        queue.ask_naming(db, kind, path_key, found[-1])


def forget(db: Session, repo: Repo) -> None:
    """Nothing is known of a repository whose ``main`` is gone."""
    db.execute(delete(RepoVerdict).where(RepoVerdict.repo_id == repo.id))
    follow(db, repo)


def on_moved(db: Session, event: RepoMoved) -> None:
    follow(db, event.repo)
    queue.ask_naming(db, event.repo.kind, event.old_path.lower())


def on_settings(db: Session, event: RepoSettingsChanged) -> None:
    if {"private", "visibility", "gated"} & set(event.changed):
        queue.ask_verdict(db, event.repo.id)  # how open its files are
        follow(db, event.repo)


def on_deleted(db: Session, event: RepoDeleted) -> None:
    follow(db, event.repo)
