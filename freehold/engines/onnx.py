"""ONNX Runtime: embeddings, classes, labels, answers, ranking, things and text in pictures, speech; on processors.

What a model is for is read from its graphs and its own settings, never from its name.
"""

import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from freehold.cards.memory import MARGIN, MB, RUNTIME_BYTES, Need
from freehold.compute.rules import Job
from freehold.engines import sentences
from freehold.engines.rules import Ability, Engine, Model, Offer, Refusal, Setup

NAME = "onnx"
PROGRAM = "freehold.engines.programs.onnx"
MAX_LABELS = 10_000
#: Of the files of one model in several precisions, which is taken where nobody named one.
FIRST = ("model.onnx", "model_optimized.onnx", "model_quantized.onnx", "model_int8.onnx", "model_fp16.onnx")
#: What a graph keeps on the way, of one text or picture; and of half a minute of speech, whose every moment looks at
#: every other. Measured with one model each.
WORK_BYTES, SPEECH_BYTES = 150 * MB, 400 * MB
#: Of these what a step of long texts takes is reckoned besides, for each call at a time.
READING = frozenset({"embeddings", "classes", "words", "gaps", "answers"})


@dataclass(frozen=True)
class Found:
    """What a model is: the program's ``kind``, its graphs by what they are, and what else the program is told."""

    kind: str
    abilities: frozenset[Ability]
    graphs: Mapping[str, str]
    beside: Sequence[str] = ()
    told: Mapping[str, Any] = field(default_factory=dict)
    max_tokens: int | None = None


def look(model: Model, setup: Setup) -> Sequence[Offer] | Refusal:
    graphs = {path: told.get("graph", {}) for path, told in model.headers.items() if path.endswith(".onnx")}
    if not graphs:
        return Refusal(NAME, "It has no ONNX file that can be read; optimum-cli export onnx makes one.")
    if setup.file and setup.file not in graphs:
        return Refusal(NAME, f"It has no {setup.file}; it has {', '.join(sorted(graphs)[:10])}.")
    found = _speech(model, graphs) or _text_in_pictures(graphs) or _one(model, setup, graphs)
    if isinstance(found, str):
        return Refusal(NAME, found)
    paths = [*found.graphs.values(), *(path for path in found.beside if path in model.files)]
    paths += [
        path
        for path in model.files
        for graph in found.graphs.values()
        if path.startswith((f"{graph}_data", f"{graph}.data"))
    ]
    return [
        Offer(
            engine=NAME,
            file=next(iter(found.graphs.values())),
            abilities=found.abilities,
            paths=paths,
            need=_need(model, setup, found, sum(model.files[path] for path in paths)),
            max_context_tokens=sentences.most_tokens(model) if found.kind in READING else found.max_tokens,
            options={"kind": found.kind, "files": dict(found.graphs), "max_tokens": found.max_tokens, **found.told},
        )
    ]


def job(offer: Offer, setup: Setup, directory: Path, adapters: Mapping[str, Path]) -> Job:
    threads = setup.threads or os.cpu_count() or 1
    options = {
        "labels": [],
        **offer.options,
        **setup.options,
        "folder": os.fspath(directory),
        "threads": threads,
        "alias": Path(offer.file).name,
        "parallel": setup.parallel,
    }
    return Job(
        name=f"{Path(offer.file).name} on ONNX Runtime",
        argv=[sys.executable, "-s", "-P", "-m", PROGRAM],
        options=options,
        environment={"OMP_NUM_THREADS": str(threads)},
        files=[directory / path for path in offer.paths],
        memory_bytes=offer.need.most_bytes if offer.need is not None else None,
        cpus=float(threads),
    )


def missing() -> str:
    if any(
        importlib.util.find_spec(name) is None for name in ("onnxruntime", "numpy", "tokenizers", "PIL", "miniaudio")
    ):
        return "ONNX Runtime is not installed on this node: install freehold[serve]."
    return ""


ENGINE = Engine(
    name=NAME,
    title="ONNX Runtime",
    formats=frozenset({"onnx"}),
    look=look,
    job=job,
    missing=missing,
)


# ---- what a model is ------------------------------------------------------------------------------------------------


