"""Repositories side by side as rows of cells, each with where it comes from. Pure.

What stands in a cell is what the repository's own page says. A best cell is marked only where nobody would call another
better: the longest context, the least memory, the highest score on one benchmark.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from freehold.cards.results import Result
from freehold.choosing.columns import Known
from freehold.discover import panels
from freehold.discover.kinship import MADE, MANY
from freehold.discover.licensing import Stop
from freehold.discover.lineage import Named
from freehold.web import figures

#: Benchmarks told of, and names in one cell.
MAX_BENCHMARKS, SHOWN_NAMES = 40, 4
FITS = {"yes": "fits", "tight": "fits tightly", "no": "does not fit", "unknown": "not known"}


@dataclass(frozen=True)
class Cell:
    """One thing of one repository, in words. ``evidence``: computed, declared, contradiction, unknown; empty: its own.

    ``links`` stand before ``value``: words and addresses (empty: none). ``number`` is what a best one is told by,
    ``best`` the word for it. ``mark``: the map-key square of an answer (``web``, ``ui.verdict``). ``why`` stands below.
    """

    value: str
    evidence: str = ""
    title: str = ""
    why: str = ""
    links: Sequence[tuple[str, str]] = ()
    mark: str = ""
    number: float | None = None
    best: str = ""

    @property
    def words(self) -> str:
        """All of it as text."""
        return ", ".join([*(word for word, _ in self.links), *([self.value] if self.value else [])])


@dataclass(frozen=True)
class Line:
    """A row: one cell for each column. ``address``: where its label leads."""

    label: str
    cells: Sequence[Cell]
    address: str = ""

    @property
    def differs(self) -> bool:
        return len({(cell.words, cell.mark, cell.why) for cell in self.cells}) > 1


@dataclass(frozen=True)
class Group:
    """Rows about one thing; ``note`` says under what conditions."""

    label: str
    lines: Sequence[Line]
    note: str = ""


NOT_STATED, NOTHING = Cell("not stated", "unknown"), Cell("—")
Say = Callable[[Known], Cell]


def groups(kind: str, known: Sequence[Known], fit_note: str, pages: Mapping[str, str]) -> Sequence[Group]:
    """The whole comparison of repositories of ``kind``. Rows of which nothing is known in any column are left out.

    ``pages``: of data sets that scores are on, by their keys, where there are any that the reader may see.
    """
    made = _of_models(known, fit_note) if kind == "model" else _of_data(known)
    found = [*made, _evaluation(known, pages), _popularity(known)]
    return [group for group in found if group.lines]


def differing(found: Sequence[Group]) -> tuple[Sequence[Group], Sequence[str]]:
    """The rows that differ, and the labels of those that do not."""
    alike = [line.label for group in found for line in group.lines if not line.differs]
    rest = [replace(group, lines=[line for line in group.lines if line.differs]) for group in found]
    return [group for group in rest if group.lines], alike


def _of_models(known: Sequence[Known], fit_note: str) -> Iterator[Group]:
    yield Group("What it is for", _lines(known, {"Task": _task, "Library": _library, "Languages": _fact("Languages")}))
    sizes = {"Parameters": _fact("Parameters"), "For each token": _active, "Files": _fact("Files")}
    more = {"Architecture": _fact("Architecture"), "Tokenizer": _fact("Tokenizer"), "Context": _context}
    yield Group("Size", _lines(known, sizes | more))
    formats = {"Weights": _fact("Weights"), "Quantisation": _fact("Quantisation"), "Pickles": _fact("Pickles")}
    yield Group("Formats", _lines(known, formats | {"Made from it here": _made_from}))
    licence = {"Licence": _fact("Licence"), "Commercial use": _verdict, "Decided by": _because}
    yield Group("May I use it commercially", _lines(known, licence))
    yield _openness(known)
    yield Group("Fits", _lines(known, {"On this machine": _fits, "Takes": _takes, "Loaded as": _loaded}), fit_note)
    yield Group("Where it comes from", _lines(known, {"Made from": _bases, "Trained on": _trained}))


def _of_data(known: Sequence[Known]) -> Iterator[Group]:
    yield Group("What it is for", _lines(known, {"Task": _task, "Languages": _fact("Languages")}))
    sizes = {"Rows": _rows, "Files": _fact("Files"), "Formats": _fact("Formats"), "Columns": _columns}
    yield Group("Size", _lines(known, sizes))
    licence = {"Licence": _fact("Licence"), "Commercial use": _verdict, "Decided by": _because}
    yield Group("May I use it commercially", _lines(known, licence))
    yield Group("Where it comes from", _lines(known, {"Made from": _drawn, "Written by": _writers}))
    used = {"Models trained on it": _users("trained"), "Data sets made from it": _users("drawn")}
    yield Group("Used", _lines(known, used | {"Spaces that use it": _users("uses")}))


def _lines(known: Sequence[Known], said: Mapping[str, Say]) -> list[Line]:
    lines = [Line(label, marked([say(one) for one in known])) for label, say in said.items()]
    return [line for line in lines if any(cell.words not in ("", "—") or cell.mark for cell in line.cells)]


def marked(cells: Sequence[Cell]) -> Sequence[Cell]:
    """``cells`` with ``best`` only where it is: the highest number among at least two that are not all alike."""
    numbers = [cell.number for cell in cells if cell.number is not None]
    if len(set(numbers)) < 2:
        return [replace(cell, best="") for cell in cells]
    return [cell if cell.number == max(numbers) else replace(cell, best="") for cell in cells]


# ---- cells ---------------------------------------------------------------------------------------------------------


def _fact(label: str) -> Say:
    """What the repository's page says under this label."""

    def say(known: Known) -> Cell:
        fact = _said(known, label)
        if fact is None:
            return NOTHING
        return Cell(fact.value, fact.evidence, fact.title, fact.why, fact.links)

    return say


