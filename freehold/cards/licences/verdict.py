"""May one use it commercially: the answer for a repository, from its licence and those of all it was made from. Pure.

The rules, each on the side of care:

- The answer is the most restrictive of the repository's own licence and of everything that its edges lead to.
- An edge to a base (fine-tune, adapter, merge, quantisation) carries the base's terms whole: none of these ways to
  make a model frees it from them. A base that lets no changed ones be passed on leaves what came of it unresolved.
- An edge to data that a model was trained on carries conditions as they are. Where the data's licence forbids
  commercial use, the model is *unresolved*, not *no*: whether such terms reach what was trained on the data is not
  settled, and nobody should read either answer into it.
- An edge to a data set that another was drawn from carries its terms whole: the rows are the same rows.
- An edge to a model that wrote a data set is as one to data that a model was trained on: what its licence asks of its
  output stands among its conditions, and whether "no commercial use" of a model reaches what it wrote is not settled.
- What lies behind such an edge reaches through it no further than the edge itself does.
- What cannot be followed is unresolved: no licence, an unknown one, a name that leads nowhere, a repository that the
  reader may not see, a circle, more than is followed.
- Several licences in one card are not told apart (a choice, or one for each part), so the answer is only what all of
  them agree on: *yes* if all say so, *conditions* if none forbids, *no* if all do, otherwise unresolved.
- ``other`` counts by the name that the card gives it, where the table knows that name; such a name is never *yes*.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from freehold.cards.licences.permits import ANSWERS, LIGHT, Answer, Licence, named, table

TRAINED, DRAWN, WRITTEN = "trained", "drawn", "written"
#: Edges of which it is not settled how much of the terms goes through.
SOFT = (TRAINED, WRITTEN)
MAX_SAID = 20

NOT_HERE = "it is not here as far as you see"
HIDDEN = "a repository that you may not see"
NOT_FOLLOWED = "its name does not lead to a repository"
TOO_MANY = "more is named than is followed"
_UNSTATED = "no licence is stated"
_STRANGE = "no licence of this name is known here"
_UNNAMED = "another licence, without a name"
_FORBIDS = "no commercial use"
_DATA_FORBIDS = (
    "the licence of this data forbids commercial use; whether that reaches a model trained on it is not settled"
)
_MODEL_FORBIDS = (
    "the licence of this model forbids commercial use; whether that reaches what the model wrote is not settled"
)
_FAR_FORBIDS = "its licence forbids commercial use; whether that reaches so far is not settled"
_UNCHANGED = "its licence lets no changed ones be passed on"
_CIRCLE = "a circle: it is named as made from what was made from it"


@dataclass(frozen=True)
class Said:
    """What a card says of its licence: ids as they stand there, and the name it gives to ``other``."""

    ids: Sequence[str] = ()
    name: str = ""


@dataclass(frozen=True)
class Edge:
    """How a repository came from another (``finetune``, ``adapter``, ``merge``, ``quantized``, ``trained``, ``drawn``,
    ``written``), and which node of the graph that is."""

    relation: str
    to: str


@dataclass(frozen=True)
class Node:
    """A repository or a name. ``problem``: why nothing is known of it, in words; empty for one that can be read."""

    path: str
    said: Said = Said()
    edges: Sequence[Edge] = ()
    problem: str = ""


Graph = Mapping[str, Node]


@dataclass(frozen=True)
class Reading:
    """One licence or several as the answer to the question, ``why`` in words and what of the table it rests on."""

    answer: Answer
    why: str = ""
    licences: Sequence[Licence] = ()


@dataclass(frozen=True)
class Step:
    """One repository of the way: how ``after`` came from it (``relation``; empty: the repository itself).

    ``is_soft``: every way there goes through an edge of :data:`SOFT`.
    """

    node: str
    after: str
    relation: str
    generation: int
    reading: Reading
    is_soft: bool = False


@dataclass(frozen=True)
class Verdict:
    """``answer`` rests on ``limit``, the nearest of the most restrictive ``steps``, which begin with the repository.

    ``looser``: bases that permit less than the repository's own licence claims.
    """

    answer: Answer
    limit: Step
    steps: Sequence[Step]
    looser: Sequence[Step]


def said(data: Mapping[str, Any] | None) -> Said:
    """The licence that a card states. What is no text in it is an unknown one."""
    given = (data or {}).get("license")
    listed = given if isinstance(given, list) else [given] if given is not None else []
    name = (data or {}).get("license_name")
    # One more than is looked at stands for the rest.
    ids = [one[:200] if isinstance(one, str) and one.strip() else "unknown" for one in listed[: MAX_SAID + 1]]
    ids = ids[:MAX_SAID] + (["unknown"] if len(listed) > MAX_SAID else [])
    return Said(tuple(dict.fromkeys(ids)), name[:200] if isinstance(name, str) else "")


def reading(said: Said) -> Reading:
    """What a card's own words permit."""
    if not said.ids:
        return Reading("unresolved", _UNSTATED)
    each = [_one(id, said.name) for id in said.ids]
    if len(each) == 1:
        return each[0]
    answers = {one.answer for one in each}
    read = tuple(licence for one in each for licence in one.licences)
    if answers <= {"yes", "conditions"}:
        answer = _worst(*answers)
        return Reading(answer, "; ".join(dict.fromkeys(one.why for one in each if one.why)), read)
    if answers == {"no"}:
        return Reading("no", _FORBIDS, read)
    return Reading("unresolved", "several licences, which do not agree and are not told apart", read)


