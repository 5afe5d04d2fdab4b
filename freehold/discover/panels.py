"""What a repository page says beside the card: facts, each with where it comes from. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from freehold.cards.facts import Facts as Computed
from freehold.cards.rules import words as listed_words
from freehold.content.service.counting import KEPT_MONTHS, RECENT_DAYS
from freehold.discover import rules
from freehold.discover.facts import Facts
from freehold.repos.rules import KINDS
from freehold.repos.tables import Repo
from freehold.web import figures, plots
from freehold.web.plots import Plot

#: Endings of weights and of data, and what people call the format.
FORMATS = {
    ".safetensors": "safetensors", ".gguf": "GGUF", ".onnx": "ONNX", ".bin": "PyTorch", ".pt": "PyTorch",
    ".pth": "PyTorch", ".ckpt": "checkpoint", ".h5": "HDF5", ".msgpack": "Flax", ".tflite": "TFLite",
    ".keras": "Keras", ".mlmodel": "Core ML", ".parquet": "Parquet", ".csv": "CSV", ".tsv": "TSV",
    ".jsonl": "JSON lines", ".json": "JSON", ".arrow": "Arrow", ".txt": "text", ".zip": "ZIP", ".gz": "gzip",
    ".zst": "Zstandard", ".tar": "tar", ".jpg": "JPEG", ".png": "PNG", ".wav": "WAV", ".mp3": "MP3",
    ".flac": "FLAC", ".mp4": "MP4", ".npy": "NumPy",
}  # fmt: skip
#: Only those that hold a model; a configuration in JSON is no weight.
_WEIGHTS = frozenset(
    {"safetensors", "GGUF", "ONNX", "PyTorch", "checkpoint", "HDF5", "Flax", "TFLite", "Keras", "Core ML"}
)
SHOWN_FORMATS, SHOWN_LANGUAGES = 5, 8
#: Front matter's names of libraries that leave a trace in the files, and the tag that shows it.
_TRACED = frozenset({"transformers", "sentence-transformers", "diffusers", "peft", "gguf", "onnx", "safetensors"})
#: Tags that stand elsewhere on the page, by their prefix.
_TOLD_ELSEWHERE = ("license:", "base_model:", "dataset:", "region:", "language:", "format:", "size_categories:")


@dataclass(frozen=True)
class Fact:
    """One line of the register. ``evidence``: computed (from the files), declared (by the card), unknown, or
    contradiction.

    ``links`` stand before ``value``: words and the lists they lead to. ``why`` says what contradicts what, or more.
    """

    label: str
    value: str
    evidence: str
    title: str = ""
    why: str = ""
    links: Sequence[tuple[str, str]] = ()


def line(known: Facts, computed: Computed) -> tuple[str, ...]:
    """The short facts under a repository's title."""
    words = known.card.words
    task = rules.TASKS.get(words.pipeline_tag or "", words.pipeline_tag or "")
    values = computed.parameters
    said = (
        task,
        f"{figures.short(values)} parameters" if values else "",
        words.library_name or "",
        licence(known.card.data),
        figures.size(known.size_bytes) if known.size_bytes else "",
    )
    return tuple(word for word in said if word)


def licence(data: Mapping[str, Any] | None) -> str:
    """The licence in words: its own name where the card says ``other``; empty where it says nothing."""
    given = data or {}
    said = listed_words(given.get("license"))
    name = given.get("license_name")
    if said == ["other"] and isinstance(name, str) and name:
        return name[:80]
    return ", ".join({"other": "other licence", "unknown": "licence unknown"}.get(word, word) for word in said)[:200]


def facts(repo: Repo, known: Facts, computed: Computed, used_bytes: int) -> Sequence[Fact]:
    """The facts of a repository at one commit, most asked for first. ``computed`` from its files, the rest declared."""
    data = known.card.data or {}
    found = [*_of_model(known, computed)] if repo.kind == "model" else []
    if repo.kind == "dataset":
        found += [_rows(computed), *_formats(known, weights_only=False)]
    if repo.kind == "space":
        found.append(Fact("SDK", repo.sdk or "not stated", "declared" if repo.sdk else "unknown"))
    terms = licence(data)
    found += [
        Fact("Licence", terms or "not stated", "declared" if terms else "unknown"),
        _languages(repo.kind, data),
    ]
    files = f"{figures.plural(len(known.files), 'file')}, {figures.size(known.size_bytes)}"
    found += [
        Fact("Files", files, "computed", f"{known.size_bytes:,} bytes"),
        Fact("On disk", figures.size(used_bytes), "computed", f"{used_bytes:,} bytes, with every earlier revision"),
    ]
    return found


