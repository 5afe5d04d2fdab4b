"""How a model is built, as far as that says what a reader's text takes in memory: layers and what each of them keeps.

From the keys of a GGUF file or from ``config.json``. Pure. What is not told, or what engines keep in ways of their own,
is unknown with its reason; no number is put in its place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: More than any model has: a file that says so is not believed.
MAX_LAYERS, MAX_VALUES = 2_000, 1_000_000
_MOST = 10**7

#: llama.cpp fixes in its code which layers see a window only: every so manieth sees everything, the others do not.
#: Source: llama.cpp, src/models/*.cpp, set_swa_pattern. Other architectures keep everything, whatever their keys say.
_WINDOWED = {
    "gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "cohere2": 4, "olmo2": 4, "exaone4": 4, "gemma-embedding": 6,
}  # fmt: skip
#: Models that read a text once and keep nothing of it. Source: transformers, model documentation.
_ENCODERS_WORDS = """
    albert bert camembert clip convbert convnext convnextv2 data2vec-text deberta deberta-v2 deit detr dinov2
    distilbert electra ernie esm flaubert funnel hubert ibert layoutlm layoutlmv3 longformer mobilebert modernbert
    mpnet nomic_bert rembert resnet roberta roformer segformer siglip squeezebert swin swinv2 unispeech vit
    wav2vec2 wavlm xlm-roberta xlm-roberta-xl xmod yolos jina-bert-v2 nomic-bert neo-bert
"""
_ENCODERS = frozenset(_ENCODERS_WORDS.split())
#: Heads that write no text: one pass, nothing kept.
_ONE_PASS = (
    "ForSequenceClassification", "ForTokenClassification", "ForMaskedLM", "ForQuestionAnswering", "ForMultipleChoice",
    "ForImageClassification", "ForObjectDetection", "ForAudioClassification",
)  # fmt: skip
#: Layers that carry a state instead of keeping what they read, wholly or among others. Source: transformers.
_STATEFUL_WORDS = """
    bamba falcon_h1 falcon_mamba granitemoehybrid jamba lfm2 lfm2_moe mamba mamba2 minimax nemotron_h plamo2
    qwen3_next recurrent_gemma rwkv rwkv5 rwkv6 rwkv7 xlstm zamba zamba2 kimi_linear
