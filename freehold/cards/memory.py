"""What a model takes in memory: weights, cache of what was read, and what its engine takes besides. Pure.

The formula, what it counts and how it was measured: docs/fit.md. What is unknown stays so, with its reason: then there
is no total, only what is taken at least.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from freehold.cards.shape import Shape, from_plain

Kind = Literal["cpu", "gpu"]
Engine = Literal["llama.cpp", "transformers", "vLLM", "ONNX Runtime"]
#: Lists ask for so much: one user, so many tokens, or as many as the model takes where that is fewer.
USERS, TOKENS = 1, 4_096
MAX_USERS, MAX_TOKENS = 10_000, 100_000_000

MB, GB = 10**6, 10**9
#: Tokens that llama.cpp computes at a time, and what a cache is rounded up to. Source: llama.cpp, common.h (n_ubatch),
#: llama-kv-cache-iswa.cpp.
STEP, ROUND = 512, 256
#: Tokens that vLLM is told to compute at a time at most, which is what it does by itself on large cards. Source: vLLM
#: 0.33, engine/arg_utils.py (get_batch_defaults).
BATCH = 8_192
#: Tokens that this hub has ONNX Runtime read at a time (engines/programs/onnx_text.py); a head's usual width.
ONNX_STEP, HEAD = 128, 64
#: Copies of a window that its server keeps: two at the end of a text, and one so many tokens apart.
#: Source: llama.cpp, tools/server (checkpoint_min_step, n_ctx_checkpoints).
COPIES_APART, MAX_COPIES = 8_192, 32
#: Of a vocabulary in memory: bytes for each token and each merge. Measured, docs/fit.md.
WORD_BYTES = 300
#: Program and libraries before a model is there. llama.cpp: measured; the others: not measured here.
RUNTIME_BYTES: Mapping[Engine, int] = {
    "llama.cpp": 27 * MB,
    "transformers": 500 * MB,
    "vLLM": 1_500 * MB,
    "ONNX Runtime": 150 * MB,
}
#: How far off the total may be. Only llama.cpp on a processor was measured.
MARGIN: Mapping[Engine, float] = {"llama.cpp": 0.10, "transformers": 0.25, "vLLM": 0.25, "ONNX Runtime": 0.30}
#: Memory of the machine that an engine on graphics cards takes beside them: once, and for each card. Not measured here.
BESIDE_CARDS_BYTES, BESIDE_CARD_BYTES = 3 * GB, 2 * GB
#: On each graphics card, besides: context and kernels of its driver, and how far off that may be. Not measured here.
CARD_BYTES, CARD_MARGIN_BYTES = 500 * MB, 250 * MB
#: Of the memory of a machine, what the system and others keep; of a card, the share that engines leave.
SYSTEM_SHARE, SYSTEM_BYTES = 0.25, 8 * GB
CARD_SHARE = 0.10
ENGINES: Mapping[str, Engine] = {"gguf": "llama.cpp", "safetensors": "transformers", "onnx": "ONNX Runtime"}


@dataclass(frozen=True)
class Machine:
    """What there is to run on: ``count`` of ``memory_bytes`` each, of which others keep ``kept_bytes``.

    ``kept_bytes`` None: nobody said, so it is what systems, or engines on a card, leave as a rule.
    """

    kind: Kind
    memory_bytes: int
    count: int = 1
    kept_bytes: int | None = None

    @property
    def usable_bytes(self) -> int:
        """What is left for a model: the rest is the system's, or the card's."""
        if self.kept_bytes is not None:
            return max(0, self.memory_bytes - self.kept_bytes) * self.count
        if self.kind == "cpu":
            kept = min(int(self.memory_bytes * SYSTEM_SHARE), SYSTEM_BYTES)
            return (self.memory_bytes - kept) * self.count
        return int(self.memory_bytes * (1 - CARD_SHARE)) * self.count


@dataclass(frozen=True)
class Load:
    """One way to load a model: a file, or the parts of one. ``repacked_bytes``: see docs/fit.md, "Second copies".

    ``full_bytes``: its weights in full precision, where it is so small that this hub computes them so; 0: as stored.
    """

    form: str
    name: str
    weights_bytes: int
    shape: Shape
    value_bytes: int = 2  #: of each number that is kept of a token
    quantisation: str = ""
    files: int = 1
    context: int | None = None  #: tokens that it takes
    repacked_bytes: int = 0
    full_bytes: int = 0

    def plain(self) -> dict[str, Any]:
        """As JSON keeps it."""
        said = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "shape"}
        return {key: value for key, value in said.items() if value} | {"shape": self.shape.plain()}


def load_of(said: Mapping[str, Any]) -> Load:
    """What :meth:`Load.plain` gave."""
    return Load(**{"name": "", **said, "shape": from_plain(said["shape"])})


@dataclass(frozen=True)
class Need:
    """What a load takes. ``cache_bytes`` None: unknown, and ``why``; then there is no total.

    ``most_bytes`` is the total with its margin; ``is_measured``: the formula was held against an engine that ran.
    """

    engine: Engine
    weights_bytes: int
    cache_bytes: int | None
    overhead_bytes: int
    margin_bytes: int
    is_measured: bool
    why: str = ""

    @property
    def total_bytes(self) -> int | None:
        return None if self.cache_bytes is None else self.least_bytes + self.cache_bytes

    @property
    def least_bytes(self) -> int:
        """Without a cache."""
        return self.weights_bytes + self.overhead_bytes

    @property
    def most_bytes(self) -> int | None:
        return None if self.total_bytes is None else self.total_bytes + self.margin_bytes


Verdict = Literal["yes", "tight", "no", "unknown"]


def verdict(need: Need, machine: Machine) -> Verdict:
    """Whether it fits: ``tight`` where the margin decides, ``unknown`` where it is not known, and may."""
    room = machine.usable_bytes
    if need.total_bytes is None or need.most_bytes is None:
        return "no" if need.least_bytes > room else "unknown"
    if need.most_bytes <= room:
        return "yes"
    return "tight" if need.total_bytes <= room else "no"


def need(load: Load, users: int, tokens: int, machine: Machine | None = None, engine: Engine | None = None) -> Need:
    """What ``load`` takes while ``users`` have ``tokens`` each, on ``machine`` (None: a processor)."""
    engine = engine or ENGINES[load.form]
    users, tokens = max(1, users), max(1, tokens)
    cache = _cache(load, users, tokens, engine)
    is_card = machine is not None and machine.kind == "gpu"
    cards = machine.count if is_card and machine is not None else 0
    runtime = RUNTIME_BYTES[engine] * (max(1, cards) if engine == "vLLM" else 1)  # a process of it on each card
    overhead = runtime + _words(load.shape, engine) + _computing(load.shape, users, tokens, engine)
    margin = int((load.weights_bytes + (cache or 0) + overhead) * MARGIN[engine])
    return Need(
        engine=engine,
        weights_bytes=load.weights_bytes,
        cache_bytes=cache,
        overhead_bytes=overhead + cards * CARD_BYTES,
        margin_bytes=margin + cards * CARD_MARGIN_BYTES,
        is_measured=engine == "llama.cpp" and not is_card,
        why=load.shape.why if cache is None else "",
    )


def beside_cards(engine: Engine) -> Need:
    """What an engine on one graphics card takes of the machine's own memory."""
    return Need(engine, 0, 0, BESIDE_CARDS_BYTES + BESIDE_CARD_BYTES, 0, is_measured=False)


