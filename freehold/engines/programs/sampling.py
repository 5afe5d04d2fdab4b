"""Which token comes next, as a call asks for it: the likeliest, or one of the likely by chance.

Source: OpenAI API reference (penalties, seed); transformers, generation/logits_process.py (top_k, top_p, min_p).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from freehold.engines.programs.serving import Refused

#: Of a vocabulary's tokens the likeliest are sorted first; the rest only where these are not enough.
LIKELY = 1_024
MAX_BIASES = 1_024
MAX_SEED = 1 << 64
HIGHEST = 3e38  # as a score: no number is larger


@dataclass(frozen=True)
class Sampling:
    """What a call says of it. ``temperature`` 0: the likeliest, without chance. ``repeating``: of what was read too."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    presence: float = 0.0
    frequency: float = 0.0
    repeating: float = 1.0
    seed: int | None = None
    biases: Mapping[int, float] = field(default_factory=dict)


def read(body: Mapping[str, Any]) -> Sampling:
    """Raises :class:`Refused` for what is out of bounds."""
    seed = body.get("seed")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise Refused("'seed' is a whole number.", param="seed")
    repeating = "repetition_penalty" if body.get("repeat_penalty") is None else "repeat_penalty"
    return Sampling(
        temperature=number(body, "temperature", 0, 100, 0.0),
        top_p=number(body, "top_p", 0, 1, 1.0),
        top_k=int(number(body, "top_k", -1, 1e9, 0)),
        min_p=number(body, "min_p", 0, 1, 0.0),
        presence=number(body, "presence_penalty", -2, 2, 0.0),
        frequency=number(body, "frequency_penalty", -2, 2, 0.0),
        repeating=number(body, repeating, 0.01, 100, 1.0),
        seed=None if seed is None else seed % MAX_SEED,
        biases=_biases(body.get("logit_bias")),
    )


def number(body: Mapping[str, Any], name: str, least: float, most: float, default: float) -> float:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise Refused(f"{name!r} is a number from {least:g} to {most:g}.", param=name)
    return float(value)


class Choosing:
    """Chooses one token after another of one answer. ``number``: of several answers to the same, so that they differ.
    ``before``: the tokens that were read."""

    def __init__(self, by: Sampling, number: int, before: Any) -> None:
        import numpy as np

        self._by = by
        self._chance = np.random.default_rng(None if by.seed is None else (by.seed + number) % MAX_SEED)
        self._counts: dict[int, int] = {}
        self._seen = set(before) if by.repeating != 1 else set()

    def next(self, scores: Any) -> int:
        """Of ``scores``, a number for each token of the vocabulary: float32, which is changed."""
        import numpy as np

        scores = np.nan_to_num(scores, copy=False, nan=-np.inf, posinf=HIGHEST)
        self._weigh(scores)
        chosen = int(scores.argmax()) if self._by.temperature == 0 else self._drawn(scores)
        self._counts[chosen] = self._counts.get(chosen, 0) + 1
        self._seen |= {chosen} if self._by.repeating != 1 else set()
        return chosen

    def _weigh(self, scores: Any) -> None:
        by = self._by
        for token, bias in by.biases.items():
            if token < len(scores):
                scores[token] += bias
        for token in self._seen:
            scores[token] *= by.repeating if scores[token] < 0 else 1 / by.repeating
        if by.presence or by.frequency:
            for token, times in self._counts.items():
                scores[token] -= by.presence + times * by.frequency

    def _drawn(self, scores: Any) -> int:
        import numpy as np

        by = self._by
        few = min(by.top_k if by.top_k > 0 else LIKELY, len(scores))
        weights = np.exp((scores - scores.max()).astype(np.float64) / by.temperature)
        total = weights.sum()
        likely = np.argpartition(weights, -few)[-few:]
        if by.top_k <= 0 and weights[likely].sum() < min(by.top_p, 0.9999) * total:
            likely = np.arange(len(weights))
        likely = likely[weights[likely].argsort(kind="stable")[::-1]]
        kept = weights[likely]
        kept = kept[kept >= by.min_p * kept[0]]
        # The one by which the sum is reached is among them.
        whole = kept.sum() if by.top_k > 0 else total
        kept = kept[: int(np.searchsorted(kept.cumsum(), by.top_p * whole)) + 1]
        at = int(np.searchsorted(kept.cumsum(), self._chance.random() * kept.sum(), side="right"))
        return int(likely[min(at, len(kept) - 1)])


def _biases(said: Any) -> dict[int, float]:
    if said is None:
        return {}
    if not isinstance(said, Mapping) or len(said) > MAX_BIASES:
        raise Refused(f"'logit_bias' is an object of up to {MAX_BIASES:,} tokens.", param="logit_bias")
    found: dict[int, float] = {}
    for token, bias in said.items():
        if not str(token).isdecimal() or isinstance(bias, bool) or not isinstance(bias, int | float):
            raise Refused(
                "'logit_bias' has numbers of tokens, and a number from -100 to 100 for each.", param="logit_bias"
            )
        found[int(str(token)[:12])] = max(-100.0, min(100.0, float(bias)))
    return found
