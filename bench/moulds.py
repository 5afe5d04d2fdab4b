"""Moulds that repositories are cast from: what their cards and files say, as often as a real hub has it.

A hub of millions has far fewer ways to be than repositories: most are one of some ten thousand, with a name, numbers,
dates and a few words of their own. Tags are what the hub itself would read from such a card.
"""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from freehold.cards import inspecting, memory, tags, vocabulary
from freehold.cards.licences import permits, verdict
from freehold.cards.openness import keeping

#: Shares in a hundred. None: not said. What is not named shares what is left, the first of it most often.
_LICENCES = {
    None: 34, "apache-2.0": 24, "mit": 12, "other": 5, "llama3.1": 3, "openrail": 3, "gemma": 2.5, "cc-by-nc-4.0": 2.5,
    "cc-by-4.0": 2, "llama2": 2, "creativeml-openrail-m": 2, "llama3": 1.5, "cc-by-sa-4.0": 1, "afl-3.0": 1,
    "llama3.2": 1, "unknown": 0.8, "bsd-3-clause": 0.5, "gpl-3.0": 0.5,
}  # fmt: skip
_TASKS = {
    None: 42, "text-generation": 21, "text-classification": 6, "text-to-image": 6, "reinforcement-learning": 3,
    "automatic-speech-recognition": 2.5, "token-classification": 2, "image-classification": 2, "fill-mask": 1.5,
    "text2text-generation": 2, "question-answering": 1.5, "feature-extraction": 1.5, "sentence-similarity": 1.2,
    "image-text-to-text": 1.5, "translation": 0.8, "summarization": 0.6, "text-to-speech": 0.5,
}  # fmt: skip
_LIBRARIES = {
    None: 22, "transformers": 44, "peft": 8, "diffusers": 7, "gguf": 6, "stable-baselines3": 3, "mlx": 2,
    "sentence-transformers": 2, "timm": 0.8, "onnx": 0.8, "transformers.js": 0.5,
}  # fmt: skip
_LANGUAGES = {"en": 62, "zh": 6, "fr": 3, "es": 3, "de": 3, "ja": 2.5, "ko": 2, "ru": 2, "pt": 1.5, "hi": 1, "ar": 1}
#: Parameters in millions: models come in lumps, because most are made from a few.
_SIZES = {
    None: 22, 7_242: 11, 8_030: 11, 1_544: 8, 494: 6, 3_213: 5, 1_236: 4, 110: 6, 66: 4, 125: 4, 335: 2, 23: 1.5,
    135: 2, 360: 1.5, 2_614: 2, 9_242: 1.5, 13_016: 3, 14_766: 2, 24_000: 1, 27_200: 1, 32_760: 2, 70_554: 2,
    122_610: 0.3, 405_853: 0.1, 684_490: 0.1, 86: 1.5, 6_738: 2, 5_950: 1, 11_900: 0.8, 859: 1.5,
}  # fmt: skip
_TYPES = {"BF16": 42, "F16": 24, "F32": 26, "U8": 3, "I8": 2, "F8_E4M3": 2, "I32": 1}
_QUANTISATIONS = {"Q4_K_M": 30, "Q8_0": 16, "Q5_K_M": 12, "Q6_K": 10, "Q4_0": 8, "IQ4_XS": 6, "Q3_K_M": 6, "F16": 5}
_CONTEXTS = {512: 18, 2_048: 10, 4_096: 14, 8_192: 14, 32_768: 18, 40_960: 4, 131_072: 18, 262_144: 3, 1_048_576: 0.5}
_ARCHITECTURES = {
    "LlamaForCausalLM": 30, "Qwen2ForCausalLM": 16, "MistralForCausalLM": 9, "BertForSequenceClassification": 7,
    "Qwen3ForCausalLM": 6, "GemmaForCausalLM": 3, "Gemma2ForCausalLM": 3, "Phi3ForCausalLM": 2,
    "T5ForConditionalGeneration": 4, "WhisperForConditionalGeneration": 2, "ViTForImageClassification": 2,
    "RobertaForSequenceClassification": 3,
    "DistilBertForSequenceClassification": 4, "BertForMaskedLM": 1, "MixtralForCausalLM": 1, "GPT2LMHeadModel": 4,
}  # fmt: skip
_SDKS = {"gradio": 62, "docker": 18, "static": 12, "streamlit": 8}
_FORMATS = {"parquet": 40, "json": 28, "csv": 14, None: 10, "text": 4, "imagefolder": 4, "webdataset": 1}
_ROWS = {None: 25, "n<1K": 22, "1K<n<10K": 20, "10K<n<100K": 16, "100K<n<1M": 9, "1M<n<10M": 5, "10M<n<100M": 2}
_MODALITIES = {"text": 70, "image": 14, "tabular": 8, "audio": 6, "video": 2}
_FILES = {"gguf": ["model.Q4_K_M.gguf"], "peft": ["adapter_config.json", "adapter_model.safetensors"]}
_BYTES_OF = {"BF16": 2.0, "F16": 2.0, "F32": 4.0, "U8": 1.0, "I8": 1.0, "F8_E4M3": 1.0, "I32": 0.6}
_SUBJECTS = (
    "product reviews", "legal contracts", "court rulings", "patient letters", "news of ten years", "chat transcripts",
    "source code", "maths problems", "satellite images", "street scenes", "phone calls", "bird song", "poems",
    "patents", "tax returns", "chess games", "recipes", "museum catalogues", "chest X-rays", "weather stations",
)  # fmt: skip
FAMILIES = (
    "Llama-3.1", "Qwen2.5", "Mistral", "gemma-2", "Phi-3", "bert-base", "distilbert", "roberta", "t5", "whisper",
    "SmolLM2", "deepseek", "vit", "wav2vec2", "stable-diffusion", "flux-lora", "ppo-LunarLander", "mt5", "deberta",
)  # fmt: skip
ENDINGS = ("", "-Instruct", "-GGUF", "-finetuned", "-lora", "-chat", "-dpo", "-merged", "-4bit", "-AWQ", "-sft", "-v2")
SYLLABLES = ("ka", "lo", "mi", "ra", "ten", "vor", "sel", "dan", "qui", "bel", "nor", "ast", "ul", "pre", "go", "zin")


