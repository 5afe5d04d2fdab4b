"""ONNX: a protobuf message whose tensors may be most of the file: it is walked by its lengths, values stepped over.

Whatever claims to go past its end, or needs too many steps, is unreadable. Of what is nested only the branches and
bodies of operators are followed, a few deep. Source: github.com/onnx/onnx, onnx.proto3, and the protobuf encoding.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

from freehold.cards.headers.header import (
    BITS,
    MAX_DIMENSIONS,
    MAX_KEPT_TEXT,
    MAX_TENSORS,
    Header,
    Read,
    Tensor,
    Unreadable,
    short,
)

#: Reads of a window each: a walk jumps over every large tensor.
MAX_WINDOWS = 2_000
WINDOW_BYTES = 64 << 10
MAX_FIELDS = 1_500_000
MAX_OPERATORS = 300
MAX_ENTRIES = 1_000
#: Inputs and outputs that are told; a model with a cache has some hundred.
MAX_PORTS = 300
MAX_VALUES = 1 << 62
#: Graphs inside operators inside graphs.
MAX_DEPTH = 6
#: Operators whose attributes hold graphs.
_NESTING = frozenset({"If", "Loop", "Scan", "SequenceMap"})

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_TYPES = {1: "F32", 2: "U8", 3: "I8", 4: "U16", 5: "I16", 6: "I32", 7: "I64", 8: "text", 9: "BOOL", 10: "F16"}
_TYPES |= {11: "F64", 12: "U32", 13: "U64", 14: "C64", 15: "C128", 16: "BF16", 17: "F8_E4M3", 18: "F8_E4M3FNUZ"}
_TYPES |= {19: "F8_E5M2", 20: "F8_E5M2FNUZ", 21: "U4", 22: "I4", 23: "F4", 24: "F8_E8M0"}
_MODEL = {2: "producer_name", 3: "producer_version", 4: "domain", 6: "doc_string"}
_MODEL_NUMBERS = {1: "ir_version", 5: "model_version"}


def parse(read: Read, size_bytes: int) -> Header:
    """Initialisers, inputs, outputs and what the model says of itself. Raises :class:`Unreadable`.

    ``graph``: ``inputs`` and ``outputs`` as ``[name, type, [dimensions as text]]``, ``opsets`` as ``[domain,
    version]``, ``nodes`` and ``external`` (initialisers whose values lie in another file) as counts. Operators are
    entries.
    """
    walker = _Walker(read, size_bytes)
    model = _Model()
    for field, kind, start, end in walker.fields(0, size_bytes):
        if field == 7 and kind == _LENGTH:
            _graph(walker, start, end, model, "")
        elif field == 8 and kind == _LENGTH:
            model.opset(*_opset(walker, start, end))
        elif field == 14 and kind == _LENGTH and len(model.entries) < MAX_ENTRIES:
            key, value = _pair(walker, start, end)
            model.entries[f"metadata.{key}"] = value
        elif field in _MODEL and kind == _LENGTH:
            model.entries[_MODEL[field]] = walker.text(start, end)
        elif field in _MODEL_NUMBERS and kind == _VARINT:
            model.entries[_MODEL_NUMBERS[field]] = start
    return model.header()


class _Model:
    """What was found so far."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.entries: dict[str, Any] = {}
        self.operators: Counter[str] = Counter()
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []
        self.opsets: list[Any] = []
        self.external = 0

    def opset(self, domain: str, version: int) -> None:
        if len(self.opsets) < MAX_PORTS:
            self.opsets.append([domain or "ai.onnx", version])

    def keep(self, tensor: Tensor, is_external: bool) -> None:
        if tensor.name in self.tensors:
            raise Unreadable(f"it names the tensor {short(tensor.name)} twice")
        self.tensors[tensor.name] = tensor
        self.external += is_external
        if len(self.tensors) > MAX_TENSORS:
            raise Unreadable(f"it has over {MAX_TENSORS:,} tensors")

    def header(self) -> Header:
        if not self.tensors and not self.operators:
            raise Unreadable("it is no ONNX model: it has neither operators nor tensors")
        operators = {f"operators.{name}": number for name, number in self.operators.most_common(MAX_OPERATORS)}
        graph = {
            "inputs": [port for port in self.inputs if port[0] not in self.tensors],  # older models list both
            "outputs": self.outputs,
            "opsets": self.opsets,
            "nodes": self.operators.total(),
            "external": self.external,
        }
        return Header(tuple(self.tensors.values()), self.entries | operators, 0, graph)


