"""Whether a model fits on a machine, for so many users with so many tokens each, and what would fit instead. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from freehold.cards import memory
from freehold.cards.memory import Load, Machine, Need, Verdict
from freehold.discover import machines
from freehold.web import figures

#: Ways to load a model that are told of, and lengths of text that are tried where one is too long.
SHOWN_WAYS = 12
SHORTER = (131_072, 65_536, 32_768, 16_384, 8_192, 4_096, 2_048, 1_024, 512)
#: A bar shows all of the memory, or the first part of it where the model takes less than this share.
SMALL_SHARE = 0.25


@dataclass(frozen=True)
class Asked:
    """What the visitor asks: on which machine (as addresses name it), for how many users and tokens of each."""

    machine: str
    users: int
    tokens: int


@dataclass(frozen=True)
class Bar:
    """Parts side by side, in thousandths of ``scale_bytes``: (class, from, width). ``limit``: where memory ends."""

    parts: Sequence[tuple[str, int, int]]
    scale_bytes: int
    limit: int | None
    told: str


@dataclass(frozen=True)
class Way:
    """One way to load the model: ``label`` is its quantisation or format, ``bar`` None where the sum is not known."""

    label: str
    name: str
    need: Need
    verdict: Verdict
    bar: Bar | None


@dataclass(frozen=True)
class Fit:
    """The answer: ``best`` is the largest way that fits, or the smallest where none does; ``rest`` are the others.

    ``more_users``: how many there is room for at that length; ``instead``: what would fit, as words and an address.
    """

    asked: Asked
    machine_name: str
    usable_bytes: int
    best: Way
    rest: Sequence[Way]
    more_users: int
    instead: Sequence[tuple[str, str]]
    options: Sequence[tuple[str, str]]  #: machines to choose from, as addresses and people name them
    beyond: int | None  #: the most tokens the model takes, where more were asked for


def of(loads: Sequence[Load], asked: Asked, mine: Sequence[tuple[str, str]] = ()) -> Fit | None:
    """The answer for a model that can be loaded in these ways; None where there are none. ``mine``: own machines."""
    machine = machines.parse(asked.machine)
    if not loads or machine is None:
        return None
    ways = [_way(load, asked, machine, engine) for load in loads[:SHOWN_WAYS] for engine in _engines(load, machine)]
    fitting = [(load, way) for load, way in ways if way.verdict == "yes"]
    load, best = max(fitting, key=lambda one: one[0].weights_bytes) if fitting else ways[0]
    options = dict(machines.BUILT_IN) | {spec: f"{named}" for spec, named in mine}
    options.setdefault(asked.machine, machines.name(asked.machine))
    return Fit(
        asked=asked,
        machine_name=options[asked.machine],
        usable_bytes=machine.usable_bytes,
        best=best,
        rest=[way for _, way in ways if way is not best],
        more_users=_most_users(load, asked, machine, best) if best.verdict == "yes" else 0,
        instead=_instead(load, asked, machine, best) if best.verdict in ("no", "tight") else (),
        options=list(options.items()),
        beyond=load.context if load.context and load.context < asked.tokens else None,
    )


def _engines(load: Load, machine: Machine) -> Sequence[memory.Engine]:
    if load.form == "safetensors" and machine.kind == "gpu":
        return ("transformers", "vLLM")
    return (memory.ENGINES[load.form],)


def _way(load: Load, asked: Asked, machine: Machine, engine: memory.Engine) -> tuple[Load, Way]:
    need = memory.need(load, asked.users, asked.tokens, machine, engine)
    label = load.quantisation or load.form
    return load, Way(label, load.name, need, memory.verdict(need, machine), _bar(need, machine))


def _bar(need: Need, machine: Machine) -> Bar | None:
    if need.total_bytes is None or need.cache_bytes is None:
        return None
    room, total = machine.usable_bytes, need.total_bytes
    scale = max(room, total)
    if total < SMALL_SHARE * room:
        scale = min(scale, _round_above(total))
    parts, at = [], 0
    for name, size in (("a", need.weights_bytes), ("b", need.cache_bytes), ("c", need.overhead_bytes)):
        width = round(1000 * (at + size) / scale) - round(1000 * at / scale)
        parts.append((name, round(1000 * at / scale), width))
        at += size
    sizes = [figures.size(size) for size in (need.weights_bytes, need.cache_bytes, need.overhead_bytes)]
    shown = (
        f"the bar shows {figures.size(scale)}" if scale >= room else f"the bar shows the first {figures.size(scale)}"
    )
    told = f"Weights {sizes[0]}, cache {sizes[1]}, overhead {sizes[2]}; {shown}, {figures.size(room)} are free"
    return Bar(parts, scale, round(1000 * room / scale) if room < scale else None, told)


def _round_above(size: int) -> int:
    """The next of 1, 2, 5, 10 ... above ``size``."""
    step = 1
    while True:
        for first in (1, 2, 5):
            if first * step >= size:
                return first * step
        step *= 10


def _most_users(load: Load, asked: Asked, machine: Machine, best: Way) -> int:
    """The most users that fit, to two figures at most; as asked where the cache is nothing to count by."""

    def fits(users: int) -> bool:
        need = memory.need(load, users, asked.tokens, machine, best.need.engine)
        return memory.verdict(need, machine) == "yes"

    low, high = asked.users, memory.MAX_USERS + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _instead(load: Load, asked: Asked, machine: Machine, best: Way) -> list[tuple[str, str]]:
    """The smallest way with a shorter text, with fewer users, and the smallest machine of everybody's that has room."""

    def fits(users: int, tokens: int, on: Machine) -> bool:
        engine = best.need.engine if on.kind == machine.kind else None
        return memory.verdict(memory.need(load, users, tokens, on, engine), on) == "yes"

    found = []
    shorter = next((one for one in SHORTER if one < asked.tokens and fits(asked.users, one, machine)), None)
    if shorter:
        found.append((f"{shorter:,} tokens each", address(Asked(asked.machine, asked.users, shorter))))
    fewer = next((n for n in (64, 32, 16, 8, 4, 2, 1) if n < asked.users and fits(n, asked.tokens, machine)), None)
    if fewer:
        found.append((figures.plural(fewer, "user"), address(Asked(asked.machine, fewer, asked.tokens))))
    for spec, name in machines.BUILT_IN.items():
        larger = machines.parse(spec)
        if larger and larger.kind == machine.kind and fits(asked.users, asked.tokens, larger):
            found.append((f"on {name}", address(Asked(spec, asked.users, asked.tokens))))
            break
    return found


def address(asked: Asked) -> str:
    """The query of a page that asks this."""
    return f"?machine={asked.machine}&users={asked.users}&tokens={asked.tokens}#fit"
