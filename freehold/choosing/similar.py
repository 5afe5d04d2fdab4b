"""Others like one repository: found by a few lookups in indexes, however many there are.

Only public repositories are found, counted or in any way looked at, whoever asks: the answer is the same for everybody,
so it is kept for a while, and what is no longer public is left out when it is read.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, literal, select, union_all
from sqlalchemy.orm import Session

from freehold.access.rules import ANONYMOUS, HUB
from freehold.cards.tables import RepoCard, RepoFacts, RepoTag
from freehold.choosing import likeness
from freehold.choosing.likeness import CAP, MIN_LIKERS, Found, Similar, Subject, Trait
from freehold.community.tables import Like
from freehold.core import clock
from freehold.core.lru import Lru
from freehold.discover import register
from freehold.repos.tables import Repo

KINDS = ("model", "dataset")
MOST = 8
#: The most downloaded that are looked at besides, and candidates that are looked at closely.
POPULAR, CLOSE = 100, 40
#: People who like it and what else they like, looked at.
LIKERS, LIKED = 50, 2_000
KEPT, KEPT_S = 1_000, 60

#: By repository, its commit and the time, rounded: ids of the shown with why, and how many more of their families.
_kept: Lru[tuple[str, str, int], Sequence[tuple[str, Sequence[str], int]]] = Lru(KEPT)


def of(db: Session, repo: Repo, most: int = MOST) -> Sequence[Similar]:
    """Up to ``most`` public repositories that are like ``repo``, the nearest first, each with why."""
    if repo.kind not in KINDS:
        return ()
    card = db.get(RepoCard, repo.id)
    key = (repo.id, card.commit if card is not None else "", int(clock.now().timestamp()) // KEPT_S)
    kept = _kept.of(key, lambda: [(one.row.repo_id, one.reasons, one.others) for one in _found(db, repo, card, MOST)])
    ids = [repo_id for repo_id, _, _ in kept]
    rows = register.by_id(db, ANONYMOUS, ids, with_sparks=False) if ids else {}
    return [Similar(rows[repo_id], why, others) for repo_id, why, others in kept[:most] if repo_id in rows]


def _found(db: Session, repo: Repo, card: RepoCard | None, most: int) -> Sequence[Similar]:
    facts = db.get(RepoFacts, repo.id)
    tags = card.tags if card is not None else ()
    traits = likeness.traits(repo.kind, tags, (facts.architecture or "") if facts is not None else "")
    holding = _holding(db, repo, traits)
    likers = _likers(db, repo)
    holders = {trait: len(ids) for trait, ids in holding.items()}
    close = _closest(db, repo, holding, holders, likers)
    rows = register.by_id(db, ANONYMOUS, close, with_sparks=False) if close else {}
    own = register.by_id(db, HUB, [repo.id], with_sparks=False)[repo.id]  # whoever asks was let through to it before
    told = _tags(db, close, traits)
    found = [
        Found(
            row=rows[id],
            family=likeness.family(rows[id].path, told.get(id, ())),
            shared=[trait for trait in traits if trait.tag in told.get(id, ())],
            likers=likers.get(id, 0),
        )
        for id in close
        if id in rows
    ]
    subject = Subject(repo.path_key, likeness.family(repo.path, tags), traits, own)
    return likeness.nearest(subject, found, holders, most)


def _public(query: Any, repo: Repo) -> Any:
    """What this room's answers about likeness are made from, for everybody alike."""
    return query.where(Repo.kind == repo.kind, Repo.visibility == "public", Repo.id != repo.id)


def _holding(db: Session, repo: Repo, traits: Sequence[Trait]) -> Mapping[Trait, Sequence[str]]:
    """By trait, the newest that share it: one query, :data:`CAP` of each."""
    if not traits:
        return {}
    parts = []
    for at, trait in enumerate(traits):
        some: Any = select(literal(at).label("at"), RepoTag.repo_id).join(Repo, Repo.id == RepoTag.repo_id)
        some = _public(some, repo).where(RepoTag.tag == trait.tag).order_by(RepoTag.repo_id.desc()).limit(CAP)
        parts.append(select(some.subquery()))
    found: dict[Trait, list[str]] = {trait: [] for trait in traits}
    for at, repo_id in db.execute(union_all(*parts)):
        found[traits[at]].append(repo_id)
    return found


def _likers(db: Session, repo: Repo) -> Mapping[str, int]:
    """By repository, how many of the newest people who like ``repo`` like it too, from two on.

    Who likes what is public on this hub; of fewer nothing is said, so that no list is one person's taste.
    """
    people = select(Like.user_id).where(Like.repo_id == repo.id).order_by(Like.created_at.desc()).limit(LIKERS)
    some: Any = select(Like.repo_id, Like.user_id).join(Repo, Repo.id == Like.repo_id)
    some = _public(some, repo).where(Like.user_id.in_(people.scalar_subquery())).limit(LIKED).subquery()
    together = func.count().label("together")
    query = select(some.c.repo_id, together).group_by(some.c.repo_id).having(together >= MIN_LIKERS)
    found = db.execute(query.order_by(together.desc()).limit(CLOSE))
    return {str(repo_id): int(number) for repo_id, number in found}


def _closest(
    db: Session,
    repo: Repo,
    holding: Mapping[Trait, Sequence[str]],
    holders: Mapping[Trait, int],
    likers: Mapping[str, int],
) -> list[str]:
    """Ids worth a close look: those that share what says most, and the popular among them first where all is common."""
    popular: Any = _public(select(Repo.id), repo).order_by(Repo.downloads.desc()).limit(POPULAR)
    scores: dict[str, float] = dict.fromkeys(likers, 1.0)
    for trait, ids in holding.items():
        says = likeness.weight(trait, holders[trait])
        for id in ids:
            scores[id] = scores.get(id, 0) + says
    if any(number >= CAP for number in holders.values()) or len(scores) < MOST:
        common = [trait for trait, number in holders.items() if number >= CAP]
        for id, shared in _tags(db, list(db.scalars(popular)), common).items():
            says = sum(likeness.weight(trait, CAP) for trait in common if trait.tag in shared)
            scores[id] = max(scores.get(id, 0), says)
    return sorted(scores, key=lambda id: (-scores[id], id))[:CLOSE]


def _tags(db: Session, repo_ids: Sequence[str], traits: Sequence[Trait]) -> Mapping[str, set[str]]:
    """Of each repository the tags that are ``traits``, and what it says that it quantises."""
    if not repo_ids:
        return {}
    wanted = RepoTag.tag.in_([trait.tag for trait in traits])
    query = select(RepoTag.repo_id, RepoTag.tag).where(
        RepoTag.repo_id.in_(repo_ids), wanted | RepoTag.tag.startswith("base_model:quantized:", autoescape=True)
    )
    found: dict[str, set[str]] = {}
    for repo_id, tag in db.execute(query):
        found.setdefault(repo_id, set()).add(tag)
    return found
