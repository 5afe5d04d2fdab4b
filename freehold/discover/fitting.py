"""Whether a model fits on a machine, for so many users with so many tokens each, and what would fit instead. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from freehold.cards import memory
from freehold.cards.memory import Load, Machine, Need, Verdict
from freehold.discover import machines
from freehold.discover.machines import Choice, Group
from freehold.web import figures
from freehold.web.names import visible

#: Ways to load a model that are told of, and lengths of text that are tried where one is too long.
SHOWN_WAYS = 12
SHORTER = (131_072, 65_536, 32_768, 16_384, 8_192, 4_096, 2_048, 1_024, 512)
#: A bar shows all of the memory, or the first part of it where the model takes less than this share.
SMALL_SHARE = 0.25


@dataclass(frozen=True)
class Asked:
    """What the visitor asks: on which machine (as addresses name it), for how many users and tokens of each.

    ``choice`` is what ``machine`` names, where that does not say it itself; ``options`` are offered besides.
    """

    machine: str
    users: int
    tokens: int
    choice: Choice | None = None
    options: Sequence[Group] = ()


@dataclass(frozen=True)
class Bar:
    """Parts side by side, in thousandths of ``scale_bytes``: (class, from, width). ``limit``: where memory ends."""

    parts: Sequence[tuple[str, int, int]]
    scale_bytes: int
    limit: int | None
    told: str


@dataclass(frozen=True)
class Way:
    """One way to load the model: ``label`` is its quantisation or format, ``bar`` None where the sum is not known.

    ``is_full``: its quantised weights in full precision, as this hub computes a model so small where there is room.
    """

    label: str
    name: str
    need: Need
    verdict: Verdict
    bar: Bar | None
    is_full: bool = False


@dataclass(frozen=True)
class Fit:
    """The answer: ``best`` is the largest way that fits, or the smallest where none does; ``rest`` are the others.

    ``more_users``: how many there is room for at that length; ``instead``: what would fit, as words and an address.
    Where several machines were asked about, all of this is of ``machine``: the smallest on which it fits best.
    """

    asked: Asked
    machine_name: str
    machine: Machine
    asked_of: str  #: several machines, in words; empty: it was one
    also: Sequence[tuple[str, Verdict]]  #: the others of several, the smallest first, and whether it fits there
    usable_bytes: int
    best: Way
    rest: Sequence[Way]
    more_users: int
    instead: Sequence[tuple[str, str]]
    options: Sequence[Group]  #: machines to choose from
    beyond: int | None  #: the most tokens the model takes, where more were asked for


#: The best answer first.
_ORDER: Sequence[Verdict] = ("yes", "tight", "unknown", "no")


def of(loads: Sequence[Load], asked: Asked) -> Fit | None:
    """The answer for a model that can be loaded in these ways; None where there are none, or no such machine."""
    choice = asked.choice or machines.built(asked.machine)
    if not loads or choice is None:
        return None
    # Of machines alike in every way, one is tried.
    different = {machine: name for name, machine in reversed(choice.machines)}
    answers = {machine: _on(loads, asked, machine) for machine in reversed(different)}
    # The largest where it fits on none: what would fit instead is nearest from there.
    size = {"yes": 1, "tight": 1, "unknown": 1, "no": -1}
    machine = min(
        answers, key=lambda one: (_ORDER.index(said := answers[one][1].verdict), size[said] * one.usable_bytes)
    )
    load, best, ways = answers[machine]
    several = len(choice.machines) > 1
    offered = asked.options or machines.options(())
    if asked.machine not in {address for group in offered for address, _ in group.options}:
        offered = [*offered, Group("As asked", [(asked.machine, choice.name)])]
    return Fit(
        asked=asked,
        machine_name=different[machine] if several else choice.name,
        asked_of=choice.name if several else "",
        machine=machine,
        also=_others(choice, answers, machine) if several else (),
        usable_bytes=machine.usable_bytes,
        best=best,
        rest=[way for way in ways if way is not best],
        more_users=_most_users(load, asked, machine, best) if best.verdict == "yes" else 0,
        instead=_instead(load, asked, machine, best) if best.verdict in ("no", "tight") else (),
        options=offered,
        beyond=load.context if load.context and load.context < asked.tokens else None,
    )


def _on(loads: Sequence[Load], asked: Asked, machine: Machine) -> tuple[Load, Way, list[Way]]:
    """On one machine: the load and way that are the answer, and all of them."""
    ways = [
        _way(kept, asked, machine, engine, is_full=kept is not load)
        for load in loads[:SHOWN_WAYS]
        for engine in _engines(load, machine)
        for kept in (load, *_in_full(load, machine))
    ]
    fitting = [(load, way) for load, way in ways if way.verdict == "yes"]
    load, best = max(fitting, key=lambda one: one[0].weights_bytes) if fitting else ways[0]
    return load, best, [way for _, way in ways]


def _others(
    choice: Choice, answers: Mapping[Machine, tuple[Load, Way, list[Way]]], best: Machine
) -> Sequence[tuple[str, Verdict]]:
    others = list(choice.machines)
    others.remove(next(one for one in others if one[1] == best))
    return [(name, answers[machine][1].verdict) for name, machine in others]


def _engines(load: Load, machine: Machine) -> Sequence[memory.Engine]:
    if load.form == "safetensors" and machine.kind == "gpu":
        return ("transformers", "vLLM")
    return (memory.ENGINES[load.form],)


def _in_full(load: Load, machine: Machine) -> Sequence[Load]:
    """The same in full precision, where the hub would compute it so: on processors."""
    return (replace(load, weights_bytes=load.full_bytes),) if load.full_bytes and machine.kind == "cpu" else ()


def _way(load: Load, asked: Asked, machine: Machine, engine: memory.Engine, *, is_full: bool) -> tuple[Load, Way]:
    need = memory.need(load, asked.users, asked.tokens, machine, engine)
    label = visible(load.quantisation or load.form)  # as a file says it
    if load.full_bytes and machine.kind == "cpu":
        label += " in full precision" if is_full else " as stored"
    return load, Way(label, load.name, need, memory.verdict(need, machine), _bar(need, machine), is_full)


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
