"""Weights: can one have them, whole, in a form that is safe to load. Pure."""

from collections.abc import Mapping

from freehold.cards.openness.material import Evidence, Material, Reading, files

_ASKED = Evidence("field", "extra_gated_prompt", "its files are given on request")


def of(material: Material, refusals: Mapping[str, Evidence]) -> Reading:
    """Open: everything is here, its headers could be read, in a format that runs no code, for whoever may read it."""
    every, pickled, parts = (material.paths(role) for role in ("weights", "pickled", "incomplete"))
    problems = dict(material.facts.details.get("problems", ()))
    whole = set(every)
    read = material.facts.details.get("weights", ())
    sound = [one["path"] for one in read if one["parameters"] and one["path"] in whole]
    if not every and not pickled and not parts:
        if "weights" in refusals:
            return Reading("closed", "the weights are not given", [refusals["weights"]])
        return Reading("unknown", "no weights are here", [Evidence("fact", "", "none of its files holds weights")])
    if sound and all("adapter_model" in path for path in sound):
        return _adapter(material, sound)
    if sound:
        shown = files(sound, "its header could be read")
        if material.is_gated:
            return Reading("partly", "weights on request", [_ASKED, *shown])
        return Reading("open", "open weights", shown)
    return _unsound(material, problems)


def _adapter(material: Material, sound: list[str]) -> Reading:
    shown = files(sound, "an adapter: the rest is its base")
    bases = [one for one in material.bases if one.relation == "adapter"] or material.bases
    for base in bases[:4]:
        if base.is_hidden:
            shown.append(Evidence("hidden", "", "its base is a repository you may not see"))
        elif base.problem:
            shown.append(Evidence("absent", base.path, "its base is not here as far as you see"))
        else:
            value = base.values.get("weights", "unknown")
            shown.append(Evidence("repo", f"{base.kind} {base.path}", f"its base; weights there: {value}"))
    return Reading("partly", "an adapter, without its base", ([_ASKED] if material.is_gated else []) + shown)


def _unsound(material: Material, problems: Mapping[str, str]) -> Reading:
    """There are files of weights, and none of them is whole, safe and read."""
    every, pickled, parts = (material.paths(role) for role in ("weights", "pickled", "incomplete"))
    gated = [_ASKED] if material.is_gated else []
    if parts and not every and not pickled:
        gone = Evidence("fact", "", f"not there: {', '.join(material.told.missing[:3])}")
        return Reading("partly", "weights with parts missing", [*gated, gone, *files(parts, "a part that is there")])
    broken = [path for path in every if path in problems]
    if broken and len(broken) == len(every) and not pickled:
        shown = [Evidence("file", path, f"cannot be read: {problems[path]}") for path in broken[:4]]
        return Reading("unknown", "no weights that can be read", shown)
    unread = [path for path in every if path not in problems]
    if unread:
        shown = files(unread, "in a form whose contents this hub does not look into")
        return Reading("partly", "weights in a form that is not looked into", [*gated, *shown])
    shown = files(pickled, "a pickle, which can run code on the machine that loads it")
    return Reading("partly", "weights only as pickles", [*gated, *shown])