def judge(graph: Graph, root: str) -> Verdict:
    """The answer for ``root``, however the graph is ordered. Bounded by the graph: each node is looked at once."""
    steps = [*_steps(graph, root)]
    circle = _circle(graph, root)
    if circle is not None:
        steps.append(circle)
    limit = min(steps, key=_weight)
    return Verdict(limit.reading.answer, limit, steps, _looser(steps))


def _weight(step: Step) -> tuple[int, bool, int, str, str]:
    """The worst first, bases before data, then the nearest; names decide between equals, not the order of a card."""
    return -_rank(step.reading.answer), step.is_soft, step.generation, step.node, step.relation


def _looser(steps: Sequence[Step]) -> Sequence[Step]:
    own = _rank(steps[0].reading.answer)
    if steps[0].reading.answer == "unresolved":
        return ()
    bases = (step for step in steps[1:] if not step.is_soft and step.reading.answer in ("conditions", "no"))
    return [step for step in bases if own < _rank(step.reading.answer)]


def _one(id: str, name: str) -> Reading:
    key = id.strip().lower()
    found = named(name) if key == "other" else table().licences.get(key)
    if found is None:
        called = name if key == "other" else id
        # Without the name, which stands beside it: a stranger's word must not turn ours around.
        return Reading("unresolved", _STRANGE if called else _UNNAMED)
    if found.commercial == "no":
        return Reading("no", _FORBIDS, (found,))
    if found.commercial == "unresolved":
        return Reading("unresolved", found.note.rstrip("."), (found,))
    asked = [table().asks[word] for word in found.asks if word not in LIGHT]
    return Reading(found.commercial, "; ".join(asked) or found.note.rstrip("."), (found,))


def _steps(graph: Graph, root: str) -> Iterator[Step]:
    """``root`` and all that it leads to, each once: what terms reach whole first, by the shortest way."""
    seen = {root}
    beyond: list[Step] = []
    waiting = [Step(root, "", "", 0, _read(graph[root]))]
    for step in waiting:  # it grows meanwhile
        yield step
        for edge in _edges(graph[step.node]):
            if edge.relation in SOFT:
                beyond.append(_step(graph, step, edge, is_soft=True))
            elif edge.to not in seen:
                seen.add(edge.to)
                waiting.append(_step(graph, step, edge, is_soft=False))
    # By generation, then as they were found.
    later = [(step.generation, number, step) for number, step in enumerate(beyond)]
    number = len(later)
    while later:
        step = heapq.heappop(later)[2]
        if step.node in seen:
            continue
        seen.add(step.node)
        yield step
        for edge in _edges(graph[step.node]):
            if edge.to not in seen:
                number += 1
                heapq.heappush(later, (step.generation + 1, number, _step(graph, step, edge, is_soft=True)))


def _step(graph: Graph, after: Step, edge: Edge, *, is_soft: bool) -> Step:
    found = _through(_read(graph[edge.to]), edge.relation, is_soft=is_soft)
    return Step(edge.to, after.node, edge.relation, after.generation + 1, found, is_soft)


def _read(node: Node) -> Reading:
    return Reading("unresolved", node.problem) if node.problem else reading(node.said)


def _through(found: Reading, relation: str, *, is_soft: bool) -> Reading:
    """What is left of a reading on the other side of an edge."""
    keeps = all(licence.derivatives == "yes" for licence in found.licences)
    if is_soft and found.answer == "no":
        why = {TRAINED: _DATA_FORBIDS, WRITTEN: _MODEL_FORBIDS}.get(relation, _FAR_FORBIDS)
        return Reading("unresolved", why, found.licences)
    if not keeps and _rank(found.answer) < _rank("unresolved"):
        return Reading("unresolved", _UNCHANGED, found.licences)
    return found


def _circle(graph: Graph, root: str) -> Step | None:
    """The first edge that leads back to where the way came from; None: there is none."""
    way: list[tuple[str, Iterator[Edge]]] = [(root, iter(_edges(graph[root])))]
    on_way, done = {root}, set()
    while way:
        at, edges = way[-1]
        edge = next(edges, None)
        if edge is None:
            way.pop()
            on_way.discard(at)
            done.add(at)
        elif edge.to in on_way:
            return Step(edge.to, at, edge.relation, len(way), Reading("unresolved", _CIRCLE))
        elif edge.to not in done and edge.relation not in SOFT:
            on_way.add(edge.to)
            way.append((edge.to, iter(_edges(graph[edge.to]))))
    return None


def _edges(node: Node) -> Sequence[Edge]:
    return sorted(set(node.edges), key=lambda edge: (edge.relation, edge.to))


def _rank(answer: Answer) -> int:
    return ANSWERS.index(answer)


def _worst(*answers: Answer) -> Answer:
    return max(answers, key=_rank)
