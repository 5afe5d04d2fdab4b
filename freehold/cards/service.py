"""What happens to cards: they are checked before a commit and indexed after it. The only writer of ``cards.tables``."""

from collections.abc import Sequence

from sqlalchemy import delete
from sqlalchemy.orm import Session

from freehold.cards import inspecting, links, queue, reading, rules, tags, texts, verdicts
from freehold.cards.errors import BadCard
from freehold.cards.openness import keeping
from freehold.cards.results import Result
from freehold.cards.tables import EvalResult, RepoCard, RepoLink, RepoTag
from freehold.content import queries
from freehold.content.events import CommitProposed, RepoPushed
from freehold.content.kit import Kit
from freehold.content.rules import MAIN
from freehold.core.events import Bus
from freehold.gitkit.objects import Objects
from freehold.repos.events import RepoCreated, RepoDeleted, RepoMoved, RepoSettingsChanged
from freehold.repos.tables import Repo


def subscribe(bus: Bus, kit: Kit) -> None:
    """Cards are checked before every commit, and indexed after every push to ``main``, in the same transaction.

    Facts from the files follow a little later, in a background task.
    """
    bus.subscribe(CommitProposed, on_proposed)
    bus.subscribe(RepoPushed, lambda db, event: on_push(db, event, kit))
    bus.subscribe(RepoCreated, texts.on_created)
    bus.subscribe(RepoMoved, texts.on_moved)
    bus.subscribe(RepoMoved, verdicts.on_moved)
    bus.subscribe(RepoSettingsChanged, verdicts.on_settings)
    bus.subscribe(RepoDeleted, verdicts.on_deleted)


def on_proposed(db: Session, event: CommitProposed) -> None:
    """Refuse the commit when its card may not be published."""
    text = event.files.get(reading.README)
    if text is not None:
        refuse_bad(text, event.repo.kind)


def on_push(db: Session, event: RepoPushed, kit: Kit) -> None:
    """The index follows ``main``."""
    if event.ref != MAIN:
        return
    if event.after is None:
        forget(db, event.repo.id)
        texts.keep(db, event.repo, None, (), "")
        inspecting.forget(db, event.repo.id)
        keeping.forget(db, event.repo.id)
        verdicts.forget(db, event.repo)
        return
    index(db, event.repo, queries.objects(db, event.repo, kit), event.after)
    if event.repo.kind in queue.KINDS:
        queue.ask(db, event.repo.id)


def refuse_bad(text: bytes, kind: str) -> None:
    """Raise :class:`BadCard` when a README may not be published in a repository of ``kind``."""
    checked = rules.validate(text[: reading.MAX_CARD_BYTES].decode("utf-8", "replace"), kind)
    if checked.errors:
        raise BadCard(f"Invalid metadata in README.md.\n{rules.told(checked.errors, 'Error')}")


def index(db: Session, repo: Repo, objects: Objects, commit: str) -> RepoCard:
    """The index says what ``commit`` of ``repo`` says."""
    found, body = reading.read_whole(objects, commit, repo.kind)
    row = db.get(RepoCard, repo.id)
    if row is None:
        row = RepoCard(repo_id=repo.id)
        db.add(row)
    row.commit, row.data, row.config, row.summary = commit, found.data, found.config, found.summary
    row.tags = list(found.words.tags)
    row.license, row.pipeline_tag = _cut(found.words.license), _cut(found.words.pipeline_tag)
    row.library_name = _cut(found.words.library_name)
    db.flush()
    db.execute(delete(RepoTag).where(RepoTag.repo_id == repo.id))
    db.add_all(RepoTag(repo_id=repo.id, tag=tag) for tag in found.words.tags)
    db.execute(delete(RepoLink).where(RepoLink.repo_id == repo.id))
    db.add_all(
        RepoLink(repo_id=repo.id, relation=link.relation, kind=link.kind, path_key=link.path_key)
        for link in links.read(repo.kind, found.data, found.words.tags)
    )
    if repo.kind == "model":
        _index_results(db, repo, reading.eval_results(objects, commit))
    db.flush()
    texts.keep(db, repo, found.data, found.words.tags, body)
    return row


def _index_results(db: Session, repo: Repo, found: Sequence[Result]) -> None:
    db.execute(delete(EvalResult).where(EvalResult.repo_id == repo.id))
    db.add_all(
        EvalResult(
            repo_id=repo.id,
            position=position,
            filename=one.filename[:255],
            dataset_key=one.dataset.lower(),
            task=one.task,
            value=one.value,
            data=dict(one.data),
        )
        for position, one in enumerate(found)
    )


def forget(db: Session, repo_id: str) -> None:
    """The index knows nothing of a repository whose ``main`` is gone."""
    db.execute(delete(RepoTag).where(RepoTag.repo_id == repo_id))
    db.execute(delete(RepoLink).where(RepoLink.repo_id == repo_id))
    db.execute(delete(RepoCard).where(RepoCard.repo_id == repo_id))
    db.execute(delete(EvalResult).where(EvalResult.repo_id == repo_id))


def _cut(word: str | None) -> str | None:
    """A card that came by git was not checked: its words may be longer than a column."""
    return None if word is None else word[: tags.MAX_TAG_CHARACTERS]
