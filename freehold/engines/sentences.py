"""What a folder says of how its sentences become vectors. Source: sentence-transformers, modules.json, 1_Pooling."""

from collections.abc import Mapping
from typing import Any

from freehold.cards import shape
from freehold.engines.rules import Model, Setup

#: Keys of a pooling's settings, and what they are called here.
_POOLING = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "last",
}
#: Tokens of several texts that our programs read at a time (engines/programs/reading.py).
STEP = 1_024
USUAL_HIDDEN, USUAL_WORDS, MIN_TOKENS = 1_024, 128_000, 8
#: Modules that are known; a model with another one would be computed wrongly.
_KNOWN = ("Transformer", "Pooling", "Normalize")


def making(model: Model) -> tuple[str, bool] | str:
    """Its pooling, and whether vectors get the length one; or why that is not known, in a sentence.

    Without a word of it the mean of all tokens is taken, of the length one: what nearly all such models are made for.
    """
    modules = model.settings.get("modules.json")
    if modules is None:
        return "mean", True
    if not isinstance(modules, list) or not all(isinstance(one, dict) for one in modules):
        return "Its modules.json cannot be read."
    names = [str(one.get("type", "")).rpartition(".")[2] for one in modules]
    if unknown := [name for name in names if name not in _KNOWN]:
        return f"Its sentences go through {unknown[0][:40]!r}, which this engine does not compute."
    path = next((str(one.get("path", "")) for one, name in zip(modules, names, strict=True) if name == "Pooling"), "")
    return _pooling(model.settings.get(f"{path}/config.json")), "Normalize" in names


def max_tokens(model: Model, setup: Setup) -> int:
    """Tokens of a sentence that are read; what is longer is cut."""
    return max(MIN_TOKENS, min(most_tokens(model), setup.context_tokens))


def most_tokens(model: Model) -> int:
    """Of any setup."""
    said = model.settings.get("sentence_bert_config.json")
    most = said.get("max_seq_length") if isinstance(said, Mapping) else None
    known = model.facts.get("context_length") or 512
    return min(most, known) if isinstance(most, int) and not isinstance(most, bool) and most > 1 else known


def step_bytes(model: Model, tokens: int, *, of_words: bool = False) -> int:
    """What one step of reading takes on the way, of texts of up to ``tokens``: two rows of the inner and eight of the
    outer width for each token, and each head's scores of each by each other, twice. ``of_words``: and a score of every
    word."""
    config = model.settings.get("config.json")
    built = shape.of_config(config if isinstance(config, Mapping) else {})
    hidden = built.hidden or USUAL_HIDDEN
    said = config.get("num_attention_heads") if isinstance(config, Mapping) else None
    heads = said if isinstance(said, int) and 0 < said <= hidden else -(-hidden // 32)
    texts = max(1, STEP // tokens)
    words = (built.vocabulary or USUAL_WORDS) if of_words else 0
    rows = 2 * (built.feed_forward or 4 * hidden) + 8 * hidden + words
    return 4 * texts * tokens * (rows + 2 * heads * tokens)


def _pooling(said: Any) -> str:
    if isinstance(said, Mapping):
        if isinstance(mode := said.get("pooling_mode"), str) and mode in ("cls", "mean", "max"):
            return mode
        for key, name in _POOLING.items():
            if said.get(key) is True:
                return name
    return "mean"