"""
_STATEFUL = frozenset(_STATEFUL_WORDS.split())
NO_LAYERS = "its files do not say how many layers and heads it has"
STATEFUL = "its layers carry a state, and engines differ in how much of it they keep"
LATENT = "it keeps a compressed form (latent attention), and engines differ in what they keep of it"
TWO_SIDED = "it reads with one half and writes with the other, and what is kept depends on what it reads"
UNSURE = "its files do not say whether it writes text or reads it once"


@dataclass(frozen=True)
class Layers:
    """Layers that are alike: ``values`` numbers kept of each token (keys and values), of the last ``window`` tokens."""

    number: int
    values: int
    window: int | None = None


@dataclass(frozen=True)
class Shape:
    """What is kept of a text while it is read. ``layers`` None: unknown, and ``why``; empty: nothing is kept.

    ``hidden``, ``feed_forward`` and ``vocabulary`` (tokens) are for what is computed on the way; None: not told.
    ``merges``: entries of the vocabulary beside its tokens.
    """

    layers: Sequence[Layers] | None
    why: str = ""
    hidden: int | None = None
    feed_forward: int | None = None
    vocabulary: int | None = None
    merges: int = 0

    def plain(self) -> dict[str, Any]:
        """As JSON keeps it."""
        kept = None if self.layers is None else [[one.number, one.values, one.window] for one in self.layers]
        said = {"layers": kept, "why": self.why, "hidden": self.hidden, "feed_forward": self.feed_forward}
        said |= {"vocabulary": self.vocabulary, "merges": self.merges}
        return {key: value for key, value in said.items() if value or key == "layers"}


def from_plain(said: Mapping[str, Any]) -> Shape:
    """What :meth:`Shape.plain` gave."""
    kept = said.get("layers")
    return Shape(
        layers=None if kept is None else [Layers(*one) for one in kept],
        why=said.get("why", ""),
        hidden=said.get("hidden"),
        feed_forward=said.get("feed_forward"),
        vocabulary=said.get("vocabulary"),
        merges=said.get("merges", 0),
    )


# ---- GGUF --------------------------------------------------------------------------------------------------


def of_gguf(architecture: str, said: Mapping[str, Any]) -> Shape:
    """The shape that the keys of a GGUF file tell (``headers.gguf.dimensions``)."""
    layers, why = _gguf_layers(architecture, said)
    return Shape(
        layers=layers,
        why=why,
        hidden=_number(said.get("embedding_length")),
        feed_forward=_largest(said.get("feed_forward_length")),
        vocabulary=_number(said.get("vocab_size")) or _number(said.get("tokens")),
        merges=_number(said.get("merges")) or 0,
    )


def _gguf_layers(architecture: str, said: Mapping[str, Any]) -> tuple[Sequence[Layers] | None, str]:
    if said.get("attention.causal") is False or architecture in _ENCODERS:
        return (), ""
    if said.get("ssm") or architecture.startswith(("rwkv", "mamba")) or architecture in ("lfm2", "lfm2moe", "jamba"):
        return None, STATEFUL
    if said.get("attention.kv_lora_rank"):
        return None, LATENT
    if architecture in ("t5", "t5encoder"):
        return None, TWO_SIDED
    number, hidden = _number(said.get("block_count")), _number(said.get("embedding_length"))
    heads = _each(said.get("attention.head_count"), number)
    pairs = _each(said.get("attention.head_count_kv"), number) or heads
    if not number or number > MAX_LAYERS or not heads or not pairs or not hidden:
        return None, NO_LAYERS
    usual = hidden // max(heads) if max(heads) else 0
    keys = _number(said.get("attention.key_length")) or usual
    values = _number(said.get("attention.value_length")) or usual
    if max(pairs) * (keys + values) > MAX_VALUES:
        return None, NO_LAYERS
    window = _number(said.get("attention.sliding_window"))
    stated = said.get("attention.sliding_window_pattern")
    every = _WINDOWED.get(architecture)
    if isinstance(stated, list) and len(stated) == number and every:
        narrow = [bool(one) for one in stated]
    else:
        narrow = [every is not None and (at + 1) % every != 0 for at in range(number)]
    kept = number - (_number(said.get("attention.shared_kv_layers")) or 0)  # the last ones use what others kept
    rows = [(pair * (keys + values), window if narrow[at] else None) for at, pair in enumerate(pairs[:kept])]
    return _grouped(rows), ""


def _each(value: Any, number: int | None) -> list[int]:
    """One for each layer, where one stands for all too."""
    if isinstance(value, list):
        return [int(one) for one in value] if len(value) == number else []
    return [value] * number if type(value) is int and value and number and number <= MAX_LAYERS else []


# ---- config.json -------------------------------------------------------------------------------------------


def of_config(config: Mapping[str, Any]) -> Shape:
    """The shape that ``config.json`` tells, as transformers reads it."""
    nested = config.get("text_config")
    text = nested if isinstance(nested, dict) and nested else config
    layers, why = _config_layers(config, text)
    return Shape(
        layers=layers,
        why=why,
        hidden=_first(text, "hidden_size", "n_embd", "d_model"),
        feed_forward=_first(text, "intermediate_size", "n_inner", "ffn_dim", "d_ff"),
        vocabulary=_first(text, "vocab_size"),
    )


def _config_layers(config: Mapping[str, Any], text: Mapping[str, Any]) -> tuple[Sequence[Layers] | None, str]:
    said = config.get("architectures")
    classes = [one for one in said if isinstance(one, str)] if isinstance(said, list) else []
    kind = str(text.get("model_type") or config.get("model_type") or "")
    if kind in _ENCODERS or str(config.get("model_type")) in _ENCODERS or any(c.endswith(_ONE_PASS) for c in classes):
        return (), ""
    if config.get("is_encoder_decoder") is True:
        return None, TWO_SIDED
    kinds = text.get("layer_types")
    kinds = kinds if isinstance(kinds, list) and all(isinstance(one, str) for one in kinds) else []
    if kind in _STATEFUL or set(kinds) - {"full_attention", "sliding_attention", "chunked_attention"}:
        return None, STATEFUL
    if text.get("kv_lora_rank"):
        return None, LATENT
    if not any(c.endswith(("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")) for c in classes):
        return None, UNSURE if classes or kind else NO_LAYERS
    return _of_heads(text, kinds)


def _of_heads(text: Mapping[str, Any], kinds: Sequence[str]) -> tuple[Sequence[Layers] | None, str]:
    number = _first(text, "num_hidden_layers", "n_layer", "n_layers", "num_layers")
    hidden = _first(text, "hidden_size", "n_embd", "d_model")
    heads = _first(text, "num_attention_heads", "n_head", "n_heads")
    pairs = _first(text, "num_key_value_heads", "num_kv_heads", "n_head_kv") or heads
    if text.get("multi_query") is True and not text.get("new_decoder_architecture"):
        pairs = 1
    if not number or number > MAX_LAYERS or not hidden or not heads or not pairs:
        return None, NO_LAYERS
    size = _first(text, "head_dim") or hidden // heads
    if 2 * pairs * size > MAX_VALUES:
        return None, NO_LAYERS
    window = _first(text, "sliding_window") if text.get("use_sliding_window") is not False else None
    every = _first(text, "sliding_window_pattern", "_sliding_window_pattern")
    if len(kinds) == number:
        narrow = [one == "sliding_attention" for one in kinds]
    elif every:
        narrow = [(at + 1) % every != 0 for at in range(number)]
    else:  # of these, each layer has the window; of others it is not said which, so none is taken for one
        narrow = [text.get("model_type") in ("mistral", "phi3", "starcoder2", "mixtral")] * number
    return _grouped([(2 * pairs * size, window if narrow[at] else None) for at in range(number)]), ""


# ---- numbers -----------------------------------------------------------------------------------------------


def _grouped(rows: Sequence[tuple[int, int | None]]) -> Sequence[Layers]:
    counted: dict[tuple[int, int | None], int] = {}
    for row in rows:
        if row[0]:
            counted[row] = counted.get(row, 0) + 1
    return [Layers(number, values, window) for (values, window), number in counted.items()]


def _number(value: Any) -> int | None:
    return value if type(value) is int and 0 < value < _MOST else None


def _largest(value: Any) -> int | None:
    return max((one for one in value if _number(one)), default=None) if isinstance(value, list) else _number(value)


def _first(place: Mapping[str, Any], *keys: str) -> int | None:
    return next((found for key in keys if (found := _number(place.get(key)))), None)
