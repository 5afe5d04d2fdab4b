"""From names to columns: what is known of each repository that is to be compared, as far as the reader may know it.

Everything is read the way the repository's own page reads it, so that both say the same.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from freehold.cards import chains, inspecting, links, memory
from freehold.cards.facts import Facts as Computed
from freehold.cards.naming import Finder, Seen
from freehold.cards.openness import keeping
from freehold.cards.results import Result
from freehold.cards.tables import EvalResult
from freehold.choosing.rules import Asked, Name
from freehold.content import queries as content
from freehold.content.rules import MAIN
from freehold.core.errors import Unavailable
from freehold.core.http import Ask
from freehold.discover import facts, fitting, licensing, lineage, openness, panels, register
from freehold.discover.fitting import Fit
from freehold.discover.licensing import Licensing
from freehold.discover.lineage import Naming, Origins
from freehold.discover.register import Row
from freehold.repos.heads import ONE
from freehold.repos.rules import KINDS, page_path
from freehold.repos.tables import Repo

#: Of one repository: what its files hold of them beyond that is not compared.
MAX_RESULTS = 200


@dataclass(frozen=True)
class Known:
    """What a column is made from. ``computed`` and ``facts`` are empty for a repository that is shut or empty."""

    repo: Repo
    row: Row
    computed: Computed
    facts: Sequence[panels.Fact]
    origins: Origins
    naming: Mapping[str, Naming]
    licensing: Licensing | None
    openness: openness.Openness | None
    fit: Fit | None
    results: Sequence[Result]
    declares: frozenset[str]  #: what the card itself says, of what else follows from files


@dataclass(frozen=True)
class Column:
    """One repository of a comparison. ``known`` None: there is nothing to show, and ``problem`` says why.

    ``note``: what is to be said beside its name; ``without``: the comparison without it.
    """

    name: Name
    path: str
    address: str
    without: str
    known: Known | None = None
    problem: str = ""
    note: str = ""


def of(ask: Ask, asked: Asked, wish: fitting.Asked) -> Sequence[Column]:
    """The columns of ``asked`` in its order. One that is named by a former name too is there once."""
    finder = Finder(ask.db, ask.actor)
    seen = finder.find(asked.kind, {name.path.lower() for name in asked.names if name.kind == asked.kind}).seen
    ids = [found.repo.id for found in seen.values()]
    rows = register.by_id(ask.db, ask.actor, ids) if ids else {}
    results = _results(ask, ids)
    elsewhere = _elsewhere(finder, asked.kind, {name.path.lower() for name in asked.names} - set(seen))
    columns: list[Column] = []
    shown: set[str] = set()
    for name in asked.names:
        found = seen.get(name.path.lower()) if name.kind == asked.kind else None
        if found is None or found.repo.id not in rows:
            problem = _problem(asked.kind, name, elsewhere)
            columns.append(Column(name, name.path, "", asked.without(name), problem=problem))
        elif found.repo.id not in shown:
            shown.add(found.repo.id)
            known = _known(ask, finder, found, rows[found.repo.id], results.get(found.repo.id, ()), wish)
            moved = f"formerly {name.path}" if found.repo.path_key != name.path.lower() else ""
            address = page_path(found.repo.kind, found.repo.path)
            columns.append(Column(name, found.repo.path, address, asked.without(name), known, note=moved))
    return columns


def _elsewhere(finder: Finder, kind: str, keys: Collection[str]) -> Mapping[str, str]:
    """Of what is not of ``kind``: what it is instead, as far as the reader may know."""
    wanted = {key for key in keys if links.leads(key)}
    others = [other for other in KINDS if other != kind] if wanted else []
    return {key: other for other in others for key in finder.find(other, wanted).seen}


def _problem(kind: str, name: Name, elsewhere: Mapping[str, str]) -> str:
    """Why there is nothing to show. What is not there and what the reader may not see are told alike."""
    if not links.leads(name.path):
        return f"This is no name of a {ONE[kind]}, which is like namespace/name."
    other = elsewhere.get(name.path.lower())
    if other is not None:
        return f"This is a {ONE[other]}; {ONE[kind]}s are compared here."
    return f"There is no {ONE[kind]} of this name here as far as you see."


def _known(ask: Ask, finder: Finder, found: Seen, row: Row, results: Sequence[Result], wish: fitting.Asked) -> Known:
    repo = found.repo
    commit = content.head(ask.db, repo, MAIN)
    is_shut = repo.is_disabled and not ask.actor.is_admin
    known = facts.of_commit(ask.db, repo, ask.kit, commit) if commit and not is_shut else None
    computed = _computed(ask, repo, known.commit) if known else Computed()
    data = (known.card.data if known else None) or {}
    named = links.read(repo.kind, data, known.card.words.tags) if known else ()
    loads = computed.details.get("loads", ()) if repo.kind == "model" else ()
    chain = _chain(ask, finder, repo, known, computed) if known else None
    return Known(
        repo=repo,
        row=row,
        computed=computed,
        facts=panels.facts(repo, known, computed, content.used_storage(ask.db, repo)) if known else (),
        origins=lineage.origins(ask.db, finder, repo, named),
        naming=lineage.naming(ask.db, ask.actor, repo),
        licensing=licensing.licensing(chain) if chain else None,
        openness=_openness(ask, repo, known, computed, chain) if known and chain else None,
        fit=fitting.of([memory.load_of(one) for one in loads], wish),
        results=results if known else (),
        declares=frozenset(data),
    )


def _chain(ask: Ask, finder: Finder, repo: Repo, known: facts.Facts, computed: Computed) -> chains.Chain:
    source = chains.Source(known.card.data, known.card.words.tags, computed.adapter_base or "")
    return chains.of(ask.db, finder, repo, source)


def _openness(ask: Ask, repo: Repo, known: facts.Facts, computed: Computed, chain: chains.Chain) -> openness.Openness:
    data, tags = known.card.data, known.card.words.tags
    read = keeping.as_seen(ask.db, ask.kit, repo, known.commit, computed, data, tags, chain)
    return openness.panel(repo.kind, page_path(repo.kind, repo.path), read)


def _computed(ask: Ask, repo: Repo, commit: str) -> Computed:
    """What the files tell; nothing while too many others are looked into."""
    try:
        return inspecting.facts_at(ask.db, ask.kit, repo, commit)
    except Unavailable:
        return Computed()


def _results(ask: Ask, ids: Sequence[str]) -> Mapping[str, Sequence[Result]]:
    if not ids:
        return {}
    query = select(EvalResult).where(EvalResult.repo_id.in_(ids), EvalResult.position < MAX_RESULTS)
    found: dict[str, list[Result]] = {}
    for one in ask.db.scalars(query.order_by(EvalResult.repo_id, EvalResult.position)):
        result = Result(one.filename, one.dataset_key, one.task, one.value, one.data)
        found.setdefault(one.repo_id, []).append(result)
    return found