def _rows(computed: Computed) -> Fact:
    """Rows that files say they have: nobody counts those of text files."""
    if computed.rows is None:
        return Fact("Rows", "not counted", "unknown")
    return Fact("Rows", figures.short(computed.rows), "computed", f"{computed.rows:,}")


# ---- models --------------------------------------------------------------------------------------------------------


def _of_model(known: Facts, computed: Computed) -> Iterator[Fact]:
    yield _parameters(computed)
    yield from _context(known, computed)
    yield from _architecture(known, computed)
    yield from _formats(known, weights_only=True)
    if computed.quantisations:
        said = ", ".join(computed.quantisations[:SHOWN_FORMATS])
        yield Fact("Quantisation", said, "computed", ", ".join(computed.quantisations))
    if computed.tokenizer:
        yield Fact("Tokenizer", computed.tokenizer, "computed")
    yield from _library(known)
    yield from _base(known, computed)
    if computed.has_pickle:
        why = "A pickle can run code on the machine that loads it."
        yield Fact(
            "Pickles", figures.plural(len(computed.details.get("pickles", ())) or 1, "file"), "computed", why=why
        )
    if not listed_words((known.card.data or {}).get("datasets")):
        yield Fact("Training data", "not stated", "unknown")


def _parameters(computed: Computed) -> Fact:
    if not computed.parameters:
        return Fact("Parameters", "not known", "unknown")
    by_type = (computed.details.get("safetensors") or {}).get("parameters") or {}
    parts = sorted(by_type.items(), key=lambda part: -part[1])[:SHOWN_FORMATS]
    said = ", ".join(f"{figures.short(number)} {kind}" for kind, number in parts) or (computed.dtype or "")
    if computed.active_parameters:
        said += f"; {figures.short(computed.active_parameters)} of them for each token"
    return Fact("Parameters", figures.short(computed.parameters), "computed", f"{computed.parameters:,}", said)


def _context(known: Facts, computed: Computed) -> Iterator[Fact]:
    length = computed.context_length
    if not length:
        return
    where = computed.details.get("context") or {}
    said = (known.card.config or {}).get("max_position_embeddings")
    if where.get("source") == "gguf" and said and said != length:
        why = f"config.json says {said:,}; the header of the file says {length:,}. The header counts."
        yield Fact("Context", f"{length:,} tokens", "contradiction", why=why)
    else:
        scaled = f"{where['stated']:,} in config.json, scaled by {where['rope']}" if where.get("rope") else ""
        yield Fact("Context", f"{length:,} tokens", "computed", why=scaled)


def _architecture(known: Facts, computed: Computed) -> Iterator[Fact]:
    classes = listed_words((known.card.config or {}).get("architectures"))
    name = computed.architecture or (classes[0] if classes else "")
    if name:
        yield Fact("Architecture", name, "computed", why=", ".join(classes[:3]) if computed.architecture else "")


def _library(known: Facts) -> Iterator[Fact]:
    """Only where card and files disagree: what they agree on stands under the name."""
    said = (known.card.data or {}).get("library_name")
    if isinstance(said, str) and said in _TRACED and known.files and not _leaves_trace(known, said):
        why = f"The card says {said}; no file here is one that {said} loads."
        yield Fact("Library", said, "contradiction", why=why)


def _leaves_trace(known: Facts, library: str) -> bool:
    names = {entry.path.rpartition("/")[2] for entry in known.files}
    by_name = {
        "transformers": {"config.json", "adapter_config.json"},
        "sentence-transformers": {"modules.json", "config_sentence_transformers.json", "config.json"},
        "diffusers": {"model_index.json", "config.json", "pytorch_lora_weights.safetensors"},
        "peft": {"adapter_config.json"},
    }
    wanted = by_name.get(library)
    if wanted is not None:
        # A GGUF file is loaded by transformers too.
        return bool(names & wanted) or (library == "transformers" and any(name.endswith(".gguf") for name in names))
    return any(name.endswith(f".{library}") for name in names)


