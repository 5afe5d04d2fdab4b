"""The way a repository came about, gathered for one reader, and the answer that follows from the licences on it.

Bounded however much is named: some generations, some repositories; what lies beyond is unresolved, as is what the
reader may not see. A repository that may not be seen looks like one that is not there, unless the namespace of the
one asked about may know of it and has told by naming it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from freehold.cards import links
from freehold.cards.licences.verdict import (
    DRAWN,
    HIDDEN,
    NOT_FOLLOWED,
    NOT_HERE,
    TOO_MANY,
    TRAINED,
    WRITTEN,
    Edge,
    Node,
    Said,
    Verdict,
    judge,
    said,
)
from freehold.cards.naming import Finder, Seen, known_to
from freehold.cards.tables import RepoCard
from freehold.repos.tables import Repo

#: Generations walked up, and repositories and names looked at in all.
MAX_GENERATIONS, MAX_REPOS = 12, 400
_MORE = "? more"


@dataclass(frozen=True)
class Source:
    """What one repository says at a commit: its front matter, its tags, what its files say it is an adapter for."""

    data: Mapping[str, Any] | None
    tags: Sequence[str]
    adapter_base: str = ""


@dataclass(frozen=True)
class Chain:
    """The verdict with the graph that it was read from; ``repos`` are those that the reader may see, by node."""

    verdict: Verdict
    nodes: Mapping[str, Node]
    repos: Mapping[str, Repo]


@dataclass(frozen=True)
class _Named:
    """One name of a card. ``problem``: why no repository is looked for."""

    relation: str
    kind: str
    path: str
    problem: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.path.lower()


def of(db: Session, finder: Finder, repo: Repo, source: Source) -> Chain:
    """The chain of ``repo`` as the reader of ``finder`` may know it.

    Two queries a generation, more where something moved or hides; none for what the finder has found before.
    """
    root = _node(repo)
    sayings: dict[str, Said] = {root: said(source.data)}
    repos, problems = {root: repo}, {_MORE: Node("", problem=TOO_MANY)}
    named = {root: list(_names(repo.kind, source))}
    places: dict[tuple[str, str], str] = {}
    waiting = [one for one in named[root] if not one.problem]
    for generation in range(MAX_GENERATIONS + 1):
        asked = {one.key: one for one in waiting if one.key not in places}
        room = MAX_REPOS - len(places) if generation < MAX_GENERATIONS else 0
        for key in list(asked)[max(0, room) :]:
            places[key] = _MORE
            del asked[key]
        if not asked:
            break
        waiting = []
        for key, found in _looked_up(db, finder, repo, asked).items():
            if isinstance(found, Node):
                places[key] = f"? {key[0]} {key[1]}"
                problems[places[key]] = found
                continue
            place = places[key] = _node(found.repo)
            if place not in named:
                above = _source(found)
                repos[place], sayings[place] = found.repo, said(above.data)
                named[place] = list(_names(found.repo.kind, above))
                waiting += [one for one in named[place] if not one.problem]
    nodes = dict(problems)
    for place, ones in named.items():
        edges = []
        for one in ones:
            to = places[one.key] if not one.problem else f"? {one.kind} {one.path}"
            if one.problem:
                nodes[to] = Node(one.path, problem=one.problem)
            edges.append(Edge(one.relation, to))
        nodes[place] = Node(repos[place].path, sayings[place], edges)
    return Chain(judge(nodes, root), nodes, repos)


def source_of(card: RepoCard | None, adapter_base: str) -> Source:
    """What the index knows of a repository."""
    return Source(card.data, card.tags, adapter_base) if card is not None else Source(None, (), adapter_base)


def _source(found: Seen) -> Source:
    return source_of(found.card, found.adapter_base)


def _node(repo: Repo) -> str:
    return f"{repo.kind} {repo.path_key}"


def _looked_up(
    db: Session, finder: Finder, root: Repo, asked: Mapping[tuple[str, str], _Named]
) -> dict[tuple[str, str], Seen | Node]:
    """Each as a repository, or as a node that says why there is none."""
    told: dict[tuple[str, str], Seen | Node] = {}
    for kind in ("model", "dataset"):
        keys = [path for place, path in asked if place == kind]
        if not keys:
            continue
        found = finder.find(kind, keys)
        known = known_to(db, root, found.hidden)
        for path in keys:
            seen = found.seen.get(path)
            if seen is not None:
                told[kind, path] = seen
            elif path in known or links.id_in(path):
                told[kind, path] = Node("", problem=HIDDEN)
            else:
                told[kind, path] = Node(asked[kind, path].path, problem=NOT_HERE)
    return told


# ---- what a card names, whether it can be followed or not ----------------------------------------------------------


def _names(kind: str, source: Source) -> Iterator[_Named]:
    """All that a model or a data set names, bounded; what cannot be followed is told as such."""
    if kind not in ("model", "dataset"):
        return
    data = dict(source.data or {})
    read = links.read(kind, data, source.tags)
    yield from (_Named(link.relation, link.kind, link.path) for link in read)
    if kind == "dataset":
        yield from _unfollowed(DRAWN, links.sources(data))
        yield from _unfollowed(WRITTEN, [one["model"] for one in links.makers(data)])
    else:
        for key, relation in (("base_model", "finetune"), ("datasets", TRAINED)):
            given = data.get(key)
            yield from _unfollowed(relation, given if isinstance(given, list) else [] if given is None else [given])
        yield from _adapted(source, [link.path_key for link in read if link.relation in links.MADE])
    if len(read) >= links.MAX_LINKS:
        yield _Named(DRAWN if kind == "dataset" else "finetune", "", "", TOO_MANY)


def _unfollowed(relation: str, listed: Sequence[Any]) -> Iterator[_Named]:
    for item in listed[: links.MAX_LINKS]:
        if not isinstance(item, str) or not links.leads(item):
            yield _Named(relation, "", item[:80] if isinstance(item, str) else "", NOT_FOLLOWED)
    if len(listed) > links.MAX_LINKS:
        yield _Named(relation, "", "", TOO_MANY)


def _adapted(source: Source, bases: Sequence[str]) -> Iterator[_Named]:
    """What an adapter's files say it is for, where its card does not say the same."""
    base = source.adapter_base
    if base and links.leads(base):
        if base.lower() not in bases:
            yield _Named("adapter", "model", base)
    elif not bases and (base or "peft" in source.tags):
        yield _Named("adapter", "", base[:80], NOT_FOLLOWED)