@dataclass(frozen=True)
class Mould:
    """What many repositories say alike. Texts that begin with ``{`` or ``[`` are JSON without their end."""

    kind: str
    data: str  #: front matter, but for its tags
    said: Sequence[str]  #: the tags of the front matter
    config: str | None
    tags: str
    tag_rows: Sequence[str]
    license: str | None
    pipeline_tag: str | None
    library_name: str | None
    summary: str
    sdk: str | None
    facts: tuple[Any, ...] | None  #: in the order of :data:`FACTS`
    answer: str
    own: str
    openness: tuple[Any, ...]  #: in the order of :data:`OPENNESS`
    relation: str  #: how it came from its base, where it is one that has a base
    family: str  #: what it is called after


#: The columns of ``repo_facts`` that :attr:`Mould.facts` has.
FACTS = (
    "parameters", "active_parameters", "dtype", "context_length", "architecture", "tokenizer", "adapter_base",
    "has_pickle", "rows", "size_bytes", "needed_bytes", "formats", "quantisations", "details",
)  # fmt: skip


OPENNESS = ("weights", "code", "data", "recipe", "evaluation", "licence", "opened", "told")
_OPENNESS = {"unknown": 44, "open": 26, "partly": 18, "closed": 12}


def make(kind: str, number: int, chance: random.Random) -> list[Mould]:
    """``number`` moulds of ``kind``."""
    maker = {"model": _model, "dataset": _dataset, "space": _space}[kind]
    return [maker(chance) for _ in range(number)]


def vocabulary_of_tags(chance: random.Random, number: int) -> list[str]:
    """Words that people tag with, the first of them most often."""
    words: dict[str, None] = {}
    while len(words) < number:
        words["".join(chance.choices(SYLLABLES, k=chance.randrange(2, 5)))] = None
    return list(words)


