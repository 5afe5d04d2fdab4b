"""What a repository page says beside the card: facts with where they come from, and lines to use it by. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from freehold.cards.rules import words as listed_words
from freehold.discover import rules
from freehold.discover.facts import Facts
from freehold.repos.tables import Repo
from freehold.web import figures


@dataclass(frozen=True)
class Fact:
    """One line of the register. ``evidence``: computed (from the files), declared (by the card), unknown."""

    label: str
    value: str
    evidence: str
    title: str = ""


@dataclass(frozen=True)
class Use:
    """Lines to paste."""

    label: str
    text: str


def line(known: Facts, headers: Mapping[str, Any]) -> tuple[str, ...]:
    """The short facts under a repository's title."""
    words = known.card.words
    task = rules.TASKS.get(words.pipeline_tag or "", words.pipeline_tag or "")
    values = parameters(headers)
    size = sum(entry.true_size_bytes for entry in known.files)
    said = (
        task,
        f"{figures.short(values)} parameters" if values else "",
        words.library_name or "",
        licence(known.card.data),
        figures.size(size) if size else "",
    )
    return tuple(word for word in said if word)


def parameters(headers: Mapping[str, Any]) -> int:
    """How many values the weights hold; 0 where it is not known."""
    return int((headers.get("safetensors") or headers.get("gguf") or {}).get("total") or 0)


def licence(data: Mapping[str, Any] | None) -> str:
    """The licence in words: its own name where the card says ``other``; empty where it says nothing."""
    given = data or {}
    said = listed_words(given.get("license"))
    name = given.get("license_name")
    if said == ["other"] and isinstance(name, str) and name:
        return name[:80]
    return ", ".join({"other": "other licence", "unknown": "licence unknown"}.get(word, word) for word in said)


def facts(repo: Repo, known: Facts, used_bytes: int, headers: Mapping[str, Any] | None = None) -> Sequence[Fact]:
    """The facts of a repository at one commit, most asked for first."""
    data, config = known.card.data or {}, known.card.config or {}
    size = sum(entry.true_size_bytes for entry in known.files)
    found = [*_model_facts(data, config, known, headers or {})] if repo.kind == "model" else []
    terms = licence(data)
    found += [
        Fact("Licence", terms or "not stated", "declared" if terms else "unknown"),
        _declared("Languages", data.get("language")),
    ]
    if repo.kind == "model":
        found.append(_declared("Training data", data.get("datasets")))
    found += [
        Fact(
            "Files", f"{figures.plural(len(known.files), 'file')}, {figures.size(size)}", "computed", f"{size:,} bytes"
        ),
        Fact("Stored", figures.size(used_bytes), "computed", f"{used_bytes:,} bytes"),
    ]
    return found


def _model_facts(
    data: Mapping[str, Any], config: Mapping[str, Any], known: Facts, headers: Mapping[str, Any]
) -> Iterator[Fact]:
    values = parameters(headers)
    if values:
        yield Fact("Parameters", figures.short(values), "computed", f"{values:,}")
    else:
        yield Fact("Parameters", "not stated", "unknown")
    context = (headers.get("gguf") or {}).get("context_length") or config.get("max_position_embeddings")
    if context:
        yield Fact("Context", f"{context:,} tokens", "computed")
    architecture = (headers.get("gguf") or {}).get("architecture") or config.get("model_type")
    if architecture:
        yield Fact("Architecture", str(architecture), "computed")
    formats = [tag for tag in known.card.words.tags if tag in ("safetensors", "gguf", "onnx", "pytorch", "tflite")]
    if formats:
        yield Fact("Weights", ", ".join(formats), "computed")
    bases = listed_words(data.get("base_model"))
    if bases:
        yield Fact("Base model", ", ".join(bases), "declared")


def _declared(label: str, value: Any) -> Fact:
    said = listed_words(value)
    shown = ", ".join(said[:6]) + (f" and {len(said) - 6} more" if len(said) > 6 else "")
    return Fact(label, shown, "declared") if said else Fact(label, "not stated", "unknown")


def uses(repo: Repo, known: Facts | None, hub: str) -> Sequence[Use]:
    """Lines that get the repository with clients people already have."""
    words = known.card.words if known else None
    files = [entry.path for entry in known.files] if known else []
    option = "" if repo.kind == "model" else f" --repo-type {repo.kind}"
    lines = [Use("hf", f"export HF_ENDPOINT={hub}\nhf download {repo.path}{option}")]
    library = words.library_name if words else None
    python = _python(repo, library, files)
    if python:
        lines.append(Use("Python", f'import os\nos.environ["HF_ENDPOINT"] = "{hub}"\n\n{python}'))
    return lines


def _python(repo: Repo, library: str | None, files: Sequence[str]) -> str:
    if repo.kind == "dataset":
        return f'from datasets import load_dataset\n\ndata = load_dataset("{repo.path}")'
    if library == "sentence-transformers":
        return f'from sentence_transformers import SentenceTransformer\n\nmodel = SentenceTransformer("{repo.path}")'
    if library == "transformers":
        return f'from transformers import AutoModel\n\nmodel = AutoModel.from_pretrained("{repo.path}")'
    single = next((name for name in files if name.endswith((".gguf", ".onnx", ".safetensors"))), "")
    if repo.kind == "model" and single:
        # A file's name is a stranger's text, and these lines are made to be pasted.
        return f'from huggingface_hub import hf_hub_download\n\npath = hf_hub_download("{repo.path}", {single!r})'
    return ""