def on_each_card(load: Load, users: int, tokens: int, count: int, heads: int, engine: Engine) -> tuple[int, bool]:
    """Bytes of each of ``count`` cards over which an engine spreads ``load``, and whether they are all: of a load whose
    cache is unknown they are the least. ``heads``: that keep something of a text; each is whole on a card."""
    whole = need(load, users, tokens, Machine("gpu", 0, count), engine)
    if whole.most_bytes is None or whole.cache_bytes is None:
        return -(-whole.least_bytes // count), False
    cache = int(whole.cache_bytes * (1 + MARGIN[engine]))
    spread = min(count, max(1, heads))
    return -(-(whole.most_bytes - cache) // count) + -(-cache // spread), True


def needed(loads: Sequence[Load]) -> int | None:
    """What lists compare with a machine: the least that any of them takes, with its margin. None: unknown of all."""
    known = [need(load, USERS, min(TOKENS, load.context or TOKENS)).most_bytes for load in loads]
    return min((one for one in known if one is not None), default=None)


def room_for_lists(machine: Machine) -> int:
    """The most that :func:`needed` may be for a model to fit on ``machine``: the same comparison as :func:`verdict`."""
    cards = machine.count if machine.kind == "gpu" else 0
    return machine.usable_bytes - cards * (CARD_BYTES + CARD_MARGIN_BYTES)


# ---- the parts ---------------------------------------------------------------------------------------------


def _cache(load: Load, users: int, tokens: int, engine: Engine) -> int | None:
    if load.shape.layers is None:
        return None
    total = 0
    for layers in load.shape.layers:
        kept = _rounded(tokens) if engine == "llama.cpp" else tokens
        if layers.window:
            # llama.cpp keeps the window and the step that is being computed; others the window.
            narrow = _rounded(layers.window + STEP) if engine == "llama.cpp" else layers.window
            kept = min(kept, narrow)
            if engine == "llama.cpp":  # its server puts copies of the window aside, to go back to
                kept += min(tokens, layers.window) * min(2 + tokens // COPIES_APART, MAX_COPIES)
        total += layers.number * layers.values * load.value_bytes * kept
    # ONNX Runtime writes what is kept anew for each token, beside what it was before.
    return total * users * (2 if engine == "ONNX Runtime" else 1)


def _rounded(tokens: int) -> int:
    return -(-tokens // ROUND) * ROUND


def _words(shape: Shape, engine: Engine) -> int:
    """The vocabulary; the libraries' own share holds those of other engines."""
    return WORD_BYTES * ((shape.vocabulary or 0) + shape.merges) if engine == "llama.cpp" else 0


def _computing(shape: Shape, users: int, tokens: int, engine: Engine) -> int:
    """What is computed on the way for one step: three rows of the inner and five of the outer width, four bytes each.

    And the mask of what each token sees, and the answer: one row of the vocabulary for each user.
    """
    hidden = shape.hidden or 0
    if engine == "ONNX Runtime" and shape.layers:
        step = min(ONNX_STEP, tokens)
        rows = step * 4 * (3 * (shape.feed_forward or 4 * hidden) + 5 * hidden)
        # Of one layer each head's scores of every token that is kept, three times, and keys and values for each head.
        seen = 4 * tokens * (3 * step * -(-hidden // HEAD) + 2 * hidden)
        return users * (rows + seen + 4 * step * (shape.vocabulary or 0))
    step = {"llama.cpp": min(STEP, users * tokens), "vLLM": min(BATCH, users * tokens)}.get(engine, tokens)
    rows = step * 4 * (3 * (shape.feed_forward or 4 * hidden) + 5 * hidden)
    mask = step * tokens * 2 if engine == "llama.cpp" else 0
    return rows + mask + 4 * users * (shape.vocabulary or 0)
