"""Tags of a repository: what its card declares and what its files show. Pure.

The public hub's grammar (hub-api.md 4), so that a filter written for it finds the same things here. A tag is only ever
derived from something that was read: nothing is promised that nobody computed.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from freehold.cards.rules import words

REGION = "region:us"
MAX_TAGS = 500
MAX_TAG_CHARACTERS = 200

#: Card keys of data sets that become ``key:value``. Source: hub-api.md 4.
DATASET_KEYS = (
    "task_categories",
    "task_ids",
    "annotations_creators",
    "language_creators",
    "multilinguality",
    "source_datasets",
    "size_categories",
)
#: Endings of data files and the format they show.
FORMATS = {".parquet": "parquet", ".csv": "csv", ".json": "json", ".jsonl": "json", ".arrow": "arrow", ".txt": "text"}
#: The class a model was saved from and what it is for. Source: transformers, the Auto classes.
TASK_OF_CLASS = (
    ("ForCausalLM", "text-generation"),
    ("LMHeadModel", "text-generation"),
    ("ForMaskedLM", "fill-mask"),
    ("ForSequenceClassification", "text-classification"),
    ("ForTokenClassification", "token-classification"),
    ("ForQuestionAnswering", "question-answering"),
    ("ForImageClassification", "image-classification"),
    ("ForObjectDetection", "object-detection"),
    ("ForSpeechSeq2Seq", "automatic-speech-recognition"),
    ("ForSpeechToText", "automatic-speech-recognition"),
)
_TEXT_TO_TEXT = """
    bart bigbird_pegasus blenderbot blenderbot-small fsmt led longt5 m2m_100 mbart mt5 mvp nllb-moe pegasus pegasus_x
    plbart prophetnet switch_transformers t5 t5gemma umt5 xlm-prophetnet
"""
_HEARING = "granite_speech kyutai_speech_to_text moonshine speech_to_text whisper"
#: What models with a class ``...ForConditionalGeneration`` are for, by ``model_type``: they write text, after reading
#: text, hearing speech or seeing pictures. One that is not named here may be any of these. Source: transformers.
GENERATION = {
    **dict.fromkeys(_TEXT_TO_TEXT.split(), "text2text-generation"),
    **dict.fromkeys(_HEARING.split(), "automatic-speech-recognition"),
}
_ARXIV = re.compile(r"arxiv\.org/(?:abs|pdf)/(\d{4}\.\d{4,5})", re.IGNORECASE)


@dataclass(frozen=True)
class Words:
    """What the index keeps of one commit: tags in order, and the facts that have columns of their own."""

    tags: tuple[str, ...]
    license: str | None
    pipeline_tag: str | None
    library_name: str | None


def read(kind: str, data: dict[str, Any], body: str, files: Iterable[str], config: dict[str, Any]) -> Words:
    """The words of a repository of ``kind`` from its card, its file names and its ``config.json`` (empty: none)."""
    names = list(files)
    libraries = list(_libraries(names, config, data)) if kind == "model" else []
    library = _text(data.get("library_name")) or (libraries[0] if libraries else None)
    task = _text(data.get("pipeline_tag")) or (_task(library, config) if kind == "model" else None)
    makers = {"model": _of_model, "dataset": _of_dataset}.get(kind, _of_other)
    found = [library, *libraries, task] if kind == "model" else []
    found += [*makers(data, names, config), *_of_any(data, body)]
    tags = dict.fromkeys(tag[:MAX_TAG_CHARACTERS] for tag in found if tag)
    return Words(
        tags=(*list(tags)[:MAX_TAGS], REGION),
        license=next(iter(words(data.get("license"))), None),
        pipeline_tag=task if kind == "model" else None,
        library_name=library if kind == "model" else None,
    )


def _of_any(data: dict[str, Any], body: str) -> Iterator[str]:
    yield from (f"arxiv:{number}" for number in dict.fromkeys(_ARXIV.findall(body[:1_000_000])))
    yield from (f"license:{name}" for name in words(data.get("license")))


def _of_model(data: dict[str, Any], files: list[str], config: dict[str, Any]) -> Iterator[str]:
    model_type = config.get("model_type")
    if isinstance(model_type, str):
        yield model_type
    yield from words(data.get("tags"))
    yield from words(data.get("language"))
    yield from (f"dataset:{name}" for name in words(data.get("datasets")))
    bases = words(data.get("base_model"))
    relation = relation_to_base(data, files, bases)
    for base in bases:
        yield f"base_model:{base}"
        yield f"base_model:{relation}:{base}"


def _of_dataset(data: dict[str, Any], files: list[str], config: dict[str, Any]) -> Iterator[str]:
    for key in DATASET_KEYS:
        yield from (f"{key}:{value}" for value in words(data.get(key)))
    yield from (f"language:{code}" for code in words(data.get("language")))
    for ending in dict.fromkeys(_ending(name) for name in files if not name.startswith(".")):
        if ending in FORMATS and ending != ".txt":
            yield f"format:{FORMATS[ending]}"
    yield from words(data.get("tags"))


def _of_other(data: dict[str, Any], files: list[str], config: dict[str, Any]) -> Iterator[str]:
    yield from words(data.get("sdk"))
    yield from words(data.get("tags"))
    yield from words(data.get("language"))


def relation_to_base(data: dict[str, Any], files: list[str], bases: list[str]) -> str:
    """How a model came from its base: as its card says, else as its files show."""
    said = _text(data.get("base_model_relation"))
    if said:
        return said
    if "adapter_config.json" in files:
        return "adapter"
    if any(name.lower().endswith(".gguf") for name in files):
        return "quantized"
    return "merge" if len(bases) > 1 else "finetune"


def _libraries(files: list[str], config: dict[str, Any], data: dict[str, Any]) -> Iterator[str]:
    """Libraries that the files are for, the one to load with first."""
    names = set(files)
    endings = {_ending(name) for name in files}
    if {"modules.json", "config_sentence_transformers.json"} & names:
        yield "sentence-transformers"
    if "model_index.json" in names:
        yield "diffusers"
    if "adapter_config.json" in names:
        yield "peft"
    if "config.json" in names and (config.get("model_type") or config.get("architectures")):
        yield "transformers"
    if any(re.search(r"(^|/)pytorch_model[^/]*\.bin$", name) for name in files):
        yield "pytorch"
    for ending, library in (
        (".gguf", "gguf"),
        (".onnx", "onnx"),
        (".safetensors", "safetensors"),
        (".tflite", "tflite"),
    ):
        if ending in endings:
            yield library


def _task(library: str | None, config: dict[str, Any]) -> str | None:
    if library == "sentence-transformers":
        return "sentence-similarity"
    for architecture in words(config.get("architectures")):
        for ending, task in TASK_OF_CLASS:
            if architecture.endswith(ending):
                return task
        if architecture.endswith("ForConditionalGeneration"):
            if isinstance(config.get("vision_config"), dict):
                return "image-text-to-text"
            return GENERATION.get(str(config.get("model_type")))
    return None


def _ending(name: str) -> str:
    _, dot, ending = name.rpartition(".")
    return f".{ending.lower()}" if dot else ""


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
