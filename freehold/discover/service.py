"""What can be asked about repositories: one in depth, or many by filter. Nothing here writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from freehold.access.rules import Action, Actor
from freehold.cards import chains, inspecting, reading, results
from freehold.cards.facts import Facts
from freehold.cards.naming import Finder
from freehold.cards.openness import keeping
from freehold.cards.queries import facts_of
from freehold.content import queries as content
from freehold.content.kit import Kit
from freehold.content.rules import MAIN
from freehold.discover import answering, facts, info, queries, rules, weights
from freehold.discover.errors import NoLeaderboard
from freehold.discover.openness import told as openness_told
from freehold.discover.queries import Item
from freehold.repos import service as repos
from freehold.repos.access import may
from freehold.repos.tables import Repo
from freehold.spaces import queries as spaces

HEAD = "main"
#: Nothing scans files yet; the shape is the client's, the answer is the truth.
NOT_SCANNED = {"scansDone": False, "filesWithIssues": []}


@dataclass(frozen=True)
class Wanted:
    """What of a repository to tell. ``expand`` empty: everything; ``blobs``: sizes and digests of files too."""

    expand: tuple[str, ...] = ()
    blobs: bool = False
    security: bool = False


def repo_info(
    db: Session, kit: Kit, actor: Actor, kind: str, path: str, revision: str | None, wanted: Wanted
) -> dict[str, Any]:
    """The info of one repository at ``revision`` (None: the head of ``main``).

    A gated repository tells its facts to everyone who may know of it; its files need READ elsewhere (hub-api.md 8).
    Raises the coded errors for the repository and the revision. ``sha`` is None only while ``main`` is gone.
    """
    repo = repos.load(db, actor, path, Action.LIST, kind=kind)
    commit = content.head(db, repo, MAIN) if revision in (None, HEAD) else None
    if commit is None and revision is not None:
        commit = content.resolve_revision(db, repo, revision, kit)
    told = info.build(_subject(db, kit, actor, repo, commit, wanted.blobs), wanted.expand or info.WHOLE[kind])
    if revision is not None and "sha" not in told:
        told["sha"] = commit
    if wanted.security and kind == "model":
        told["securityRepoStatus"] = dict(NOT_SCANNED)
    return told


def openness(db: Session, kit: Kit, actor: Actor, kind: str, path: str) -> dict[str, Any]:
    """How open a model or a data set is at the head of ``main``, with the evidence, as ``actor`` may know it.

    Raises the coded errors for the repository; :class:`RevisionNotFound` while ``main`` is gone.
    """
    repo = repos.load(db, actor, path, Action.LIST, kind=kind)
    commit = content.resolve_revision(db, repo, HEAD, kit)
    known = facts.in_short(db, repo, kit, commit)
    computed = inspecting.facts_at(db, kit, repo, commit)
    data, tags = known.card.data, known.card.words.tags
    chain = chains.of(db, Finder(db, actor), repo, chains.Source(data, tags, computed.adapter_base or ""))
    read = keeping.as_seen(db, kit, repo, commit, computed, data, tags, chain)
    return {"id": repo.path, "sha": commit, **openness_told(kind, read)}


def scan_status(db: Session, actor: Actor, kind: str, path: str) -> dict[str, Any]:
    """What scanners found in the repository: they have not looked, and that is what is said."""
    repos.load(db, actor, path, Action.READ, kind=kind)
    return dict(NOT_SCANNED)


def safetensors_metadata(db: Session, kit: Kit, actor: Actor, path: str, filename: str) -> bytes:
    """JSON of the headers of a safetensors file, or of the parts that an index names, at the head of ``main``.

    Raises the coded errors for the repository and the file, :class:`NotSafetensors` for what is neither.
    """
    repo = repos.load(db, actor, path, Action.READ, kind="model")
    commit = content.resolve_revision(db, repo, HEAD, kit)
    return weights.told_headers(db, repo, kit, commit, filename)


def leaderboard(
    db: Session, kit: Kit, actor: Actor, path: str, *, task: str | None, with_derived: bool
) -> list[queries.Standing]:
    """Models that ``actor`` may know of, by their best score on a benchmark, the highest first.

    ``task`` None: the one that the benchmark's ``eval.yaml`` names first. Models made from others are left out unless
    ``with_derived``. Raises :class:`NoLeaderboard` for a data set that is no benchmark.
    """
    repo = repos.load(db, actor, path, Action.READ, kind="dataset")
    commit = content.head(db, repo, MAIN)
    text = reading.benchmark_text(content.objects(db, repo, kit), commit) if commit else None
    if text is None:
        raise NoLeaderboard(repo.path)
    return queries.standings(db, actor, repo, task or results.first_task(text), with_derived=with_derived)


def listed_all(
    db: Session, kit: Kit, actor: Actor, items: Sequence[Item], names: tuple[str, ...]
) -> list[dict[str, Any]]:
    """The items of a list, from the index; their files' facts in one query, where ``names`` ask for them."""
    asked = weights.KEYS & set(names)
    known = facts_of(db, [item.repo.id for item in items]) if asked else {}
    return [listed(db, kit, actor, item, names, known.get(item.repo.id)) for item in items]


