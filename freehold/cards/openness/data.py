"""Data: what a model was trained on, and whether one can have it; of a data set, whether its data are here. Pure."""

from collections.abc import Mapping, Sequence

from freehold.cards.openness import bases
from freehold.cards.openness.material import Evidence, Material, Neighbour, Reading, files

MAX_SHOWN = 8


def of(material: Material, refusals: Mapping[str, Evidence]) -> Reading:
    """Open: every data set that the card names is here, for everybody who may read the model, under an open licence.

    Whether what is named is all there was, nobody can see; docs/openness.md says so.
    """
    own = _own(material, refusals.get("data"))
    return bases.counted(own, material, "data", "the data of its last step is here, that of its base is not")


def _own(material: Material, refused: Evidence | None) -> Reading:
    if material.sets:
        return _named(material.sets, refused)
    section = material.told.saying.sections.get("data")
    shown = []
    if section is not None:
        shown.append(Evidence("section", section.heading, "describes it in words"))
        shown += [Evidence("link", link, "named there; this hub does not look outside") for link in section.links[:4]]
    if refused is not None:
        return Reading("closed", "the data is said not to be given", [refused, *shown])
    if section is not None and section.links:
        return Reading("partly", "the data is described, and is not here", shown)
    if section is not None:
        return Reading("unknown", "the data is described without a source that one can go to", shown)
    return Reading("unknown", "nothing is told of the data")


def _named(sets: Sequence[Neighbour], refused: Evidence | None) -> Reading:
    shown = [_set(one) for one in sets[:MAX_SHOWN]] + ([refused] if refused else [])
    if len(sets) > MAX_SHOWN:
        shown.append(Evidence("fact", "", f"and {len(sets) - MAX_SHOWN} more"))
    here = [one for one in sets if not one.problem]
    if refused is not None:
        return Reading("partly" if here else "closed", "some of the data is said not to be given", shown)
    if not here:
        return Reading("partly", "the data is named but not here", shown)
    if len(here) < len(sets):
        return Reading("partly", "only some of the data is here", shown)
    if any(one.is_gated for one in here):
        return Reading("partly", "the data is given on request", shown)
    if all(one.values.get("data") == "open" for one in here):
        if all(one.values.get("licence") == "open" for one in here):
            return Reading("open", "the data is here", shown)
        return Reading("partly", "the data is here, and not all of it under an open licence", shown)
    return Reading("partly", "the data is named, and its files are not all here", shown)


def _set(one: Neighbour) -> Evidence:
    if one.is_hidden:
        return Evidence("hidden", "", "trained on a repository you may not see")
    if one.problem:
        return Evidence("absent", one.path, "named by the card; not here as far as you see")
    said = "on request" if one.is_gated else one.values.get("data", "not looked into yet")
    return Evidence(
        "repo", f"{one.kind} {one.path}", f"data there: {said}; licence: {one.values.get('licence', 'unknown')}"
    )


def of_set(material: Material, refusals: Mapping[str, Evidence]) -> Reading:
    """Of a data set: open where there are files of data that whoever may read it can read."""
    here = material.paths("data")
    if here:
        shown = files(here, "data")
        if material.is_gated:
            return Reading("partly", "data on request", [Evidence("field", "extra_gated_prompt", "on request"), *shown])
        return Reading("open", "open data", shown)
    if "data" in refusals:
        return Reading("closed", "the data is not given", [refusals["data"]])
    return Reading("unknown", "no data is here", [Evidence("fact", "", "none of its files holds data")])
