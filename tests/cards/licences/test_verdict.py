"""May one use it commercially: held against chains labelled by hand, and against what must hold for every chain."""

import random
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.cards.licences import permits
from freehold.cards.licences.verdict import (
    HIDDEN,
    NOT_FOLLOWED,
    NOT_HERE,
    Edge,
    Graph,
    Node,
    Said,
    judge,
    reading,
    said,
)
from freehold.repos import licences

pytestmark = pytest.mark.rules

CHAINS = tomllib.loads(Path(__file__).with_name("chains.toml").read_text())["chains"]
IDS = [*permits.table().licences, "", "no-such-licence"]


def graph_of(repos: list[str]) -> tuple[dict[str, Node], str]:
    """The graph that strings of ``chains.toml`` describe, and its first node."""
    nodes: dict[str, Node] = {}
    for text in repos:
        path, _, rest = text.partition(": ")
        licence, _, named = rest.partition(" | ")
        edges = [Edge(*part.split(" ", 1)) for part in named.split(", ") if part]
        for edge in edges:
            nodes.setdefault(edge.to, Node(edge.to, problem=NOT_HERE if "/" in edge.to else NOT_FOLLOWED))
        id, _, name = licence.strip().partition("=")
        if id == "!":
            nodes[path] = Node(path, problem=HIDDEN)
        else:
            nodes[path] = Node(path, Said(tuple(id.split(" & ")) if id != "-" else (), name), edges)
    return nodes, repos[0].partition(": ")[0]


def test_every_chain_gets_the_answer_that_a_person_gave() -> None:
    assert len(CHAINS) >= 150
    asked = [(one, judge(*graph_of(one["repos"])).answer) for one in CHAINS]
    wrong = [(one["repos"], one["why"], answer) for one, answer in asked if answer != one["expect"]]
    said_yes = [one for one, answer in asked if answer == "yes"]
    are_yes = [one for one in CHAINS if one["expect"] == "yes"]
    right = [one for one in said_yes if one["expect"] == "yes"]
    print(f"{len(CHAINS)} chains; yes: precision {len(right)}/{len(said_yes)}, recall {len(right)}/{len(are_yes)}")
    assert len(right) / len(said_yes) >= 0.99, "a yes that is none"
    assert wrong == []
    assert min(Counter(one["expect"] for one in CHAINS).values()) >= 30


def test_the_table_knows_every_licence_that_a_card_may_name() -> None:
    table = permits.table()
    assert set(table.licences) == set(licences.WORDS)
    for one in (*table.licences.values(), *table.names.values()):
        assert one.commercial in permits.ANSWERS, one.id
        assert set(one.asks) <= set(table.asks), one.id
        assert one.source, one.id
        assert {one.derivatives, one.redistribution} <= {"yes", "no", "unresolved"}, one.id
        # yes only where nothing is asked of whoever uses it, and conditions only where something is said of them
        assert (one.commercial != "yes") or set(one.asks) <= permits.LIGHT, one.id
        assert (one.commercial != "conditions") or set(one.asks) - permits.LIGHT or one.note, one.id
    assert all(one.commercial != "yes" for one in table.names.values())
    assert all("nc" not in id.split("-") or one.commercial == "no" for id, one in table.licences.items())


def test_the_limit_is_the_nearest_of_the_most_restrictive() -> None:
    graph, root = graph_of(
        ["a/q: mit | quantized a/t", "a/t: cc-by-nc-4.0 | finetune a/b", "a/b: cc-by-nc-4.0 | trained a/d", "a/d: -"]
    )
    found = judge(graph, root)
    assert (found.answer, found.limit.node, found.limit.relation, found.limit.after) == (
        "no",
        "a/t",
        "quantized",
        "a/q",
    )
    assert [step.node for step in found.steps] == ["a/q", "a/t", "a/b", "a/d"]
    assert [step.node for step in found.looser] == ["a/t", "a/b"]
    assert found.limit.reading.licences[0].source.startswith("CC BY-NC 4.0")


def test_a_base_decides_before_data_that_asks_as_much() -> None:
    graph, root = graph_of(
        ["a/t: mit | trained a/d, finetune a/b", "a/b: mit | finetune a/c", "a/c: llama2", "a/d: odbl"]
    )
    assert judge(graph, root).limit.node == "a/c"