def listed(
    db: Session, kit: Kit, actor: Actor, item: Item, names: tuple[str, ...], computed: Facts | None = None
) -> dict[str, Any]:
    """One item of a list, from the index; files only where ``names`` ask for them, and so of what its card says."""
    card, with_data = item.card, bool(info.OF_DATA & set(names))
    subject = info.Subject(
        repo=item.repo,
        sha=item.head,
        data=card.data if card and with_data else None,
        config=card.config if card and with_data else None,
        tags=card.tags if card else [],
        pipeline_tag=card.pipeline_tag if card else None,
        library_name=card.library_name if card else None,
        files=lambda: facts.of_commit(db, item.repo, kit, item.head).files if item.head else (),
        used_bytes=lambda: content.used_storage(db, item.repo),
        headers=lambda: weights.told(computed) if computed else {},
        runtime=lambda: _runtime(db, kit, item.repo),
        results=lambda: queries.results_of(db, item.repo),
        inference=lambda: answering.status(db, actor, item.repo),
        children=lambda: queries.children(db, item.repo),
    )
    return info.build(subject, names)


def found_space(db: Session, kit: Kit, actor: Actor, item: Item) -> dict[str, Any]:
    """A Space as a search shows it; what nobody computed (a score, a category) is absent."""
    told = listed(db, kit, actor, item, ("author", "sdk", "likes", "private", "tags", "runtime", "trendingScore"))
    card = (item.card.data if item.card else None) or {}
    shown = {key: card[key] for key in ("title", "emoji") if isinstance(card.get(key), str)}
    return {**told, "title": item.repo.name, **shown}


def tags_by_type(db: Session, actor: Actor, kind: str) -> dict[str, list[dict[str, str]]]:
    """The tags in use, grouped as clients show them: ``{type: [{id, label, type}]}``."""
    grouped: dict[str, list[dict[str, str]]] = {}
    for tag, _ in queries.tags(db, actor, kind):
        family = _family(tag, kind)
        grouped.setdefault(family, []).append({"id": tag, "label": tag.partition(":")[2] or tag, "type": family})
    return grouped


def tasks(db: Session, actor: Actor) -> Mapping[str, Any]:
    """The tasks that models here are for, as the inference client reads them."""
    known = {tag for tag, _ in queries.tags(db, actor, "model")} & set(rules.TASKS)
    return {task: {"id": task, "label": rules.TASKS[task], "widgetModels": []} for task in sorted(known)}


def _subject(db: Session, kit: Kit, actor: Actor, repo: Repo, commit: str | None, blobs: bool) -> info.Subject:
    if commit is None:
        return info.Subject(
            repo,
            None,
            None,
            None,
            (),
            None,
            None,
            files=tuple,
            used_bytes=lambda: content.used_storage(db, repo),
            runtime=lambda: _runtime(db, kit, repo, actor),
        )
    known = facts.of_commit(db, repo, kit, commit)
    words = known.card.words
    return info.Subject(
        repo=repo,
        sha=commit,
        data=known.card.data,
        config=known.card.config,
        tags=words.tags,
        pipeline_tag=words.pipeline_tag,
        library_name=words.library_name,
        files=lambda: known.files,
        used_bytes=lambda: content.used_storage(db, repo),
        headers=lambda: weights.of_commit(db, repo, kit, commit),
        with_blobs=blobs,
        runtime=lambda: _runtime(db, kit, repo, actor),
        results=lambda: reading.eval_results(content.objects(db, repo, kit), commit),
        inference=lambda: answering.status(db, actor, repo),
        children=lambda: queries.children(db, repo),
    )


def _runtime(db: Session, kit: Kit, repo: Repo, actor: Actor | None = None) -> dict[str, Any]:
    is_its_own = actor is not None and bool(may(actor, Action.WRITE, repo))
    return spaces.wire(spaces.runtime(db, kit, repo), with_volumes=is_its_own)


def _family(tag: str, kind: str) -> str:
    prefix, _, rest = tag.partition(":")
    if rest:
        return prefix
    if tag in rules.TASKS:
        return "pipeline_tag"
    if tag in rules.LIBRARIES:
        return "library"
    return "language" if kind == "model" and tag in rules.LANGUAGES else "other"
