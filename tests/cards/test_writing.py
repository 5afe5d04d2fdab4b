"""Front matter changed key by key: what was asked changes, and not a letter beside it."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from freehold.cards import frontmatter
from freehold.cards.errors import BadFrontMatter, NotByForm
from freehold.cards.writing import joined, rewritten

pytestmark = pytest.mark.rules

BLOCK = """\
# by hand
license: mit # because
language:
# the main one
- en
- de  # second
tags: [a, b]   # flow

# where it comes from
base_model: "x/y"
widget:
  - text: |
      # no comment

      there
model-index:
- name: m
  results: []"""


def difference(changes: dict[str, object]) -> tuple[list[str], list[str]]:
    before, after = BLOCK.split("\n"), rewritten(BLOCK, changes).split("\n")
    return [line for line in before if line not in after], [line for line in after if line not in before]


@pytest.mark.parametrize(
    ("changes", "gone", "come"),
    [
        ({}, [], []),
        ({"license": "mit"}, [], []),
        ({"license": "apache-2.0"}, ["license: mit # because"], ["license: apache-2.0 # because"]),
        ({"license": None}, ["license: mit # because"], []),
        ({"language": ["de", "fr"]}, ["# the main one", "- en"], ["- fr"]),
        ({"language": ["en", "de", "no"]}, [], ['- "no"']),
        ({"tags": ["a", "c"]}, ["tags: [a, b]   # flow"], ["tags:", "- a", "- c"]),
        ({"base_model": ["x/y", "z/w"]}, ['base_model: "x/y"'], ["base_model:", "- x/y", "- z/w"]),
        ({"pipeline_tag": "fill-mask"}, [], ["pipeline_tag: fill-mask"]),
        ({"license_name": "a: b #c"}, [], ['license_name: "a: b #c"']),
        ({"license_name": "1.0"}, [], ['license_name: "1.0"']),
    ],
)
def test_what_was_asked_changes_and_nothing_else(changes: dict[str, object], gone: list[str], come: list[str]) -> None:
    assert difference(changes) == (gone, come)


def test_an_empty_block_gets_its_first_keys_in_the_order_asked() -> None:
    assert rewritten("", {"license": "mit", "tags": ["x"]}) == "license: mit\ntags:\n- x"
    assert rewritten("license:\nwidget:", {"license": "mit"}) == "license: mit\nwidget:"


@pytest.mark.parametrize("block", ["{license: mit}", "license: &l apache-2.0\nother: *l\n<<: {a: b}"])
def test_what_cannot_be_changed_alone_is_refused_or_done_whole(block: str) -> None:
    try:
        after = frontmatter.parse(rewritten(block, {"license": "mpl-2.0"}))
    except NotByForm:
        return
    assert after == frontmatter.parse(block) | {"license": "mpl-2.0"}


@pytest.mark.parametrize("block", ["a: [", "- a", "a: 1\na: 2"])
def test_what_cannot_be_read_is_not_changed(block: str) -> None:
    with pytest.raises(BadFrontMatter):
        rewritten(block, {"license": "mit"})


WORDS = st.text(
    alphabet=st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12
)
VALUES = st.one_of(st.none(), WORDS, st.lists(WORDS, max_size=4, unique=True))


@given(st.dictionaries(st.sampled_from(["license", "language", "tags", "base_model", "datasets", "widget"]), VALUES))
def test_whatever_is_asked_is_said_exactly_or_refused(changes: dict[str, object]) -> None:
    try:
        after = rewritten(BLOCK, changes)
    except NotByForm:
        return
    wanted = frontmatter.parse(BLOCK) | changes
    assert frontmatter.parse(after) == {key: value for key, value in wanted.items() if value is not None}
    assert "# by hand" in after
    assert "model-index:\n- name: m\n  results: []" in after


@pytest.mark.parametrize(
    "text",
    ["---\nlicense: mit\n---\n\n# A\n", "# A\n", "", "---\n---\n# A", "\ufeff---\r\na: b\r\n---\r\nx", "---\nopen"],
)
def test_a_card_that_nobody_changed_stays_to_the_letter(text: str) -> None:
    card = frontmatter.split(text)
    assert joined(card, text, card.block, card.body) == text


def test_a_card_gets_its_first_metadata_above_its_text() -> None:
    card = frontmatter.split("# A\n")
    text = joined(card, "# A\n", "license: mit", card.body)
    assert text == "---\nlicense: mit\n---\n\n# A\n"
    assert frontmatter.split(text).block == "license: mit"


def test_a_card_of_very_many_values_is_read_no_oftener_for_more_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f"- {number}\n" for number in range(3_000))
    block = f"license: mit\nresults:\n{rows}tags:\n- a"
    passes: list[int] = []
    parse = yaml.parse
    monkeypatch.setattr(yaml, "parse", lambda *args, **more: passes.append(1) or parse(*args, **more))
    after = rewritten(block, dict.fromkeys(("license", "language", "tags", "datasets", "metrics", "base_model"), "x"))
    assert len(passes) == 3
    assert after.startswith("license: x\nresults:\n- 0\n") and after.endswith("base_model: x")
    assert rewritten(block, {"results": ["b"]}) == "license: mit\nresults:\n- b\ntags:\n- a"