def _model(chance: random.Random) -> Mould:
    library, task = _one(chance, _LIBRARIES), _one(chance, _TASKS, tuple(vocabulary.TASKS))
    quantised, architecture = library == "gguf", _one(chance, _ARCHITECTURES)
    data = _card(chance, language=chance.random() < 0.45)
    if library not in (None, "gguf", "onnx"):
        data["library_name"] = library
    if task:
        data["pipeline_tag"] = task
    config = None
    if library in ("transformers", "mlx"):
        config = {"architectures": [architecture], "model_type": architecture.split("For")[0].lower()}
    elif library == "peft":
        config = {"peft": {"base_model_name_or_path": "", "task_type": "CAUSAL_LM"}}
    files = ["README.md", *_FILES.get(str(library), ["model.safetensors"])]
    files += ["config.json"] if config else []
    known = _facts_of_model(chance, library, architecture, quantised)
    relation = {"gguf": "quantized", "peft": "adapter"}.get(
        str(library), "merge" if chance.random() < 0.06 else "finetune"
    )
    return _mould(chance, "model", data, files, config, known, relation=relation)


def _facts_of_model(
    chance: random.Random, library: str | None, architecture: str | None, quantised: bool
) -> tuple[Any, ...]:
    millions = _one(chance, _SIZES)
    parameters = None if millions is None else millions * 1_000_000 + chance.randrange(5) * 16_384
    if library == "peft":
        parameters = chance.choice((3_407_872, 13_631_488, 41_943_040, 167_772_160))
    pickled = not quantised and chance.random() < 0.12
    formats = ["gguf"] if quantised else ["pickle"] if pickled else ["safetensors"] if parameters else []
    formats += ["onnx"] if library == "onnx" or chance.random() < 0.03 else []
    quantisations = (
        sorted({str(_one(chance, _QUANTISATIONS)) for _ in range(chance.choice((1, 1, 3, 6)))}) if quantised else []
    )
    if not quantised and chance.random() < 0.05:
        quantisations = [chance.choice(("awq", "gptq", "bitsandbytes-4bit", "compressed-tensors"))]
    dtype = "Q4_K" if quantised else _one(chance, _TYPES)
    weight = int((parameters or 50_000_000) * (0.6 if quantised else _BYTES_OF[str(dtype)]))
    is_expert = parameters is not None and parameters > 20 * 10**9 and chance.random() < 0.2
    needed = int(weight * 1.2) + 600 * memory.MB if parameters and not pickled and library != "peft" else None
    details: dict[str, Any] = {
        "safetensors": {"parameters": {dtype: parameters}, "total": parameters}
        if parameters and not quantised
        else None,
        "gguf": {"total": parameters, "architecture": "llama", "context_length": 8192} if quantised else None,
        "loads": [{"form": form, "name": f"model.{form}", "weights_bytes": weight, "shape": {}} for form in formats],
        "weights": [[f"model-0000{part}-of-00004.safetensors", weight // 4, 291] for part in range(1, 5)],
        "pickles": ["pytorch_model.bin"] if pickled else [],
        "problems": [],
    }
    shown = parameters if not pickled else None
    return (
        shown,
        shown // 4 if is_expert and shown else None,
        dtype if shown else None,
        _one(chance, _CONTEXTS) if library in ("transformers", "gguf", "mlx") else None,
        architecture if library in ("transformers", "gguf", "mlx") else None,
        chance.choice(("BPE", "WordPiece", "Unigram")) if library == "transformers" else None,
        None,
        int(pickled),
        None,
        weight + 2_000_000,
        needed,
        json.dumps(formats),
        json.dumps(quantisations),
        json.dumps(details),
    )  # fmt: skip


def _dataset(chance: random.Random) -> Mould:
    data = _card(chance, language=chance.random() < 0.5)
    rows, form = _one(chance, _ROWS), _one(chance, _FORMATS)
    if chance.random() < 0.4:
        data["task_categories"] = [_one(chance, _TASKS, tuple(vocabulary.TASKS)) or "text-generation"]
    if rows:
        data["size_categories"] = [rows]
    if chance.random() < 0.2:
        data["annotations_creators"], data["multilinguality"] = ["no-annotation"], ["monolingual"]
    if chance.random() < 0.5:
        data["configs"] = [{"config_name": "default", "data_files": [{"split": "train", "path": "data/train-*"}]}]
    tagged = [f"modality:{_one(chance, _MODALITIES)}"] + ([f"format:{form}"] if form else [])
    counted = 10 ** chance.uniform(2, 7.5) if form == "parquet" else None
    size = int(10 ** chance.uniform(4, 10.5))
    known = (
        None, None, None, None, None, None, None, 0, int(counted) if counted else None, size, None,
        json.dumps([form] if form else []), "[]",
        '{"columns": [["text", "string"], ["label", "int64"]], "problems": []}',
    )  # fmt: skip
    return _mould(chance, "dataset", {**data, "tags": tagged}, ["README.md"], None, known)


def _space(chance: random.Random) -> Mould:
    sdk = str(_one(chance, _SDKS))
    data = _card(chance, language=False) | {"title": "Demo", "emoji": "🚀", "colorFrom": "blue", "sdk": sdk}
    data |= {"colorTo": "green", "sdk_version": "5.9.1", "app_file": "app.py", "pinned": False}
    return _mould(chance, "space", data, ["README.md", "app.py"], None, None, sdk=sdk)


def _card(chance: random.Random, *, language: bool) -> dict[str, Any]:
    data: dict[str, Any] = {}
    licence = _one(chance, _LICENCES, tuple(vocabulary.LICENSES))
    if licence:
        data["license"] = licence
    if licence == "other" and chance.random() < 0.5:
        data["license_name"] = chance.choice(("qwen-research", "flux-1-dev-non-commercial-license", "our-own"))
    if language:
        spoken = [
            _one(chance, _LANGUAGES, tuple(vocabulary.LANGUAGES)) for _ in range(chance.choice((1, 1, 1, 1, 2, 8)))
        ]
        data["language"] = list(dict.fromkeys(spoken))
    if chance.random() < 0.3:
        data["metrics"] = ["accuracy", "f1"]
    return data


def _mould(
    chance: random.Random,
    kind: str,
    data: dict[str, Any],
    files: list[str],
    config: dict[str, Any] | None,
    known: tuple[Any, ...] | None,
    *,
    sdk: str | None = None,
    relation: str = "",
) -> Mould:
    words = tags.read(kind, data, "", files, config or {})
    reading = verdict.reading(verdict.said(data))
    task = vocabulary.TASKS.get(words.pipeline_tag or "", "all sorts of work").lower()
    subject, other = chance.choice(_SUBJECTS), chance.choice(_SUBJECTS)
    return Mould(
        kind=kind,
        data=json.dumps({key: value for key, value in data.items() if key != "tags"})[:-1],
        said=data.get("tags", ()),
        config=json.dumps(config) if config else None,
        tags=json.dumps(words.tags)[:-1],
        tag_rows=words.tags,
        license=words.license,
        pipeline_tag=words.pipeline_tag,
        library_name=words.library_name,
        summary=f"For {task}, made from {subject} and checked on {other} by hand, with what it cannot do told plainly.",
        sdk=sdk,
        facts=known,
        answer=reading.answer,
        own=reading.answer + ("" if all(one.derivatives == "yes" for one in reading.licences) else ", unchanged"),
        openness=_openness(chance, kind),
        relation=relation,
        family=chance.choice(FAMILIES) if kind == "model" else subject.replace(" ", "-"),
    )


def _openness(chance: random.Random, kind: str) -> tuple[Any, ...]:
    not_asked = () if kind == "model" else ("weights", "evaluation")
    found = [None if name in not_asked else _one(chance, _OPENNESS) for name in OPENNESS[:6]]
    return (*found, found.count("open"), json.dumps({"files": ["README.md"], "words": []}))


def _one(chance: random.Random, shares: Mapping[Any, float], rest: Sequence[str] = ()) -> Any:
    """One of ``shares`` by its share; of ``rest`` where they leave something, the first of it often."""
    at = chance.random() * 100
    for value, share in shares.items():
        at -= share
        if at < 0:
            return value
    return rest[int(len(rest) * chance.random() ** 3)] if rest else next(iter(shares))


#: What every row of these tables has in common, so that the hub does not begin by computing them anew.
FACTS_VERSION, VERDICT_VERSION, OPENNESS_VERSION = inspecting.VERSION, permits.version(), keeping.version()
