"""How fast a model writes, estimated: every word reads all weights once, and memory hands out only so much a second.

docs/choosing.md has the figures, where they are from, and how far off an estimate may be.
"""

from dataclasses import dataclass

from freehold.cards.memory import GB, Machine, Need

#: Bytes a second that memory gives, by what a machine has: (up to so much of it, low, high). Of several cards one works
#: at a time. Low and high are the slower and the faster of machines in use.
_PROCESSORS = ((64 * GB, 25 * GB, 90 * GB), (1 << 62, 80 * GB, 300 * GB))
_CARDS = (
    (12 * GB, 200 * GB, 450 * GB),
    (16 * GB, 280 * GB, 700 * GB),
    (32 * GB, 300 * GB, 1_000 * GB),
    (48 * GB, 600 * GB, 960 * GB),
    (1 << 62, 1_500 * GB, 3_350 * GB),
)
#: Of what memory gives, engines use so much; of words in a token.
_USED = 0.6
WORDS_A_TOKEN = 0.75
#: Beyond this, other things than memory decide.
MOST_WORDS = 200.0


@dataclass(frozen=True)
class Speed:
    """Words a second: somewhere from ``low`` to ``high``, ``middle`` as the guess."""

    low: float
    middle: float
    high: float


def estimate(machine: Machine, need: Need, active_share: float) -> Speed | None:
    """For one reader. ``active_share``: of the weights, what one word meets (1 but for mixtures of experts).

    None where the cache is not known.
    """
    if need.cache_bytes is None or need.weights_bytes <= 0:
        return None
    read_bytes = need.weights_bytes * min(1.0, max(0.01, active_share)) + need.cache_bytes
    classes = _CARDS if machine.kind == "gpu" else _PROCESSORS
    low, high = next((low, high) for most, low, high in classes if machine.memory_bytes <= most)
    words = [min(MOST_WORDS, _USED * rate / read_bytes * WORDS_A_TOKEN) for rate in (low, high)]
    middle = min(MOST_WORDS, _USED * (low * high) ** 0.5 / read_bytes * WORDS_A_TOKEN)
    return Speed(words[0], middle, words[1])


def told(speed: Speed) -> str:
    """The guess with how far it may be off, which goes unsaid where even the low end is beyond what memory decides."""
    if speed.low >= MOST_WORDS:
        return f"{said(speed.low)} words a second"
    return f"about {said(speed.middle)} words a second ({said(speed.low)} to {said(speed.high)})"


def said(words: float) -> str:
    """A number of words a second, no more exactly than it is known."""
    if words >= MOST_WORDS:
        return f"{MOST_WORDS:.0f} or more"
    return f"{words:.0f}" if words >= 3 else f"{words:.1f}"
