"""What the files of a commit say of a model or a data set, from their names, their headers and its configuration. Pure.

Nothing here is declared: a card's own words stay beside it, so that both can be shown. What the files do not tell, or
tell in a way that two readers would count differently, is None: unknown is a value.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from freehold.cards import loads, memory
from freehold.cards.tags import FORMATS as DATA_FORMATS

#: Raised when the same files would give other facts: what is kept of an older version is computed anew.
VERSION = 6
MAX_PROBLEMS = 20
MAX_FILES_TOLD = 64
MAX_TEXT = 100

#: Endings of weights, and the format they show.
WEIGHTS = {"safetensors": "safetensors", "gguf": "gguf", "onnx": "onnx", "tflite": "tflite", "h5": "keras"}
WEIGHTS |= {"msgpack": "flax", "mlmodel": "coreml", "ftz": "fasttext", "keras": "keras"}
#: Endings of files that may be pickles: some are anything else that was called ``.bin``, so more than that is asked.
PICKLES = frozenset({"pt", "pth", "pkl", "pickle", "ckpt", "joblib"})
_PICKLED_BIN = re.compile(
    r"(^|/)(pytorch_model|adapter_model|training_args|optimizer|scheduler|diffusion_pytorch_model)[^/]*\.bin$"
)

#: Integers of these formats are indexes and constants, not parameters (ONNX).
_NO_PARAMETERS = frozenset({"I64", "I32", "BOOL", "text", "U64", "U32"})
#: Where a number of tokens stands in config.json, the first that is there. Source: vLLM, config/model.py.
_CONTEXT = (
    "max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "n_ctx", "max_sequence_length",
    "max_seq_length", "max_target_positions",
)  # fmt: skip
#: Scaling that max_position_embeddings already holds. Source: transformers, modeling_rope_utils.py.
_ALREADY_SCALED = frozenset({"llama3", "longrope", "su", "default", "mrope", "proportional"})
_EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts")
_EXPERTS_USED = ("num_experts_per_tok", "num_experts_per_token", "moe_top_k", "top_k_experts")
#: Quantisers that pack several values into one: their tensors do not tell how many parameters there are.
_PACKERS = frozenset(
    {"gptq", "awq", "aqlm", "hqq", "vptq", "compressed-tensors", "mxfp4", "higgs", "spqr", "auto-round"}
)
#: Types that quantisers of ONNX write weights as, and what that is called.
_ONNX_QUANTISED = {"I8": "INT8", "U8": "INT8", "I4": "INT4", "U4": "INT4"}
_MAX_COUNT = 10**15


@dataclass(frozen=True)
class FileTold:
    """One weights file: what its header comes to (``digest.summary``), or ``problem``, why it cannot be read."""

    path: str
    form: str
    told: Mapping[str, Any]
    problem: str = ""


@dataclass(frozen=True)
class Sources:
    """What facts are made from. ``files`` are path and bytes of all; texts are empty where a file is absent.

    ``headers`` are those that were read; ``chosen`` the paths of those that make the model (each holds other tensors).
    """

    kind: str
    files: Sequence[tuple[str, int]]
    headers: Sequence[FileTold] = ()
    chosen: Sequence[str] = ()
    config: str = ""
    adapter: str = ""
    tokenizer: str = ""


@dataclass(frozen=True)
class Facts:
    """The facts of one commit. ``details`` has what is only shown:

    ``safetensors`` and ``gguf`` as clients read them, ``context`` (with its ``source``), ``experts``, ``adapter``,
    ``quantiser``, ``loads`` (``memory.Load``), ``weights`` (files with what each comes to), ``columns`` (of a data
    set's first Parquet file, as ``[path, type]``), ``pickles`` (paths), ``problems`` as ``[path, why]``.
    ``needed_bytes``: ``memory.needed``.
    """

    parameters: int | None = None
    active_parameters: int | None = None
    dtype: str | None = None
    context_length: int | None = None
    architecture: str | None = None
    tokenizer: str | None = None
    adapter_base: str | None = None
    has_pickle: bool = False
    rows: int | None = None
    size_bytes: int = 0
    needed_bytes: int | None = None
    formats: Sequence[str] = ()
    quantisations: Sequence[str] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


def of(sources: Sources) -> Facts:
    """The facts that ``sources`` tell."""
    size_bytes = sum(size for _, size in sources.files)
    pickles = [path for path, _ in sources.files if is_pickle(path)]
    if sources.kind != "model":
        return _of_dataset(sources, size_bytes, pickles)
    return _of_model(sources, size_bytes, pickles)


def _of_dataset(sources: Sources, size_bytes: int, pickles: Sequence[str]) -> Facts:
    """Rows are told where all files of data are Parquet and say how many they have: others would need counting."""
    formats = _data_formats(sources.files)
    tables = sum(path.lower().endswith(".parquet") for path, _ in sources.files)
    read = [one.told for one in sources.headers if not one.problem]
    is_told = formats == ["parquet"] and len(read) == tables
    details: dict[str, Any] = {
        "columns": read[0]["columns"] if read else None,
        "pickles": pickles[:MAX_FILES_TOLD],
        "problems": [[one.path, one.problem] for one in sources.headers if one.problem][:MAX_PROBLEMS],
    }
    return Facts(
        has_pickle=bool(pickles),
        size_bytes=size_bytes,
        formats=formats,
        rows=sum(one["rows"] for one in read) if is_told else None,
        details={key: value for key, value in details.items() if value},
    )


def is_pickle(path: str) -> bool:
    """Whether a file of this name is a pickle, as libraries name theirs."""
    ending = path.rpartition(".")[2].lower()
    return ending in PICKLES or bool(_PICKLED_BIN.search(path))


def _data_formats(files: Sequence[tuple[str, int]]) -> Sequence[str]:
    endings = (
        f".{path.rpartition('.')[2].lower()}" for path, _ in files if not path.rpartition("/")[2].startswith(".")
    )
    return sorted({DATA_FORMATS[ending] for ending in endings if ending in DATA_FORMATS and ending != ".txt"})


# ---- models ------------------------------------------------------------------------------------------------


def _of_model(sources: Sources, size_bytes: int, pickles: Sequence[str]) -> Facts:
    config = _object(sources.config)
    quantiser = _quantiser(config)
    read = {one.path: one for one in sources.headers if not one.problem}
    chosen = [read[path] for path in sources.chosen if path in read] if all(p in read for p in sources.chosen) else []
    by_form = {form: [one for one in chosen if one.form == form] for form in ("safetensors", "gguf", "onnx")}
    form = next((form for form, found in by_form.items() if found), "")
    by_type = _by_type(by_form[form], form) if form else {}
    parameters = sum(by_type.values()) or None
    if form == "safetensors" and quantiser in _PACKERS | {"bitsandbytes-4bit"}:
        parameters = None
    if any(_onnx_quantisation(one) for one in by_form.get(form, ())):
        parameters = None  # tied embeddings stand there twice, once as each type
    gguf = by_form["gguf"][0].told.get("facts", {}) if by_form["gguf"] else {}
    experts, used = _experts(config, gguf)
    context, source = _context(config, gguf)
    adapter = _object(sources.adapter)
    ways = loads.of(sources.files, [*read.values()], chosen, config)
    ways = [one if one.context or not context else replace(one, context=context) for one in ways]
    details: dict[str, Any] = {
        "safetensors": _wire(by_form["safetensors"], "safetensors"),
        "gguf": _wire(by_form["gguf"], "gguf", gguf),
        "context": source,
        "experts": {"of": experts, "used": used} if experts and used else None,
        "adapter": _adapter(adapter),
        "quantiser": quantiser or None,
        "loads": [one.plain() for one in ways],
        "weights": [_brief(one) for one in sources.headers[:MAX_FILES_TOLD] if not one.problem],
        "pickles": pickles[:MAX_FILES_TOLD],
        "problems": [[one.path, one.problem] for one in sources.headers if one.problem][:MAX_PROBLEMS],
    }
    return Facts(
        parameters=parameters,
        active_parameters=_active(by_form.get(form, ()), parameters, experts, used),
        dtype=max(by_type, key=lambda kind: by_type[kind])[:20] if by_type else None,
        context_length=context,
        architecture=_text(config.get("model_type")) or _text(gguf.get("architecture")),
        tokenizer=_text(_object(sources.tokenizer).get("tokenizer_class")) or _text(gguf.get("tokenizer")),
        adapter_base=_text(adapter.get("base_model_name_or_path"), 200),
        has_pickle=bool(pickles),
        size_bytes=size_bytes,
        needed_bytes=memory.needed(ways),
        formats=_formats(sources.files, pickles),
        quantisations=_quantisations(sources.headers, quantiser),
        details={key: value for key, value in details.items() if value},
    )


def _by_type(files: Sequence[FileTold], form: str) -> dict[str, int]:
    counted: dict[str, int] = {}
    for one in files:
        for kind, values in one.told.get("parameters", {}).items():
            if form != "onnx" or kind not in _NO_PARAMETERS:
                counted[kind] = counted.get(kind, 0) + values
    return counted


def _wire(files: Sequence[FileTold], form: str, facts: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """``safetensors`` and ``gguf`` as clients read them. Source: protocol/hub-api.md 1.5."""
    by_type = _by_type(files, form)
    total = sum(by_type.values())
    if not total:
        return None
    if form == "safetensors":
        return {"parameters": by_type, "total": total}
    kept = (
        {key: facts[key] for key in ("architecture", "context_length", "chat_template") if key in (facts or {})}
        if facts
        else {}
    )
    return {"total": total, **kept}


def _brief(one: FileTold) -> dict[str, Any]:
    told = {"path": one.path, "form": one.form, "parameters": sum(_by_type([one], one.form).values())}
    return told | ({"quantisation": one.told["quantisation"]} if one.told.get("quantisation") else {})


def _active(files: Sequence[FileTold], parameters: int | None, experts: int | None, used: int | None) -> int | None:
    """Parameters that one token meets; None for a model that is no mixture of experts, or does not say so."""
    of_experts = sum(int(one.told.get("experts", 0)) for one in files)
    if parameters is None or not experts or not used or used > experts or not of_experts:
        return None
    return parameters - of_experts + of_experts * used // experts


def _experts(config: Mapping[str, Any], gguf: Mapping[str, Any]) -> tuple[int | None, int | None]:
    text = config.get("text_config") if isinstance(config.get("text_config"), dict) else {}
    assert isinstance(text, dict)
    of = _first(config, _EXPERTS) or _first(text, _EXPERTS) or _count(gguf.get("expert_count"))
    used = _first(config, _EXPERTS_USED) or _first(text, _EXPERTS_USED) or _count(gguf.get("expert_used_count"))
    return of, used


def _context(config: Mapping[str, Any], gguf: Mapping[str, Any]) -> tuple[int | None, dict[str, Any] | None]:
    """How many tokens the model takes, and where that was read."""
    if _count(gguf.get("context_length")):
        return _count(gguf["context_length"]), {"source": "gguf"}
    nested = config.get("text_config")
    for place in (config, nested if isinstance(nested, dict) else {}):
        length = _first(place, _CONTEXT)
        if length:
            scaled, how = _scaled(length, place.get("rope_scaling") or place.get("rope_parameters"))
            return scaled, {"source": "config.json", "stated": length, **how}
    return None, None


def _scaled(length: int, rope: Any) -> tuple[int, dict[str, Any]]:
    """A length with its rope scaling. Source: vLLM, _get_and_verify_max_len; transformers, modeling_rope_utils.py."""
    if not isinstance(rope, dict):
        return length, {}
    kind, factor = rope.get("rope_type", rope.get("type")), rope.get("factor")
    if not isinstance(kind, str) or kind in _ALREADY_SCALED:
        return length, {}
    if not isinstance(factor, int | float) or isinstance(factor, bool) or not 1 < factor < 10_000:
        return length, {}
    original = _count(rope.get("original_max_position_embeddings"))
    scaled = int((original or length) * factor)
    if original:  # some state the length before scaling, some after
        scaled = max(length, scaled)
    return scaled, {"rope": kind[:20], "factor": factor}


def _quantiser(config: Mapping[str, Any]) -> str:
    given = config.get("quantization_config")
    if not isinstance(given, dict):
        return ""
    method = given.get("quant_method")
    if not isinstance(method, str):
        method = "bitsandbytes" if given.get("load_in_4bit") or given.get("load_in_8bit") else ""
    if method == "bitsandbytes":
        return "bitsandbytes-4bit" if given.get("load_in_4bit") else "bitsandbytes-8bit"
    return _text(method, 40) or ""


def _quantisations(headers: Sequence[FileTold], quantiser: str) -> Sequence[str]:
    found = {str(one.told["quantisation"]) for one in headers if one.told.get("quantisation")}
    found |= {name for one in headers if (name := _onnx_quantisation(one))}
    return sorted(found | ({quantiser} if quantiser else set()))[:MAX_FILES_TOLD]


def _onnx_quantisation(one: FileTold) -> str:
    """What most values of an ONNX file were quantised to; empty: they were not."""
    if one.form != "onnx":
        return ""
    values = one.told.get("parameters", {})
    small = {kind: number for kind, number in values.items() if kind in _ONNX_QUANTISED}
    if not small or 2 * sum(small.values()) <= sum(values.values()):
        return ""
    return _ONNX_QUANTISED[max(small, key=lambda kind: small[kind])]


def _adapter(config: Mapping[str, Any]) -> dict[str, Any] | None:
    kind = _text(config.get("peft_type"), 40)
    rank = _count(config.get("r"))
    return {"kind": kind, **({"rank": rank} if rank else {})} if kind else None


def _formats(files: Sequence[tuple[str, int]], pickles: Sequence[str]) -> Sequence[str]:
    found = {WEIGHTS[ending] for path, _ in files if (ending := path.rpartition(".")[2].lower()) in WEIGHTS}
    return sorted(found | ({"pickle"} if pickles else set()))


# ---- strangers' JSON ---------------------------------------------------------------------------------------


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _first(place: Mapping[str, Any], keys: Sequence[str]) -> int | None:
    return next((found for key in keys if (found := _count(place.get(key)))), None)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _MAX_COUNT else None


def _text(value: Any, most: int = MAX_TEXT) -> str | None:
    if not isinstance(value, str) or not value:
        return None
    return value.replace("\x00", "").encode("utf-8", "replace").decode()[:most] or None
