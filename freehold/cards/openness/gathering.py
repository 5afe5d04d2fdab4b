"""What openness is read from, gathered: from a commit once, and from what its card names for each reader anew."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from freehold.cards import frontmatter, reading
from freehold.cards.chains import Chain
from freehold.cards.facts import Facts
from freehold.cards.licences.verdict import HIDDEN, SOFT, TRAINED
from freehold.cards.openness import files, saying
from freehold.cards.openness.material import Material, Neighbour, Told, told_of
from freehold.cards.tables import EvalResult, RepoOpenness
from freehold.content import queries as content
from freehold.content.kit import Kit
from freehold.gitkit.objects import Objects
from freehold.repos.tables import Repo

#: Files whose names are looked at, and the largest index of weights that is read.
MAX_FILES, MAX_INDEX_BYTES = 100_000, 1 << 20
MAX_PARTS = 2_000
#: Data sets and bases that are looked at one by one.
MAX_NEIGHBOURS = 100


def told_at(db: Session, kit: Kit, repo: Repo, commit: str, version: int) -> Told:
    """What a commit says by itself: as kept, where that is of it and of this version, else read from it."""
    row = db.get(RepoOpenness, repo.id)
    if row is not None and row.commit == commit and row.version == version:
        return told_of(row.told)
    return read(content.objects(db, repo, kit), commit, repo.kind)


def read(objects: Objects, commit: str, kind: str) -> Told:
    """What ``commit`` of a repository of ``kind`` says by its files' names and its card's text."""
    found: list[tuple[str, int]] = []
    indexed: list[str] = []
    for entry in objects.walk(commit):
        if entry.kind != "file":
            continue
        found.append((entry.path, entry.true_size_bytes))
        is_index = entry.path.endswith((".safetensors.index.json", ".bin.index.json")) and "/" not in entry.path
        if is_index and entry.pointer is None and entry.size_bytes <= MAX_INDEX_BYTES:
            indexed += _parts(objects.blob(entry.oid))
        if len(found) >= MAX_FILES:
            break
    sorted_out = files.sorted_out(kind, found, indexed)
    text = frontmatter.split(reading.card_text(objects, commit)).body
    return Told(sorted_out.roles, sorted_out.missing, saying.read(text.replace("\x00", "")))


def _parts(index: bytes) -> list[str]:
    try:
        said = json.loads(index)
    except (ValueError, RecursionError):
        return []
    named = said.get("weight_map") if isinstance(said, dict) else None
    parts = named.values() if isinstance(named, dict) else ()
    return list(dict.fromkeys(one[:300] for one in parts if isinstance(one, str) and "\x00" not in one))[:MAX_PARTS]


def material(
    db: Session, repo: Repo, told: Told, facts: Facts, data: Any, tags: Sequence[str], chain: Chain
) -> Material:
    """All of it, as far as the reader of ``chain`` may know. Two queries at most."""
    root = chain.verdict.steps[0].node
    edges = list(chain.nodes[root].edges)[:MAX_NEIGHBOURS]
    rows: dict[str, RepoOpenness] = {}
    ids = [chain.repos[edge.to].id for edge in edges if edge.to in chain.repos]
    if ids:
        rows = {row.repo_id: row for row in db.scalars(select(RepoOpenness).where(RepoOpenness.repo_id.in_(ids)))}
    neighbours = []
    for edge in edges:
        other, node = chain.repos.get(edge.to), chain.nodes[edge.to]
        row = rows.get(other.id) if other is not None else None
        neighbours.append(
            Neighbour(
                relation=edge.relation,
                kind=other.kind if other is not None else "",
                path=other.path if other is not None else node.path,
                problem=node.problem,
                is_hidden=node.problem == HIDDEN,
                is_gated=bool(other.gated) if other is not None else False,
                values=row.values() if row is not None else {},
            )
        )
    results: Sequence[Any] = ()
    if repo.kind == "model":
        results = db.scalars(select(EvalResult.data).where(EvalResult.repo_id == repo.id).limit(100)).all()
    return Material(
        kind=repo.kind,
        told=told,
        facts=facts,
        data=data or {},
        tags=tags,
        is_gated=bool(repo.gated),
        steps=chain.verdict.steps,
        results=results,
        bases=[one for one in neighbours if one.relation not in SOFT],
        sets=[one for one in neighbours if one.relation == TRAINED],
    )
