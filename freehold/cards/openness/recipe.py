"""Recipe: what one would need to know to make it again; of a data set, where it comes from. Pure."""

from collections.abc import Mapping

from freehold.cards.openness import bases
from freehold.cards.openness.material import Evidence, Material, Reading, files

#: So many settings of a training, with their values, are a recipe; fewer are remarks.
ENOUGH_SETTINGS = 4
#: So many words about where data comes from are a description; fewer are a remark.
ENOUGH_WORDS = 40
MAX_PAPERS = 4


def of(material: Material, refusals: Mapping[str, Evidence]) -> Reading:
    """Open: the settings of the training are told, and beside them a log, the code or a paper; partly: one of these."""
    return bases.counted(
        _own(material, refusals.get("recipe")),
        material,
        "recipe",
        "the recipe of its last step is told, that of its base is not",
    )


def _own(material: Material, refused: Evidence | None) -> Reading:
    settings = files([*material.paths("settings"), *material.paths("trainer")], "settings of its training")
    said = material.told.saying.settings
    section = material.told.saying.sections.get("recipe")
    if len(said) >= ENOUGH_SETTINGS:
        where = section.heading if section else ""
        settings.append(Evidence("section", where, f"tells {len(said)} settings: {', '.join(said)}"))
    logs = files(material.paths("log"), "a log of its training", 2)
    scripts = files(material.paths("training"), "the code of its training", 2)
    papers = _papers(material)
    quantiser = material.facts.details.get("quantiser")
    shown = [*settings, *logs, *scripts, *papers]
    if refused is not None:
        return Reading("partly" if shown else "closed", "the recipe is said not to be given", [refused, *shown])
    if settings and (logs or scripts or papers):
        return Reading("open", "the recipe is told", shown)
    if shown:
        return Reading("partly", "the recipe is told in part", shown)
    if quantiser:
        return Reading(
            "partly", "how it was quantised is told", [Evidence("file", "config.json", f"quantised by {quantiser}")]
        )
    if said or (section is not None and section.words >= ENOUGH_WORDS):
        there = Evidence("section", section.heading, "says something of it") if section else None
        told = Evidence("field", "", f"the card tells {', '.join(said)}") if said else None
        return Reading("unknown", "no recipe is told", [one for one in (there, told) if one])
    return Reading("unknown", "no recipe is told")


def _papers(material: Material) -> list[Evidence]:
    names = [tag.partition(":")[2] for tag in material.tags if tag.startswith("arxiv:")]
    found = [Evidence("link", f"https://arxiv.org/abs/{name}", f"arXiv {name}") for name in names[:MAX_PAPERS]]
    return found + files(material.paths("paper"), "a paper", 2)


def of_set(material: Material, refusals: Mapping[str, Evidence]) -> Reading:
    """Of a data set: open where its card tells where it comes from, and says so for machines or with links too."""
    section = material.told.saying.sections.get("origin")
    keys = [key for key in ("source_datasets", "annotations_creators", "language_creators") if material.data.get(key)]
    shown = [Evidence("field", key, "of the card") for key in keys]
    if "recipe" in refusals:
        return Reading("closed", "its origin is said not to be told", [refusals["recipe"]])
    if section is not None and section.words >= ENOUGH_WORDS:
        told = [Evidence("section", section.heading, f"{section.words} words on where it comes from"), *shown]
        told += [Evidence("link", link, "named there; this hub does not look outside") for link in section.links[:3]]
        if keys or section.links or _papers(material):
            return Reading("open", "its origin is told", [*told, *_papers(material)])
        return Reading("partly", "its origin is described in words alone", told)
    if shown or _papers(material):
        return Reading("partly", "its origin is told in part", [*shown, *_papers(material)])
    return Reading("unknown", "nothing is told of its origin")