def _graph(walker: "_Walker", start: int, end: int, model: _Model, where: str, depth: int = 0) -> None:
    """What a graph holds; that of an operator (``where`` is its path) has no inputs and outputs of the model's."""
    if depth > MAX_DEPTH:
        raise Unreadable(f"it has graphs in graphs, over {MAX_DEPTH} deep")
    for field, kind, at, until in walker.fields(start, end):
        if kind != _LENGTH:
            continue
        if field == 5:
            tensor, is_external = _tensor(walker, at, until)
            model.keep(tensor._replace(name=where + tensor.name), is_external)
        elif field == 1:
            _node(walker, at, until, model, where, depth)
        elif where:
            continue
        elif field == 11 and len(model.inputs) < MAX_PORTS + MAX_TENSORS:
            model.inputs.append(_port(walker, at, until))
        elif field == 12 and len(model.outputs) < MAX_PORTS:
            model.outputs.append(_port(walker, at, until))


def _node(walker: "_Walker", start: int, end: int, model: _Model, where: str, depth: int) -> None:
    """An operator is counted; the value of a Constant counts as a tensor of its output's name."""
    operator, name, output, attributes = "?", "", "", []
    for field, kind, at, until in walker.fields(start, end):
        if kind != _LENGTH:
            continue
        if field == 4:
            operator = walker.text(at, until)[:100]
        elif field == 3:
            name = walker.text(at, until)[:300]
        elif field == 2:
            output = walker.text(at, until)[:300]
        elif field == 5:
            attributes.append((at, until))
    model.operators[operator] += 1
    if operator == "Constant":
        for at, until in attributes:
            for inner, form, a, b in walker.fields(at, until):
                if (inner, form) == (5, _LENGTH):
                    tensor, is_external = _tensor(walker, a, b)
                    model.keep(tensor._replace(name=where + (output or tensor.name)), is_external)
    elif operator in _NESTING:
        for at, until in attributes:
            _branch(walker, at, until, model, f"{where}{name or output or operator}.", depth)


def _branch(walker: "_Walker", start: int, end: int, model: _Model, where: str, depth: int) -> None:
    """An attribute that holds a graph: a branch or a body, whose tensors are told under its name."""
    name, graph = "", None
    for field, form, at, until in walker.fields(start, end):
        if (field, form) == (1, _LENGTH):
            name = walker.text(at, until)[:100]
        elif (field, form) == (6, _LENGTH):
            graph = (at, until)
    if graph is not None:
        _graph(walker, *graph, model, f"{where}{name}."[-1000:], depth + 1)