def _base(known: Facts, computed: Computed) -> Iterator[Fact]:
    said = listed_words((known.card.data or {}).get("base_model"))
    adapts = computed.adapter_base
    if adapts and said and adapts.count("/") == 1 and adapts.lower() not in [name.lower() for name in said]:
        why = f"The card says {', '.join(said[:3])[:200]}; adapter_config.json says {adapts}. Loading takes the latter."
        yield Fact("Base model", adapts, "contradiction", why=why)


# ---- of every kind -------------------------------------------------------------------------------------------------


def _formats(known: Facts, *, weights_only: bool) -> Iterator[Fact]:
    sums: dict[str, tuple[int, int]] = {}
    for ending, (number, size) in known.endings.items():
        name = FORMATS.get(ending, "")
        if name and (name in _WEIGHTS or not weights_only):
            before = sums.get(name, (0, 0))
            sums[name] = before[0] + number, before[1] + size
    parts = sorted(sums.items(), key=lambda part: -part[1][1])[:SHOWN_FORMATS]
    if parts:
        said = ", ".join(f"{name} {figures.size(size)}" for name, (_, size) in parts)
        many = ", ".join(f"{figures.plural(number, 'file')} of {name}" for name, (number, _) in parts)
        yield Fact("Weights" if weights_only else "Formats", said, "computed", many)


def _languages(kind: str, data: Mapping[str, Any]) -> Fact:
    said = listed_words(data.get("language"))
    if not said:
        return Fact("Languages", "not stated", "unknown")
    prefix = "language:" if kind == "dataset" else ""
    links = [(word[:40], list_address(kind, prefix + word)) for word in said[:SHOWN_LANGUAGES]]
    rest = len(said) - len(links)
    return Fact("Languages", f"and {rest} more" if rest else "", "declared", ", ".join(said[:100]), links=links)


def list_address(kind: str, tag: str) -> str:
    """The list of a kind that has a tag."""
    return f"/{KINDS[kind][0]}?{urlencode({'filter': tag})}"


def tags(kind: str, known: Facts | None) -> Sequence[tuple[str, str]]:
    """Tags and the lists that have them, without what stands elsewhere on the page."""
    if known is None:
        return ()
    languages = listed_words((known.card.data or {}).get("language"))
    found = (tag for tag in known.card.words.tags if not tag.startswith(_TOLD_ELSEWHERE) and tag not in languages)
    return [(tag, list_address(kind, tag)) for tag in found]


# ---- downloads -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Downloads:
    """How often a repository was downloaded: ``month`` is the last 30 days. A plot is None without a history."""

    month: int
    total: int
    by_day: Plot | None
    by_month: Plot | None


def downloads(repo: Repo, days: Mapping[date, int], months: Mapping[date, int], today: date) -> Downloads:
    """``days`` and ``months`` as they are kept: the days that have rows of their own, and the sums of earlier ones."""
    first = today - timedelta(days=RECENT_DAYS - 1)
    recent = [days.get(first + timedelta(days=at), 0) for at in range(RECENT_DAYS)]
    return Downloads(
        month=repo.downloads,
        total=repo.downloads_all_time,
        by_day=_by_day(recent, first) if days else None,
        by_month=_by_month(days, months, today) if months else None,
    )


def _by_day(values: Sequence[int], first: date) -> Plot | None:
    told = (
        f"Downloads a day over the last {RECENT_DAYS} days: {sum(values):,} in all, at most {max(values):,} on one "
        f"day, {values[-1]:,} today."
    )
    return plots.line(values, value=f"{values[-1]:,}", first=f"{first.day} {first:%b}", last="today", told=told)


def _by_month(days: Mapping[date, int], months: Mapping[date, int], today: date) -> Plot | None:
    """Whole months, and the one under way last."""
    sums: dict[date, int] = dict(months)
    for day, number in days.items():
        month = day.replace(day=1)
        sums[month] = sums.get(month, 0) + number
    shown = list(_months(today))
    values = [sums.get(month, 0) for month in shown]
    told = (
        f"Downloads a month over {KEPT_MONTHS} months: {sum(values):,} in all, at most {max(values):,} in one month, "
        f"{values[-1]:,} in this one so far."
    )
    return plots.line(values, value=figures.short(values[-1]), first=f"{shown[0]:%b %Y}", last="this month", told=told)


def _months(today: date) -> Iterable[date]:
    for back in range(KEPT_MONTHS, -1, -1):
        month = today.year * 12 + today.month - 1 - back
        yield date(month // 12, month % 12 + 1, 1)