def _one(model: Model, setup: Setup, graphs: Mapping[str, Mapping[str, Any]]) -> Found | str:
    """A model of one graph: of texts where it takes tokens, of pictures where it takes three colours."""
    path = setup.file or next((one for name in FIRST for one in sorted(graphs) if one.rpartition("/")[2] == name), "")
    if not path:
        if len(graphs) > 1:
            return f"It has {len(graphs):,} ONNX files, and which is the model, nobody says; name one of them."
        path = next(iter(graphs))
    inputs, outputs = _ports(graphs[path], "inputs"), _ports(graphs[path], "outputs")
    if "input_ids" in inputs and "pixel_values" not in inputs:
        return _of_texts(model, setup, path, inputs)
    if inputs.keys() == {"input_ids", "attention_mask", "pixel_values"} and "logits_per_image" in outputs:
        return _of_captions(model, path)
    if inputs.keys() <= {"input_values", "attention_mask"} and (labels := _labels(model, path)):
        beside = ["config.json", "preprocessor_config.json"]
        return Found("sounds", frozenset({"audio-classification"}), {"model": path}, beside, {"labels": labels})
    if {"logits", "pred_boxes"} <= outputs.keys() and inputs.keys() - {"pixel_mask"} == {"pixel_values"}:
        if not (labels := _labels(model, path)):
            return "It finds things in pictures, and its config.json does not say what they are called."
        beside = ["config.json", "preprocessor_config.json"]
        return Found("things", frozenset({"object-detection"}), {"model": path}, beside, {"labels": labels})
    if len(inputs) == 1 and _is_picture(next(iter(inputs.values()))) and outputs:
        if len(next(iter(outputs.values()))) == 2:
            beside = ["config.json", "preprocessor_config.json"]
            told = {"labels": _labels(model, path)}
            return Found("pictures", frozenset({"image-classification"}), {"model": path}, beside, told)
        return "It takes pictures, and tells something of them that this engine does not know."
    return f"It takes {', '.join(inputs) or 'nothing'}: neither tokens nor one picture, and this engine knows no other."


def _of_texts(model: Model, setup: Setup, path: str, inputs: Mapping[str, Sequence[str]]) -> Found | str:
    if any("past" in name for name in inputs):
        return "It writes text, which the engine onnx-text does."
    folder = next((one for one in _folders(path) if f"{one}tokenizer.json" in model.files), None)
    if folder is None:
        return "It has no tokenizer.json, which transformers writes with save_pretrained."
    if folder:
        return f"Its tokenizer lies in {folder}, and not beside config.json."
    if unknown := set(inputs) - {"input_ids", "attention_mask", "token_type_ids"}:
        return f"It takes {', '.join(sorted(unknown))[:200]}, which this engine does not make."
    beside = ["config.json", "tokenizer.json", "tokenizer_config.json"]
    config = model.settings.get("config.json")
    named = config.get("architectures") if isinstance(config, Mapping) else None
    architecture = str(named[0]) if isinstance(named, list) and named else ""
    tokens = sentences.max_tokens(model, setup)
    graph, labels = {"model": path}, _labels(model, path)
    outputs = _ports(model.headers[path].get("graph", {}), "outputs")
    if architecture.endswith("ForMaskedLM"):
        return Found("gaps", frozenset({"fill-mask"}), graph, beside, {}, tokens)
    if {"start_logits", "end_logits"} <= outputs.keys():
        return Found("answers", frozenset({"question-answering"}), graph, beside, {}, tokens)
    if architecture.endswith("ForTokenClassification"):
        return Found("words", frozenset({"token-classification"}), graph, beside, {"labels": labels}, tokens)
    classifies = any(len(shape) == 2 and shape[1] in (str(len(labels)), "num_labels") for shape in outputs.values())
    if architecture.endswith("ForSequenceClassification") or (
        labels and classifies and "modules.json" not in model.files
    ):
        able: set[Ability] = {"rerank" if len(labels) == 1 else "classification"}
        if len(labels) > 1 and any(one.lower().startswith("entail") for one in labels):
            able.add("zero-shot-classification")
        told = {"labels": labels or ["LABEL_0", "LABEL_1"], "is_many": _is_many(config)}
        return Found("classes", frozenset(able), graph, beside, told, tokens)
    making = sentences.making(model)
    if isinstance(making, str):
        return making
    abilities: frozenset[Ability] = frozenset({"embeddings", "feature-extraction", "sentence-similarity"})
    told = {"pooling": making[0], "is_normal": making[1]}
    return Found("embeddings", abilities, graph, beside, told, tokens)