def _tensor(walker: "_Walker", start: int, end: int) -> tuple[Tensor, bool]:
    dims: list[int] = []
    kind, name, is_external = 0, "", False
    for field, form, at, until in walker.fields(start, end):
        if field == 1 and form == _VARINT:
            dims.append(at)
        elif field == 1 and form == _LENGTH:
            dims += walker.numbers(at, until)
        elif field == 2 and form == _VARINT:
            kind = at
        elif field == 8 and form == _LENGTH:
            name = walker.text(at, until)[:1000]
        elif field == 14 and form == _VARINT:
            is_external = at == 1
        if len(dims) > MAX_DIMENSIONS:
            raise Unreadable(f"the tensor {short(name)} has over {MAX_DIMENSIONS} dimensions")
    dtype = _TYPES.get(kind, f"type {kind}")
    values = prod(dims)
    if values > MAX_VALUES or (dtype in BITS and not is_external and values * BITS[dtype] > 128 * walker.size_bytes):
        raise Unreadable(f"the tensor {short(name)} claims more values than the file has room for")
    return Tensor(name, dtype, tuple(dims), values * BITS[dtype] // 8 if dtype in BITS else None), is_external


def _port(walker: "_Walker", start: int, end: int) -> list[Any]:
    """An input or output: name, type and dimensions, which may be names."""
    name, dtype = "", ""
    dimensions: list[str] = []
    for field, form, at, until in walker.fields(start, end):
        if (field, form) == (1, _LENGTH):
            name = walker.text(at, until)[:500]
        elif (field, form) == (2, _LENGTH):
            for inner, kind, a, b in walker.fields(at, until):
                if (inner, kind) == (1, _LENGTH):
                    dtype, dimensions = _tensor_type(walker, a, b)
                elif kind == _LENGTH:
                    dtype = dtype or {4: "sequence", 5: "map", 8: "sparse", 9: "optional"}.get(inner, "")
    return [name, dtype, dimensions]


def _tensor_type(walker: "_Walker", start: int, end: int) -> tuple[str, list[str]]:
    dtype = ""
    dimensions: list[str] = []
    for field, form, at, until in walker.fields(start, end):
        if (field, form) == (1, _VARINT):
            dtype = _TYPES.get(at, f"type {at}")
        elif (field, form) == (2, _LENGTH):
            for inner, kind, a, b in walker.fields(at, until):
                if (inner, kind) == (1, _LENGTH) and len(dimensions) < MAX_DIMENSIONS:
                    dimensions.append(_dimension(walker, a, b))
    return dtype, dimensions


def _dimension(walker: "_Walker", start: int, end: int) -> str:
    for field, form, at, until in walker.fields(start, end):
        if (field, form) == (1, _VARINT):
            return str(at if at < 1 << 63 else at - (1 << 64))
        if (field, form) == (2, _LENGTH):
            return walker.text(at, until)[:60]
    return "?"


def _opset(walker: "_Walker", start: int, end: int) -> tuple[str, int]:
    domain, version = "", 0
    for field, form, at, until in walker.fields(start, end):
        if (field, form) == (1, _LENGTH):
            domain = walker.text(at, until)[:200]
        elif (field, form) == (2, _VARINT):
            version = at
    return domain, version


def _pair(walker: "_Walker", start: int, end: int) -> tuple[str, str]:
    said = {field: walker.text(a, b) for field, form, a, b in walker.fields(start, end) if form == _LENGTH}
    return said.get(1, "")[:200], said.get(2, "")


class _Walker:
    """Reads a file by windows, wherever the walk leads."""

    def __init__(self, read: Read, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._read = read
        self._window = b""
        self._start = 0
        self._windows = self._fields = 0

    def fields(self, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Number, wire type and place of each field between two offsets; of a varint its value in place of a start."""
        at = start
        while at < end:
            self._fields += 1
            if self._fields > MAX_FIELDS:
                raise Unreadable(f"it has over {MAX_FIELDS:,} fields")
            key, at = self._varint(at)
            field, kind = key >> 3, key & 7
            if kind == _VARINT:
                value, at = self._varint(at)
                yield field, kind, value, at
            elif kind == _LENGTH:
                length, at = self._varint(at)
                if at + length > end:
                    raise Unreadable("a field goes on past its message")
                yield field, kind, at, at + length
                at += length
            elif kind in (_FIXED32, _FIXED64):
                at += 4 if kind == _FIXED32 else 8
            else:
                raise Unreadable("a field is of a kind that protobuf does not have")
        if at != end:
            raise Unreadable("a field goes on past its message")

    def text(self, start: int, end: int) -> str:
        return self._bytes(start, min(end, start + MAX_KEPT_TEXT)).decode("utf-8", "replace")

    def numbers(self, start: int, end: int) -> Sequence[int]:
        """Packed varints, a few."""
        found: list[int] = []
        while start < end and len(found) <= MAX_DIMENSIONS:
            value, start = self._varint(start)
            found.append(value)
        return found

    def _varint(self, at: int) -> tuple[int, int]:
        value = shift = 0
        while shift < 70:
            byte = self._bytes(at, at + 1)[0]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, at
            shift += 7
        raise Unreadable("a number in it has too many bytes")

    def _bytes(self, start: int, end: int) -> bytes:
        if end > self.size_bytes:
            raise Unreadable("the file ends before its message does")
        if not (self._start <= start and end <= self._start + len(self._window)):
            self._windows += 1
            if self._windows > MAX_WINDOWS:
                raise Unreadable(f"it needs over {MAX_WINDOWS:,} jumps through the file")
            self._start = start
            self._window = self._read(start, min(self.size_bytes, max(end, start + WINDOW_BYTES)))
            if len(self._window) < end - start:
                raise Unreadable("the file ends before its message does")
        return self._window[start - self._start : end - self._start]