def _said(known: Known, label: str) -> panels.Fact | None:
    return next((fact for fact in known.facts if fact.label == label), None)


def _task(known: Known) -> Cell:
    is_declared = {"pipeline_tag", "task_categories"} & known.declares
    return Cell(known.row.task, "declared" if is_declared else "computed") if known.row.task else NOT_STATED


def _library(known: Known) -> Cell:
    """A contradiction is a fact of the page; otherwise card or files say it."""
    if _said(known, "Library") is not None:
        return _fact("Library")(known)
    is_declared = "library_name" in known.declares
    return Cell(known.row.library, "declared" if is_declared else "computed") if known.row.library else NOT_STATED


def _active(known: Known) -> Cell:
    active = known.computed.active_parameters
    return Cell(figures.short(active), "computed", f"{active:,}") if active else NOTHING


def _context(known: Known) -> Cell:
    cell = _fact("Context")(known)
    length = known.computed.context_length
    return replace(cell, number=length, best="longest") if length else Cell("not known", "unknown")


def _rows(known: Known) -> Cell:
    """Counted in the files, else as the card says."""
    cell = _fact("Rows")(known)
    if cell.evidence == "unknown" and known.row.rows:
        return Cell(known.row.rows, "declared")
    return cell


def _columns(known: Known) -> Cell:
    named = [str(path) for path, _ in known.computed.details.get("columns") or ()]
    return Cell(_some(named), "computed", ", ".join(named)[:400]) if named else NOTHING


def _made_from(known: Known) -> Cell:
    """How much there is on this hub that was made from it."""
    told = [(relation, known.naming[relation].total) for relation in MANY if relation in known.naming]
    links = [(figures.plural(total, MADE[relation]), _family(known, relation)) for relation, total in told]
    return Cell("", links=links)


def _family(known: Known, relation: str) -> str:
    return panels.list_address("model", f"base_model:{relation}:{known.repo.path}")


def _bases(known: Known) -> Cell:
    nearest = known.origins.bases[0] if known.origins.bases else ()
    if not nearest:
        return Cell("no base is named", "unknown")
    return replace(_named(nearest), why=f"by {MADE[nearest[0].relation]}")


def _trained(known: Known) -> Cell:
    return _named(known.origins.data) if known.origins.data else NOT_STATED


def _drawn(known: Known) -> Cell:
    return _named(known.origins.data) if known.origins.data else NOTHING


def _writers(known: Known) -> Cell:
    return _named(known.origins.models) if known.origins.models else NOTHING


def _named(named: Sequence[Named]) -> Cell:
    shown = [
        ("a repository you may not see" if one.is_hidden else one.path[:200], one.address)
        for one in named[:SHOWN_NAMES]
    ]
    rest = len(named) - len(shown)
    return Cell(f"and {rest} more" if rest else "", "declared", links=shown)


def _users(relation: str) -> Say:
    def say(known: Known) -> Cell:
        found = known.naming.get(relation)
        return Cell(figures.count(found.total)) if found is not None else NOTHING

    return say


# ---- licence and fit -----------------------------------------------------------------------------------------------


def _verdict(known: Known) -> Cell:
    found = known.licensing
    return Cell(found.words, mark=found.answer) if found is not None else NOTHING


def _because(known: Known) -> Cell:
    """The edge or the licence that the verdict comes from."""
    if known.licensing is None or known.licensing.answer == "yes":
        return NOTHING
    way = known.licensing.way
    limit = next((stop for stop in way if stop.limits), None)
    if limit is None:
        return NOTHING
    if limit.is_own:
        return Cell("its own licence", why=limit.limits)
    return replace(_stop(way[way.index(limit) + 1]), why=f"{limit.edge}: {limit.limits}")


def _openness(known: Sequence[Known]) -> Group:
    """Dimension by dimension, as the pages answer it."""
    labels = dict.fromkeys(answer.label for one in known if one.openness for answer in one.openness.answers)
    return Group("How open it is", _lines(known, {label: _open(label) for label in labels}))


