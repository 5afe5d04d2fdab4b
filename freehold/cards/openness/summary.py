"""All six answers in a sentence: no score, and nothing left out. Pure."""

from collections.abc import Mapping

from freehold.cards.openness.material import Reading

_NEXT = {"model": ("data", "code", "recipe", "evaluation"), "dataset": ("recipe", "code")}


def sentence(kind: str, found: Mapping[str, Reading]) -> str:
    """As "Open weights under an open licence; the data is named but not here; no recipe is told; …"."""
    first = "weights" if kind == "model" else "data"
    licence = found["licence"].short
    joined = (
        f"{found[first].short} under {licence}" if licence.startswith("a") and found[first].value != "unknown" else ""
    )
    parts = [joined] if joined else [found[first].short, licence]
    parts += [found[name].short for name in _NEXT[kind]]
    told = "; ".join(parts)
    return f"{told[:1].upper()}{told[1:]}."
