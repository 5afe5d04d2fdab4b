"""What a model was made from counts for what it is: nobody can make it again who cannot make its base. Pure."""

from collections.abc import Sequence

from freehold.cards.openness.material import VALUES, Evidence, Material, Neighbour, Reading, Value

#: Ways to make a model that train nothing.
_UNTRAINED = frozenset({"quantized", "merge"})
MAX_SHOWN = 6


def counted(own: Reading, material: Material, dimension: str, words: str) -> Reading:
    """The reading of a model's own last step, with what is known of its bases.

    Open only if they are open as well. A quantisation or a merge, which trains nothing, has what its bases have.
    ``words``: for the summary, where the own step is open and a base is not.
    """
    if not material.bases:
        return own
    values = [_value(base, dimension) for base in material.bases]
    worst = max(values, key=VALUES.index)
    shown = [*own.evidence, *_shown(material.bases, values, dimension)]
    if own.value == "unknown" and all(base.relation in _UNTRAINED for base in material.bases):
        if worst == "open":
            return Reading("open", f"the {dimension} of its base is open", shown)
        if any(value in ("open", "partly") for value in values):
            return Reading("partly", f"the {dimension} of its base is partly open", shown)
        return Reading(own.value, own.short, shown)
    if own.value == "open" and worst != "open":
        return Reading("partly", words, shown)
    return Reading(own.value, own.short, shown)


def _value(base: Neighbour, dimension: str) -> Value:
    found = base.values.get(dimension, "unknown")
    return found if found in VALUES else "unknown"


def _shown(bases: Sequence[Neighbour], values: Sequence[Value], dimension: str) -> list[Evidence]:
    found = []
    for base, value in list(zip(bases, values, strict=True))[:MAX_SHOWN]:
        if base.is_hidden:
            found.append(Evidence("hidden", "", "what it was made from is a repository you may not see"))
        elif base.problem:
            found.append(Evidence("absent", base.path, "what it was made from is not here as far as you see"))
        else:
            found.append(Evidence("repo", f"{base.kind} {base.path}", f"made from it; {dimension} there: {value}"))
    return found