def _open(label: str) -> Say:
    def say(known: Known) -> Cell:
        answers = known.openness.answers if known.openness is not None else ()
        found = next((answer for answer in answers if answer.label == label), None)
        return Cell(found.word, mark=found.mark, why=found.short) if found is not None else NOTHING

    return say


def _stop(stop: Stop) -> Cell:
    name = "a repository you may not see" if stop.kin.is_hidden else stop.kin.path or "more than is followed"
    return Cell("", links=[(name, stop.kin.address)])


def _fits(known: Known) -> Cell:
    best = known.fit.best if known.fit is not None else None
    if best is None:
        return Cell("not known", "unknown")
    return Cell(FITS[best.verdict], "unknown" if best.verdict == "unknown" else "computed", why=best.need.why)


def _takes(known: Known) -> Cell:
    need = known.fit.best.need if known.fit is not None else None
    if need is None:
        return NOTHING
    if need.total_bytes is None:
        return Cell(f"over {figures.size(need.least_bytes)}", "computed", f"{need.least_bytes:,} bytes without a cache")
    title = f"{need.total_bytes:,} bytes, give or take {figures.size(need.margin_bytes)}"
    return Cell(figures.size(need.total_bytes), "computed", title, number=-need.total_bytes, best="least")


def _loaded(known: Known) -> Cell:
    best = known.fit.best if known.fit is not None else None
    return Cell(f"{best.label} in {best.need.engine}", title=best.name) if best is not None else NOTHING


# ---- evaluation ----------------------------------------------------------------------------------------------------


def _evaluation(known: Sequence[Known], pages: Mapping[str, str]) -> Group:
    """Scores on the same task of the same benchmark side by side; what only one of them has is counted."""
    best = [_best(one.results) for one in known]
    named = [key for of_one in best for key in of_one]
    shared = [key for key in dict.fromkeys(named) if named.count(key) > 1]
    lines = []
    for key in shared[:MAX_BENCHMARKS]:
        cells = marked([_score(of_one.get(key)) for of_one in best])
        lines.append(
            Line(_benchmark(next(of_one[key][0] for of_one in best if key in of_one)), cells, pages.get(key[0], ""))
        )
    alone = len(dict.fromkeys(named)) - len(shared)
    notes = ["As their owners state them; a benchmark's highest score stands first on its leaderboard"] if lines else []
    if alone and lines:
        notes.append(f"{figures.plural(alone, 'score')} more that only one of them has")
    return Group("Evaluation", lines, ". ".join(notes))


def _benchmark(result: Result) -> str:
    said = result.data.get("dataset") or {}
    return f"{said.get('id') or result.dataset} · {result.task}"[:200]


def benchmarks(known: Sequence[Known]) -> Sequence[str]:
    """The keys of all data sets that scores are on."""
    return list(dict.fromkeys(result.dataset.lower() for one in known for result in one.results))


def _best(results: Sequence[Result]) -> dict[tuple[str, str], tuple[Result, int]]:
    """By benchmark and task, the best result and how many there are."""
    found: dict[tuple[str, str], tuple[Result, int]] = {}
    for result in results:
        if result.value is None:
            continue
        key = (result.dataset.lower(), result.task)
        best, number = found.get(key, (result, 0))
        found[key] = (max(best, result, key=lambda one: one.value or 0), number + 1)
    return found


def _score(found: tuple[Result, int] | None) -> Cell:
    if found is None:
        return Cell("not tested", "unknown")
    result, number = found
    title = ", ".join(_conditions(result.data)) + (f"; the best of {number} results" if number > 1 else "")
    return Cell(f"{result.value:.6g}", "declared", title.strip("; "), number=result.value, best="highest")


def _conditions(data: Mapping[str, Any]) -> Iterator[str]:
    date, notes = data.get("date"), data.get("notes")
    if date:
        yield str(date)[:20]
    if isinstance(notes, str) and notes:
        yield notes[:200]


# ---- popularity ----------------------------------------------------------------------------------------------------


def _popularity(known: Sequence[Known]) -> Group:
    said: dict[str, Say] = {
        "Downloads, 30 days": lambda one: Cell(figures.count(one.row.downloads)),
        "Downloads in all": lambda one: Cell(figures.count(one.repo.downloads_all_time)),
        "Last 7 days": _trend,
        "Likes": lambda one: Cell(figures.count(one.row.likes)),
        "Last changed": lambda one: Cell(f"{one.row.updated_at:%Y-%m-%d}", title=figures.exact(one.row.updated_at)),
        "There since": lambda one: Cell(f"{one.row.created_at:%Y-%m-%d}", title=figures.exact(one.row.created_at)),
    }
    return Group("Popularity", _lines(known, said))


def _trend(known: Known) -> Cell:
    spark = known.row.spark
    if spark is None:
        return NOTHING
    return Cell(figures.count(spark.this_week), why=f"{figures.count(spark.last_week)} in the 7 before")


def _some(words: Sequence[str]) -> str:
    rest = len(words) - SHOWN_NAMES
    return ", ".join(words[:SHOWN_NAMES]) + (f" and {rest} more" if rest > 0 else "")
