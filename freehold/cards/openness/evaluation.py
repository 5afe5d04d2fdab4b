"""Evaluation: results that somebody else could check. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from freehold.cards.openness.material import Evidence, Material, Reading, files

MAX_RESULTS = 100


def of(material: Material, refusals: Mapping[str, Evidence]) -> Reading:
    """Open: results that name what was measured on what, with a source, a log or the code; partly: figures alone."""
    kept, sources = [*material.results][:MAX_RESULTS], 0
    shown = []
    if kept:
        sources += sum(bool(one.get("source")) for one in kept)
        shown.append(Evidence("file", ".eval_results", f"{len(kept)} results, each with its data set"))
    index = [*_index(material.data.get("model-index"))]
    if index:
        sources += sum(has_source for _, has_source in index)
        names = list(dict.fromkeys(name for name, _ in index))
        shown.append(Evidence("field", "model-index", f"{len(index)} results, on {', '.join(names[:4])}"))
    logs = [*files(material.paths("harness"), "a log of an evaluation", 3)]
    logs += files(material.paths("evaluating"), "the code of an evaluation", 2)
    section = material.told.saying.sections.get("evaluation")
    if section is not None and section.has_figures:
        shown.append(Evidence("section", section.heading, "a table of figures"))
    has_results = bool(kept or index)
    if has_results and (sources or logs):
        said = [Evidence("fact", "", f"{sources} of them name a source")] if sources else []
        return Reading("open", "evaluated, with what it takes to check it", [*shown, *said, *logs])
    if shown and logs:
        return Reading("open", "evaluated, with what it takes to check it", [*shown, *logs])
    if shown:
        return Reading("partly", "evaluated, without what it takes to check it", shown)
    if logs:
        return Reading("partly", "logs of an evaluation lie there, and no results are told", logs)
    if "evaluation" in refusals:
        return Reading("closed", "the evaluation is said not to be given", [refusals["evaluation"]])
    return Reading("unknown", "no evaluation is told")


def _index(value: Any) -> Iterator[tuple[str, bool]]:
    """(data set, whether a source is named) of each result of ``model-index`` that has a figure."""
    for model in _dicts(value):
        for result in _dicts(model.get("results")):
            named = result.get("dataset")
            name = named.get("name") or named.get("type") if isinstance(named, dict) else None
            figures = [one for one in _dicts(result.get("metrics")) if isinstance(one.get("value"), int | float | str)]
            source = result.get("source")
            has_source = isinstance(source, dict) and isinstance(source.get("url"), str) and bool(source["url"])
            if isinstance(name, str) and name and figures:
                yield name[:80], has_source


def _dicts(value: Any) -> Sequence[Mapping[str, Any]]:
    return [one for one in value[:MAX_RESULTS] if isinstance(one, dict)] if isinstance(value, list) else []