def _of_captions(model: Model, path: str) -> Found | str:
    """A picture and texts, each scored by the other; as CLIP was taught, which says what fills up a text."""
    config = model.settings.get("config.json")
    if not isinstance(config, Mapping) or config.get("model_type") != "clip" or "tokenizer.json" not in model.files:
        return "It compares pictures with texts, in a way that this engine does not know."
    text = config.get("text_config")
    most = text.get("max_position_embeddings") if isinstance(text, Mapping) else None
    beside = ["config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"]
    tokens = most if isinstance(most, int) and not isinstance(most, bool) and 1 < most <= 4_096 else 77
    return Found("captions", frozenset({"zero-shot-image-classification"}), {"model": path}, beside, {}, tokens)


def _speech(model: Model, graphs: Mapping[str, Any]) -> Found | None:
    config = model.settings.get("config.json")
    if not isinstance(config, Mapping) or config.get("model_type") != "whisper" or "tokenizer.json" not in model.files:
        return None
    encode = next((one for one in sorted(graphs) if "encoder_model" in one), None)
    decode = next((one for one in sorted(graphs) if "decoder_model_merged" in one), None)
    if encode is None or decode is None:
        return None
    beside = ["config.json", "tokenizer.json", "generation_config.json", "preprocessor_config.json"]
    return Found("speech", frozenset({"transcription"}), {"encode": encode, "decode": decode}, beside)


def _text_in_pictures(graphs: Mapping[str, Mapping[str, Any]]) -> Found | None:
    """Three graphs that each take a picture: where lines are (a picture again), what stands in one (letters, place by
    place, of more kinds than a picture has colours), and whether it stands on its head (two numbers)."""
    kinds: dict[str, str] = {}
    for path, graph in sorted(graphs.items()):
        inputs, outputs = _ports(graph, "inputs"), _ports(graph, "outputs")
        if len(inputs) != 1 or len(outputs) != 1 or not _is_picture(next(iter(inputs.values()))):
            continue
        shape = next(iter(outputs.values()))
        if len(shape) == 4 and shape[1] == "1":
            kinds["detect"] = path
        elif len(shape) == 3 and shape[2].isdigit() and int(shape[2]) > 30:
            kinds["recognise"] = path
        elif len(shape) == 2 and shape[1] == "2":
            kinds["turn"] = path
    if not {"detect", "recognise"} <= kinds.keys():
        return None
    return Found("text_in_pictures", frozenset({"image-to-text"}), kinds)


def _ports(graph: Mapping[str, Any], name: str) -> dict[str, Sequence[str]]:
    """Names of what goes in or out, with its dimensions as text."""
    return {str(one[0]): [str(side) for side in one[2]] for one in graph.get(name, ()) if len(one) == 3}


def _is_picture(shape: Sequence[str]) -> bool:
    return len(shape) == 4 and "3" in (shape[1], shape[3])


def _folders(path: str) -> list[str]:
    """Where what belongs to a graph may lie: at the top, or beside it."""
    beside = path.rpartition("/")[0]
    return ["", *([f"{beside}/"] if beside else [])]


def _labels(model: Model, path: str) -> list[str]:
    """Names of classes, in order, as config.json says them; empty where it says none, or leaves some out."""
    config = model.settings.get("config.json")
    named = config.get("id2label") if isinstance(config, Mapping) else None
    if not isinstance(named, Mapping) or not 0 < len(named) <= MAX_LABELS:
        return []
    labels = [named.get(str(at)) for at in range(len(named))]
    return [one[:200] for one in labels if isinstance(one, str)] if all(isinstance(one, str) for one in labels) else []


def _is_many(config: Any) -> bool:
    return isinstance(config, Mapping) and config.get("problem_type") == "multi_label_classification"


def _need(model: Model, setup: Setup, found: Found, weights_bytes: int) -> Need:
    work_bytes = SPEECH_BYTES if found.kind == "speech" else WORK_BYTES
    if found.kind in READING and found.max_tokens:
        step = sentences.step_bytes(model, found.max_tokens, of_words=found.kind == "gaps")
        work_bytes += setup.parallel * step
    overhead = RUNTIME_BYTES["ONNX Runtime"] + work_bytes + weights_bytes // 4
    return Need(
        engine="ONNX Runtime",
        weights_bytes=weights_bytes,
        cache_bytes=0,
        overhead_bytes=overhead,
        margin_bytes=int((weights_bytes + overhead) * MARGIN["ONNX Runtime"]),
        is_measured=False,
    )
