"""What the page of a file shows of its header: hung into ``Slots.file_views`` by ``main.py``."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from freehold.cards import facts, inspecting, parsing, shown
from freehold.cards.headers import digest
from freehold.cards.headers.header import Unreadable
from freehold.cards.parsing import FORMS, Parsed
from freehold.cards.shown import Group, MetadataRow, Slice, Sum, Tensors
from freehold.content import queries as content
from freehold.content.queries import FileAt
from freehold.core.http import Ask, quoted
from freehold.repos.heads import head
from freehold.web import figures
from freehold.web.render import part

INDEX = ".safetensors.index.json"
MAX_INDEX_BYTES = 32 << 20
#: For the headers of all parts of a model that were not kept; the rest is left out, and that is said.
PARTS_S = 12.0
NAMES = {"safetensors": "safetensors", "gguf": "GGUF", "onnx": "ONNX", "pickle": "pickle", "parquet": "Parquet"}
#: Where names that pickles of weights import usually come from.
USUAL = ("torch.", "collections.", "numpy.", "_codecs.encode", "copyreg.", "sklearn.", "joblib.", "transformers.")


@dataclass(frozen=True)
class Port:
    """An input or output of a model: name, type and dimensions."""

    name: str
    dtype: str
    shape: str


@dataclass(frozen=True)
class Part:
    """One file of a model in several, with what it holds; ``problem`` is why that is not known."""

    name: str
    address: str
    tensors: int
    parameters: int
    size_bytes: int
    problem: str


@dataclass(frozen=True)
class HeaderView:
    """A header, explored. ``form`` is safetensors, gguf, onnx or index; what a form lacks is empty."""

    form: str
    read: str  #: how much of the file was read
    sums: Sequence[Sum]
    contradictions: Sequence[str]
    by_part: Sequence[Slice]
    by_type: Sequence[Slice]
    parts: Sequence[Part]
    inputs: Sequence[Port]
    outputs: Sequence[Port]
    operators: Sequence[tuple[str, int]]
    groups: Sequence[Group]
    tensors: Tensors | None
    too_many: str  #: why the tensors cannot be listed
    metadata: Sequence[MetadataRow]
    left_out: int
    template: str


@dataclass(frozen=True)
class UnreadableView:
    """A file whose header tells nothing, and why."""

    form: str
    why: str


@dataclass(frozen=True)
class ParquetView:
    """What the footer of a Parquet file says: columns by path and type, ``left_out`` are those that do not fit."""

    read: str
    sums: Sequence[Sum]
    columns: Sequence[tuple[str, str]]
    left_out: int


@dataclass(frozen=True)
class PickleView:
    """A pickle, looked at and never loaded. ``imports`` are names that loading would fetch, unusual ones first."""

    imports: Sequence[tuple[str, bool]]
    members: Sequence[tuple[str, int]]
    total: int
    why: str


def file_view(ask: Ask, file: FileAt) -> str:
    """The header of a file of weights, as HTML; empty for any other file."""
    if file.entry.path.endswith(INDEX):
        return _index_view(ask, file)
    form = FORMS.get(file.ending)
    if form is None:
        return ""
    parsed = inspecting.header_at(ask.db, ask.kit, file.repo, file.entry, form)
    if form == "pickle":
        return _pickle_view(ask, file, parsed)
    if parsed.problem:
        return part(ask.request, UnreadableView(NAMES[form], shown.visible(parsed.problem)))
    size = file.entry.true_size_bytes
    if form == "parquet":
        return part(ask.request, _parquet_view(parsed.told, size))
    header_bytes = parsed.told["header_bytes"]
    read = (
        f"read by range: {figures.size(header_bytes)} of {figures.size(size)}"
        if header_bytes
        else "its structure was read, its values were not"
    )
    view = _view(ask, form, parsed.told, [parsed.body], read)
    return part(ask.request, view)


def _view(
    ask: Ask,
    form: str,
    told: Mapping[str, Any],
    bodies: Sequence[bytes],
    read: str,
    *,
    parts: Sequence[Part] = (),
    contradictions: Sequence[str] = (),
) -> HeaderView:
    asked = shown.asked(ask.request.query_params)
    graph = told["graph"]
    table, too_many = None, ""
    try:
        page = parsing.page(bodies, asked.search, asked.sort, asked.number)
        table = shown.tensors(page, told["tensors"], asked, [one.name for one in parts if not one.problem])
    except Unreadable as err:
        too_many = str(err)
    operators = [(key.partition(".")[2], n) for key, _, n in told["entries"] if key.startswith("operators.")]
    return HeaderView(
        form=form,
        read=read,
        sums=_sums(form, told, operators),
        contradictions=contradictions,
        by_part=shown.bar([(shown.visible(name) or "others", size) for name, _, _, _, size in told["groups"]]),
        by_type=shown.bar([(shown.visible(kind), size) for kind, size in told["size_bytes"].items()]),
        parts=parts,
        inputs=[_port(one) for one in graph.get("inputs", ())],
        outputs=[_port(one) for one in graph.get("outputs", ())],
        operators=[(shown.visible(name), number) for name, number in operators],
        groups=shown.groups(told, asked),
        tensors=table,
        too_many=too_many,
        metadata=shown.metadata(told),
        left_out=told["left_out"],
        template=shown.visible(_template(told), in_line=False),
    )


def _template(told: Mapping[str, Any]) -> str:
    return str(told.get("facts", {}).get("chat_template", ""))


def _port(one: Sequence[Any]) -> Port:
    name, dtype, dimensions = one
    return Port(shown.visible(name), dtype, shown.visible(" × ".join(dimensions)) or "scalar")


def _sums(form: str, told: Mapping[str, Any], operators: Sequence[tuple[str, int]]) -> Sequence[Sum]:
    """The large figures: what one wants to know first of a file of this form."""
    total = sum(told["parameters"].values())
    types = ", ".join(sorted(told["counts"], key=lambda kind: -told["size_bytes"].get(kind, 0))[:5])
    size = sum(told["size_bytes"].values())
    found = [
        Sum("Tensors", figures.count(told["tensors"]), figures.size(size)),
        Sum("Parameters", figures.short(total), f"{total:,} values", f"{total:,}"),
    ]
    if form == "gguf":
        return [*found, *_gguf_sums(told, types)]
    found.append(Sum("Types", str(len(told["counts"])), types))
    if form == "onnx":
        graph = told["graph"]
        kinds = figures.plural(len(operators), "kind")
        opset = next((str(version) for domain, version in graph["opsets"] if domain == "ai.onnx"), figures.UNKNOWN)
        others = ", ".join(f"{shown.visible(domain)} {version}" for domain, version in graph["opsets"][:4])
        found += [Sum("Operators", figures.count(graph["nodes"]), kinds), Sum("Opset", opset, others)]
    else:
        entries = figures.count(len(told["entries"]) + told["left_out"])
        first = ", ".join(f"{key}: {str(value)[:40]}" for key, _, value in told["entries"][:2])
        found.append(Sum("Metadata", entries, shown.visible(first) or "the file says nothing of itself"))
    return found


def _gguf_sums(told: Mapping[str, Any], types: str) -> Sequence[Sum]:
    said = told.get("facts", {})
    context = said.get("context_length")
    tokens = said.get("tokens")
    tokenizer = shown.visible(str(said.get("tokenizer", "")))
    architecture = shown.visible(said.get("architecture", figures.UNKNOWN))
    return [
        Sum("Quantisation", shown.visible(told.get("quantisation") or figures.UNKNOWN), types),
        Sum("Architecture", architecture, f"GGUF {told['graph']['version']}"),
        Sum("Context", figures.count(context), "tokens" if context else "not stated"),
        Sum("Vocabulary", figures.count(tokens), f"tokenizer {tokenizer}" if tokenizer else "not stated"),
    ]


# ---- a model in several files ------------------------------------------------------------------------------


def _index_view(ask: Ask, file: FileAt) -> str:
    """The whole that an index puts together, read from the headers of its parts."""
    if file.entry.true_size_bytes > MAX_INDEX_BYTES:
        return part(ask.request, UnreadableView("index", f"it has over {MAX_INDEX_BYTES:,} bytes"))
    index = inspecting.read_now(ask.db, ask.kit, file.repo, file.entry, "index")
    if index.problem:
        return part(ask.request, UnreadableView("index", shown.visible(index.problem)))
    parts, read = _parts(ask, file, index.told["parts"])
    told = digest.combined([one.told for one in read])
    stated = index.told["metadata"].get("total_size")
    contradictions = []
    size = sum(told["size_bytes"].values())
    if all(not one.problem for one in parts):
        if isinstance(stated, int) and stated != size:
            contradictions.append(f"The index states {stated:,} bytes; the headers of its parts come to {size:,}.")
        if index.told["tensors"] != told["tensors"]:
            contradictions.append(
                f"The index names {index.told['tensors']:,} tensors; its parts hold {told['tensors']:,}."
            )
    words = f"read by range from {figures.plural(len(parts), 'file')}: {figures.size(told['header_bytes'])}"
    view = _view(ask, "index", told, [one.body for one in read], words, parts=parts, contradictions=contradictions)
    return part(ask.request, view)


def _parts(ask: Ask, file: FileAt, names: Sequence[str]) -> tuple[Sequence[Part], Sequence[Parsed]]:
    """Each part with what it holds, and the headers of those that could be read."""
    objects = content.objects(ask.db, file.repo, ask.kit)
    folder = file.entry.path.rpartition("/")[0]
    until = time.monotonic() + PARTS_S
    parts, read = [], []
    for name in names:
        path = f"{folder}/{name}" if folder else name
        entry = objects.entry(file.commit, path)
        address = f"{head(file.repo).address}/blob/{quoted(file.revision)}/{quote(path)}"
        if entry is None or entry.kind != "file":
            parts.append(Part(shown.visible(name), "", 0, 0, 0, "it is not in this repository"))
            continue
        if time.monotonic() > until:
            parts.append(Part(shown.visible(name), address, 0, 0, 0, "not read: the others took long enough"))
            continue
        parsed = inspecting.header_at(ask.db, ask.kit, file.repo, entry, "safetensors")
        if parsed.problem:
            parts.append(Part(shown.visible(name), address, 0, 0, 0, shown.visible(parsed.problem)))
            continue
        told = parsed.told
        counted = sum(told["parameters"].values()), sum(told["size_bytes"].values())
        parts.append(Part(shown.visible(name), address, told["tensors"], *counted, ""))
        read.append(parsed)
    return parts, read


# ---- tables ------------------------------------------------------------------------------------------------


def _parquet_view(told: Mapping[str, Any], size_bytes: int) -> ParquetView:
    made_by = shown.visible(told["made_by"])
    return ParquetView(
        read=f"read by range: {figures.size(told['header_bytes'])} of {figures.size(size_bytes)}",
        sums=[
            Sum("Rows", figures.short(told["rows"]), f"{told['rows']:,} rows", f"{told['rows']:,}"),
            Sum("Columns", figures.count(told["total"])),
            Sum("Row groups", figures.count(told["row_groups"]), made_by[:60], made_by),
        ],
        columns=[(shown.visible(path), shown.visible(kind)) for path, kind in told["columns"]],
        left_out=told["total"] - len(told["columns"]),
    )


# ---- pickles -----------------------------------------------------------------------------------------------


def _pickle_view(ask: Ask, file: FileAt, parsed: Parsed) -> str:
    """Nothing for a file that is only called like one: ``.bin`` may be anything."""
    told = parsed.told
    is_one = bool(told.get("imports") or told.get("members"))
    if not is_one and not facts.is_pickle(file.entry.path):
        return ""
    imports = [(shown.visible(name), name.startswith(USUAL)) for name in told.get("imports", ())]
    view = PickleView(
        imports=sorted(imports, key=lambda one: (one[1], one[0])),
        members=[(shown.visible(name), size) for name, size in told.get("members", ())],
        total=told.get("total", 0),
        why=shown.visible(parsed.problem or told.get("why", "")),
    )
    return part(ask.request, view)
