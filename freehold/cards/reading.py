"""What a commit says of itself: its card and its configuration, read from git. Immutable, so good to keep."""

import json
from dataclasses import dataclass
from typing import Any

from freehold.cards import results, rules, tags
from freehold.cards.results import Result
from freehold.cards.summary import first_words
from freehold.gitkit.objects import Objects

README = "README.md"
CONFIG = "config.json"
MAX_CARD_BYTES = 4 << 20
MAX_CONFIG_BYTES = 1 << 20
#: Names looked at for tags; a repository of more files shows what it is for long before.
MAX_FILES = 5_000


@dataclass(frozen=True)
class CommitCard:
    """The words of one commit. ``data`` is the front matter (None: none that can be read)."""

    data: dict[str, Any] | None
    config: dict[str, Any] | None
    words: tags.Words
    summary: str


def read(objects: Objects, commit: str, kind: str) -> CommitCard:
    """What ``commit`` of a repository of ``kind`` says. A card that cannot be read (it came by git) counts as none."""
    return read_whole(objects, commit, kind)[0]


def read_whole(objects: Objects, commit: str, kind: str) -> tuple[CommitCard, str]:
    """The same, and the card's text as it is written, which may be long: good to use, not to keep."""
    checked = rules.validate(card_text(objects, commit), kind)
    config = _config(objects, commit) if kind == "model" else {}
    words = tags.read(kind, checked.data, checked.body, _file_names(objects, commit), config)
    return CommitCard(checked.data or None, config or None, words, first_words(checked.body)), checked.body


def card_text(objects: Objects, commit: str) -> str:
    """The README of a commit; empty when it has none that git holds whole."""
    return _small_file(objects, commit, README, MAX_CARD_BYTES).decode("utf-8", "replace")


def benchmark_text(objects: Objects, commit: str) -> str | None:
    """What ``eval.yaml`` of a data set says; None where there is none, and so no leaderboard."""
    text = _small_file(objects, commit, results.BENCHMARK, results.MAX_FILE_BYTES)
    return text.decode("utf-8", "replace") if text else None


def eval_results(objects: Objects, commit: str) -> list[Result]:
    """The evaluation results that a model's commit keeps, file by file."""
    folder = objects.entry(commit, results.FOLDER)
    if folder is None or folder.kind != "directory":
        return []
    found: list[Result] = []
    names = [
        entry.path for entry in objects.walk(commit, results.FOLDER, False) if entry.path.endswith((".yaml", ".yml"))
    ]
    for path in names[: results.MAX_FILES]:
        text = _small_file(objects, commit, path, results.MAX_FILE_BYTES).decode("utf-8", "replace")
        found += results.parse(path.rpartition("/")[2], text)
    return found[: results.MAX_RESULTS]


def _config(objects: Objects, commit: str) -> dict[str, Any]:
    """What ``config.json`` says of the model's kind; empty when there is none that can be read."""
    try:
        read = json.loads(_small_file(objects, commit, CONFIG, MAX_CONFIG_BYTES) or b"{}")
    except (ValueError, RecursionError):
        return {}
    return config_facts(read) if isinstance(read, dict) else {}


def config_facts(config: dict[str, Any]) -> dict[str, Any]:
    """The few keys of a model's configuration that clients and pages read, where they have the shape they should."""
    facts: dict[str, Any] = {}
    architectures = [name[:200] for name in rules.words(config.get("architectures"))][:10]
    if architectures:
        facts["architectures"] = architectures
    model_type = config.get("model_type")
    if isinstance(model_type, str) and model_type and "\x00" not in model_type:
        facts["model_type"] = model_type[:200]
    for key in ("max_position_embeddings", "n_positions", "max_seq_len"):
        value = config.get(key)
        if type(value) is int and 0 < value < 10**9:
            facts["max_position_embeddings"] = value
            break
    quantization = config.get("quantization_config")
    if isinstance(quantization, dict) and isinstance(quantization.get("quant_method"), str):
        facts["quantization_config"] = {"quant_method": quantization["quant_method"][:40]}
    return facts


def _small_file(objects: Objects, commit: str, path: str, limit_bytes: int) -> bytes:
    """A file of the root that git holds whole; empty when absent, large or a pointer."""
    entry = objects.entry(commit, path)
    if entry is None or entry.kind != "file" or entry.pointer is not None or entry.size_bytes > limit_bytes:
        return b""
    return objects.blob(entry.oid)


def _file_names(objects: Objects, commit: str) -> list[str]:
    names: list[str] = []
    for entry in objects.walk(commit):
        if entry.kind == "file":
            names.append(entry.path)
            if len(names) >= MAX_FILES:
                break
    return names
