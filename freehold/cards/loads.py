"""The ways to load a model, from its files: each quantisation by itself, parts of one set together. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from freehold.cards import shape
from freehold.cards.memory import Load
from freehold.cards.shape import Shape

MAX_LOADS = 64
#: llama.cpp writes a second copy of these on a processor, in an order that it multiplies faster (docs/fit.md).
_REPACKED = frozenset({"Q4_0", "Q4_K", "IQ4_NL"})
#: Bytes of a weight by its type, for those that full precision leaves as they are.
_WHOLE = frozenset({"F32", "F16", "BF16", "F64", "I8", "I16", "I32", "I64"})
#: Of up to so many parameters, quantised weights are computed in full precision unless somebody chose otherwise: so
#: small a model wanders when its activations are rounded too (docs/decisions/0023).
SMALL_PARAMETERS = 500_000_000
_PART = re.compile(r"(.+)-\d{5}-of-\d{5}\.gguf")
#: Types of weights whose numbers are kept of a token with as many bytes.
_WIDE = frozenset({"F32", "F64"})


class Told(Protocol):
    """A file whose header was read: ``facts.FileTold``."""

    @property
    def path(self) -> str: ...
    @property
    def form(self) -> str: ...
    @property
    def told(self) -> Mapping[str, Any]: ...


def of(
    files: Sequence[tuple[str, int]], read: Sequence[Told], chosen: Sequence[Told], config: Mapping[str, Any]
) -> list[Load]:
    """Every way to load the model, the smallest first.

    ``files``: paths and bytes of all; ``read``: those with a header; ``chosen``: those that make the model, empty where
    one of them could not be read. Adapters, and what projects pictures into another model, are no models by themselves.
    """
    sizes = dict(files)
    found = [*_ggufs(sizes, read)]
    for form in ("safetensors", "onnx"):
        mine = [one for one in chosen if one.form == form]
        if mine and not any("adapter_model" in one.path for one in mine):
            found.append(_whole(form, mine, sizes, config))
    return sorted(found, key=lambda one: one.weights_bytes)[:MAX_LOADS]


def in_full(weights_bytes: int, told: Mapping[str, Any]) -> int:
    """Bytes of a GGUF file's weights with the quantised ones as 16-bit numbers; 0 where none is quantised."""
    parameters, sizes = told.get("parameters", {}), told.get("size_bytes", {})
    rounded = {kind: number for kind, number in parameters.items() if kind not in _WHOLE}
    more: int = sum(2 * number - sizes.get(kind, 0) for kind, number in rounded.items())
    return weights_bytes + more if rounded else 0


def is_small(told: Mapping[str, Any]) -> bool:
    """Whether it is computed in full precision where nobody chose otherwise."""
    parameters: Mapping[str, int] = told.get("parameters", {})
    return sum(parameters.values()) <= SMALL_PARAMETERS


def _ggufs(sizes: Mapping[str, int], read: Sequence[Told]) -> list[Load]:
    sets: dict[str, list[Told]] = {}
    for one in read:
        if one.form == "gguf" and "mmproj" not in one.path and _dimensions(one).get("type") != "adapter":
            part = _PART.fullmatch(one.path)
            sets.setdefault(part[1] if part else one.path, []).append(one)
    return [_gguf(name, parts, sizes) for name, parts in sets.items()]


def _gguf(name: str, parts: Sequence[Told], sizes: Mapping[str, int]) -> Load:
    """One file, or the parts of one: the first of them has the keys."""
    first = min(parts, key=lambda one: one.path)
    facts = first.told.get("facts", {})
    weights_bytes = sum(sizes.get(one.path, 0) for one in parts)
    return Load(
        form="gguf",
        name=name[:300],
        weights_bytes=weights_bytes,
        shape=shape.of_gguf(str(facts.get("architecture", "")), _dimensions(first)),
        quantisation=str(first.told.get("quantisation", ""))[:40],
        files=len(parts),
        context=facts.get("context_length"),
        repacked_bytes=sum(
            size for one in parts for kind, size in one.told.get("size_bytes", {}).items() if kind in _REPACKED
        ),
        full_bytes=in_full(weights_bytes, first.told) if len(parts) == 1 and is_small(first.told) else 0,
    )


def _dimensions(one: Told) -> Mapping[str, Any]:
    found: Mapping[str, Any] = one.told.get("dimensions", {})
    return found


def _whole(form: str, parts: Sequence[Told], sizes: Mapping[str, int], config: Mapping[str, Any]) -> Load:
    built = shape.of_config(config)
    if form == "onnx":
        built = _without_past(parts[0], built)
    types = {kind for one in parts for kind in one.told.get("parameters", {})}
    beside = sum(
        size
        for one in parts
        for path, size in sizes.items()
        if form == "onnx" and path.startswith((f"{one.path}_data", f"{one.path}.data"))
    )
    return Load(
        form=form,
        name=parts[0].path[:300],
        weights_bytes=sum(sizes.get(one.path, 0) for one in parts) + beside,
        shape=built,
        value_bytes=4 if (types and types <= _WIDE) or form == "onnx" else 2,
        files=len(parts),
    )


def _without_past(one: Told, built: Shape) -> Shape:
    """A graph that takes nothing it kept before keeps nothing: what goes in and out says so."""
    inputs = one.told.get("graph", {}).get("inputs", [])
    if inputs and not any("past" in str(port[0]).lower() for port in inputs):
        return Shape((), hidden=built.hidden, feed_forward=built.feed_forward, vocabulary=built.vocabulary)
    return built
