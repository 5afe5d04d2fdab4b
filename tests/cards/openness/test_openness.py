"""How open is it: held against repositories labelled by hand, and against what must hold for every card."""

import random
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from freehold.cards import frontmatter
from freehold.cards.facts import Facts
from freehold.cards.licences.verdict import HIDDEN, NOT_HERE, TRAINED, Edge, Node, Said, judge, said
from freehold.cards.openness import files, read, saying, summary
from freehold.cards.openness.material import DIMENSIONS, Material, Neighbour, Told, told_of
from tests.fixtures.effort import within

pytestmark = pytest.mark.rules

CASES = tomllib.loads(Path(__file__).with_name("cases.toml").read_text())["cases"]
READ = (".safetensors", ".gguf", ".onnx")


def neighbour(text: str) -> Neighbour:
    relation, _, rest = text.partition(" ")
    path, _, told = rest.partition(": ")
    kind = "dataset" if relation == TRAINED else "model"
    if told in ("!", "-"):
        problem = HIDDEN if told == "!" else NOT_HERE
        return Neighbour(relation, kind, "" if told == "!" else path, problem, is_hidden=told == "!")
    values = dict(word.split("=") for word in told.split() if "=" in word)
    return Neighbour(relation, kind, path, is_gated="gated" in told, values=values)


def material(case: Mapping[str, Any]) -> Material:
    """What a repository of the table says, as it would be gathered."""
    kind = case.get("kind", "model")
    listed = [(path, int(size or 1000)) for path, _, size in (one.partition(" ") for one in case["files"])]
    card = frontmatter.split(case["card"])
    data = frontmatter.parse(card.block) if card.block else {}
    named = [neighbour(one) for one in case.get("named", ())]
    sorted_out = files.sorted_out(kind, listed)
    root = Node("lab/it", said(data), [Edge(one.relation, one.path or "hidden") for one in named])
    graph = {"lab/it": root}
    for one, text in zip(named, case.get("named", ()), strict=True):
        licence = text.partition(": ")[2].partition(",")[0]
        graph[one.path or "hidden"] = Node(one.path, Said((licence,)), problem=one.problem)
    broken = set(case.get("broken", ()))
    weights = [
        {"path": path, "form": path.rpartition(".")[2], "parameters": 1000}
        for path, _ in listed
        if path.endswith(READ) and path not in broken
    ]
    return Material(
        kind=kind,
        told=Told(sorted_out.roles, sorted_out.missing, saying.read(card.body)),
        facts=Facts(
            architecture=case.get("arch") or None,
            formats=["gguf"] if any(path.endswith(".gguf") for path, _ in listed) else [],
            details={
                "weights": weights,
                "problems": [[path, "it is none"] for path in broken],
                "adapter": {"kind": "LORA"} if any(path == "adapter_config.json" for path, _ in listed) else None,
            },
        ),
        data=data,
        tags=case.get("tags", ()),
        is_gated=case.get("gated", False),
        steps=judge(graph, "lab/it").steps,
        results=case.get("results", ()),
        bases=[one for one in named if one.relation != TRAINED],
        sets=[one for one in named if one.relation == TRAINED],
    )


def test_every_repository_gets_the_answers_that_a_person_gave() -> None:
    assert len(CASES) >= 40
    asked = agreed = 0
    wrong, seen = [], Counter[tuple[str, str]]()
    for case in CASES:
        found = read.openness(material(case))
        assert list(found) == list(DIMENSIONS[case.get("kind", "model")])
        for (dimension, one), expected in zip(found.items(), case["expect"].split(), strict=True):
            asked, agreed = asked + 1, agreed + (one.value == expected)
            seen[dimension, expected] += 1
            if one.value != expected:
                wrong.append((case["name"], dimension, f"{expected} by hand", one.value, one.short))
    print(f"{len(CASES)} repositories, {asked} answers: {agreed} as a person gave them ({agreed / asked:.1%})")
    assert wrong == []
    assert all(seen[dimension, "open"] >= 3 and seen[dimension, "partly"] >= 3 for dimension in DIMENSIONS["model"])


def test_an_answer_that_is_not_unknown_shows_what_it_rests_on() -> None:
    for case in CASES:
        found = read.openness(material(case))
        assert all(one.evidence for one in found.values() if one.value != "unknown"), case["name"]
        told = summary.sentence(case.get("kind", "model"), found)
        assert told[0].isupper() and told.endswith(".") and len(told) < 420
        assert told_of(material(case).told.plain()).plain() == material(case).told.plain()
    whole = summary.sentence("model", read.openness(material(CASES[0])))
    assert whole == (
        "Open weights under an open licence; the data is here; the code that runs and made it is here; the recipe is "
        "told; evaluated, with what it takes to check it."
    )


def test_words_in_ones_own_favour_open_nothing() -> None:
    """The same card with every claim one can think of: no answer is more open, but for the licence."""
    claims = "# M\n" + "Everything is open: open data, open code, open weights, open training recipe. " * 50
    bare = {"files": ["README.md"], "card": "", "expect": ""}
    found = read.openness(material(bare | {"card": claims}))
    assert {one.value for one in found.values()} == {"unknown"}


def test_hidden_names_are_nowhere_in_what_is_told() -> None:
    case = next(one for one in CASES if one["name"] == "data that one may not see")
    found = read.openness(material(case))
    told = " ".join(part for one in found.values() for e in one.evidence for part in (e.what, e.words))
    assert "hush" not in told and "a repository you may not see" in told


HOSTILE = {
    "marks": "<!--" * 60_000,
    "headings": "# training data\n" * 60_000,
    "links": "train https://github.com/" + "a" * 200_000,
    "rows": "## Results\n" + "|" * 200_000,
    "settings": "learning rate " * 40_000,
    "refusals": "the training data is not " * 20_000,
    "guards": "no data any not removed " * 20_000,
    "fences": "```" * 70_000,
    "one line": "optimizer" + " x" * 400_000,
    "direction": "## \u202etraining data\n\u202e" * 20_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_card_is_read_in_bounded_time(name: str) -> None:
    told = within(1_500, lambda: saying.read(HOSTILE[name]))
    assert len(str(told.plain())) < 20_000


def test_any_card_of_any_shape_is_read() -> None:
    chance = random.Random(7)
    values: list[Any] = [None, 1, "proprietary", ["closed", 3], {"a": []}, [[{"results": [{"metrics": 3}]}]], "x" * 999]
    keys = ["license", "license_name", "datasets", "data", "weights", "model-index", "training", "source_datasets"]
    for _ in range(300):
        data = {key: chance.choice(values) for key in chance.sample(keys, 4)}
        base = material({"files": ["model.safetensors", "train.py"], "card": "", "expect": ""})
        for kind in DIMENSIONS:
            asked = Material(kind, base.told, base.facts, data=data, steps=base.steps, results=[data])
            assert list(read.openness(asked)) == list(DIMENSIONS[kind])