def test_a_claim_that_is_looser_than_its_base_is_told() -> None:
    loose = judge(*graph_of(["a/t: apache-2.0 | finetune a/b", "a/b: llama2"]))
    assert [step.node for step in loose.looser] == ["a/b"]
    same = judge(*graph_of(["a/t: llama2 | finetune a/b", "a/b: llama2"]))
    assert not same.looser
    data = judge(*graph_of(["a/t: mit | trained a/d", "a/d: cc-by-sa-4.0"]))
    assert not data.looser


def test_what_a_card_says_of_its_licence() -> None:
    assert said({"license": "mit"}) == Said(("mit",))
    assert said({"license": ["mit", "mit", 3]}).ids == ("mit", "unknown")
    assert reading(said({"license": {"a": 1}})).answer == "unresolved"
    assert reading(said(None)).answer == "unresolved"
    assert reading(said({"license": "MIT"})).answer == "yes"
    assert reading(said({"license": ["mit"] * 50})).answer == "unresolved"  # more than is looked at
    assert reading(said({"license": "other", "license_name": ["qwen"]})).answer == "unresolved"


def test_ten_thousand_bases_and_a_deep_chain_are_soon_judged() -> None:
    wide: Graph = {"r": Node("r", Said(("mit",)), [Edge("merge", f"b{n}") for n in range(10_000)])} | {
        f"b{n}": Node(f"b{n}", Said(("mit",))) for n in range(10_000)
    }
    assert judge(wide, "r").answer == "yes"
    deep: Graph = {str(n): Node(str(n), Said(("mit",)), [Edge("finetune", str(n + 1))]) for n in range(10_000)} | {
        "10000": Node("10000", Said(("cc-by-nc-4.0",)))
    }
    assert judge(deep, "0").answer == "no"


# ---- what must hold for every graph --------------------------------------------------------------------------------

RELATIONS = ("finetune", "adapter", "merge", "quantized", "trained", "drawn", "written")


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Node]:
    """Up to seven repositories that name each other in any way, circles included."""
    names = [f"n{number}" for number in range(draw(st.integers(1, 7)))]
    edges = st.builds(Edge, st.sampled_from(RELATIONS), st.sampled_from(names))
    return {
        name: Node(
            name,
            Said(tuple(draw(st.lists(st.sampled_from(IDS), max_size=2)))),
            draw(st.lists(edges, max_size=3)),
            draw(st.sampled_from(["", "", "", HIDDEN])),
        )
        for name in names
    }


def rank(answer: permits.Answer) -> int:
    return permits.ANSWERS.index(answer)


@given(graphs(), st.randoms())
def test_the_order_of_a_graph_does_not_matter(graph: dict[str, Node], chance: random.Random) -> None:
    found = judge(graph, "n0")
    mixed = {}
    for name in chance.sample(list(graph), len(graph)):
        node = graph[name]
        mixed[name] = Node(name, node.said, chance.sample(list(node.edges), len(node.edges)), node.problem)
    again = judge(mixed, "n0")
    assert (again.answer, again.limit) == (found.answer, found.limit)


@given(graphs(), st.sampled_from(RELATIONS))
def test_an_edge_to_what_is_not_known_never_leaves_yes(graph: dict[str, Node], relation: str) -> None:
    before = judge(graph, "n0").answer
    root = graph["n0"]
    more = graph | {
        "n0": Node("n0", root.said, [*root.edges, Edge(relation, "x")], root.problem),
        "x": Node("x", problem=NOT_HERE),
    }
    after = judge(more, "n0").answer
    assert after != "yes"
    assert rank(after) >= max(rank(before), rank("unresolved"))


@given(graphs(), st.sampled_from(RELATIONS), st.sampled_from(IDS))
def test_one_more_edge_never_permits_more(graph: dict[str, Node], relation: str, id: str) -> None:
    root = graph["n0"]
    more = graph | {
        "n0": Node("n0", root.said, [*root.edges, Edge(relation, "x")], root.problem),
        "x": Node("x", Said((id,))),
    }
    assert rank(judge(more, "n0").answer) >= rank(judge(graph, "n0").answer)


@given(graphs())
def test_yes_means_that_every_step_says_yes(graph: dict[str, Node]) -> None:
    found = judge(graph, "n0")
    if found.answer == "yes":
        assert all(step.reading.answer == "yes" for step in found.steps)
