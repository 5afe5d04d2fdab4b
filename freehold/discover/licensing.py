"""May one use it commercially, as a page draws it: the answer, what it rests on, and the way there. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from freehold.cards.chains import Chain
from freehold.cards.licences.verdict import HIDDEN, Said, Step
from freehold.discover.kinship import Kin
from freehold.repos.rules import page_path

#: Repositories told of one by one.
MAX_STEPS = 40
ANSWERS: Mapping[str, str] = {
    "yes": "yes",
    "conditions": "with conditions",
    "no": "no",
    "unresolved": "unresolved",
}
_FROM = {
    "finetune": "fine-tuned from",
    "adapter": "an adapter for",
    "merge": "merged from",
    "quantized": "quantised from",
    "trained": "trained on",
    "drawn": "made from",
    "written": "written by",
}


@dataclass(frozen=True)
class Stop:
    """One repository of the way. ``edge``: how it came from the next. ``limits``: why that one sets the answer, or,
    where ``is_own``, this one itself. ``address`` of what its licence permits."""

    kin: Kin
    licence: str
    answer: str
    why: str
    edge: str
    limits: str
    is_own: bool
    address: str


@dataclass(frozen=True)
class Licensing:
    """``way`` leads from the repository to what the answer rests on; ``others`` are the rest of what it came from.

    ``source``: where the term stands. ``looser``: bases that permit less than the card claims, each with why.
    """

    answer: str
    words: str
    way: Sequence[Stop]
    others: Sequence[Stop]
    others_total: int
    source: str
    notes: Sequence[str]
    looser: Sequence[Stop]


def licensing(chain: Chain) -> Licensing:
    """The panel of one chain."""
    verdict = chain.verdict
    steps = {step.node: step for step in reversed(verdict.steps)}
    way = _way(chain, steps)
    on_way = {step.node for step in way}
    rest = [step for step in steps.values() if step.node not in on_way]
    rest.sort(key=lambda step: (step.generation, step.node))
    limit = verdict.limit.reading
    return Licensing(
        answer=verdict.answer,
        words=ANSWERS[verdict.answer],
        way=[_stop(chain, step, way[at + 1] if at + 1 < len(way) else None) for at, step in enumerate(way)],
        others=[_stop(chain, step, None) for step in rest[:MAX_STEPS]],
        others_total=len(rest),
        source="; ".join(dict.fromkeys(licence.source for licence in limit.licences))[:300],
        notes=[licence.note for licence in limit.licences if licence.note and licence.note[:-1] != limit.why],
        looser=[_stop(chain, step, None) for step in verdict.looser[:MAX_STEPS]],
    )


def _way(chain: Chain, steps: Mapping[str, Step]) -> list[Step]:
    """From the repository to the limit; where nothing branches, on to the end."""
    verdict = chain.verdict
    by_generation = sorted(steps.values(), key=lambda step: step.generation)
    is_line = [step.generation for step in by_generation] == list(range(len(by_generation)))
    if is_line and len(by_generation) <= MAX_STEPS and verdict.limit in by_generation:
        return by_generation
    way = [verdict.limit]
    while way[0].after and len(way) <= MAX_STEPS:
        way.insert(0, steps[way[0].after])
    return way


def _stop(chain: Chain, step: Step, next: Step | None) -> Stop:
    limit = chain.verdict.limit
    node, repo = chain.nodes[step.node], chain.repos.get(step.node)
    is_root = not step.after
    address = page_path(repo.kind, repo.path) if repo is not None and not is_root else ""
    sets = limit if limit in (next, step if is_root else None) else None
    return Stop(
        kin=Kin(repo.path if repo is not None else node.path[:200], address, node.problem == HIDDEN, ""),
        licence=_words(node.said) or ("not stated" if not node.problem else ""),
        answer=step.reading.answer,
        why=step.reading.why,
        edge=_FROM[next.relation] if next is not None else "",
        limits=sets.reading.why if sets is not None and sets.reading.answer != "yes" else "",
        is_own=sets == step,
        address="/-/licences#" + step.reading.licences[0].id if step.reading.licences else "",
    )


def _words(said: Said) -> str:
    """As the card states it: its own name for ``other``."""
    told = {"other": said.name or "other licence", "unknown": "licence unknown"}
    return ", ".join(told.get(id, id) for id in said.ids)[:200]
