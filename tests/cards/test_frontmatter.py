"""Front matter of strangers: read as the public hub reads it, refused quickly where it is meant to hurt."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from freehold.cards.errors import BadFrontMatter
from freehold.cards.frontmatter import MAX_VALUES, parse, split
from tests.fixtures.effort import within


@pytest.mark.parametrize(
    ("text", "block", "body"),
    [
        ("---\na: 1\n---\n# T", "a: 1", "# T"),
        ("---\r\na: 1\r\n---\r\n# T", "a: 1", "# T"),
        ("\n\n---\na: 1\n---", "a: 1", ""),
        ("\ufeff---\na: 1\n---\nx", "a: 1", "x"),
        ("---\n---\nx", "", "x"),
        ("---\na: 1\nb: 2", None, "---\na: 1\nb: 2"),
        ("# T\n---\na: 1\n---\n", None, "# T\n---\na: 1\n---\n"),
        ("", None, ""),
    ],
)
def test_a_readme_comes_apart_where_the_client_takes_it_apart(text: str, block: str | None, body: str) -> None:
    card = split(text)
    assert (card.block, card.body) == (block, body)


def test_scalars_are_read_by_the_core_schema() -> None:
    data = parse("a: no\nb: true\nc: 12\nd: 1.5\ne: ~\nf: '1'\ng: 2024-01-02\nh: 1:30\ni: .inf\n3: three\nj: !!str 4")
    assert data == {
        "a": "no",
        "b": True,
        "c": 12,
        "d": 1.5,
        "e": None,
        "f": "1",
        "g": "2024-01-02",
        "h": "1:30",
        "i": ".inf",
        "3": "three",
        "j": "4",
    }


def test_aliases_and_merges_within_the_budget_are_followed() -> None:
    data = parse("x: &x {a: 1, b: 2}\ny: *x\nz:\n  <<: *x\n  b: 3")
    assert data == {"x": {"a": 1, "b": 2}, "y": {"a": 1, "b": 2}, "z": {"a": 1, "b": 3}}


def _laughs(levels: int) -> str:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


BOMBS = {
    "a billion laughs": _laughs(12),
    "a megabyte of aliases": "a: &a [1, 2]\nb:\n" + "- *a\n" * 190_000,
    "one long text repeated": "a: &a " + "x" * 100_000 + "\nb:\n" + "- *a\n" * 10_000,
    "nesting in flow": "a: " + "[" * 500_000,
    "nesting in blocks": "".join(" " * depth + "a:\n" for depth in range(1_000)),
    "an alias to itself": "a: &a [*a]",
    "an unknown alias": "a: *b",
    "a key twice": "a: 1\nb: 2\na: 3",
    "a mapping as key": "? {a: b}\n: c",
    "a Python object": "a: !!python/object/apply:os.system ['true']",
    "two documents": "a: 1\n--- \nb: 2\n",
    "a list": "- a\n- b",
    "a word": "hello",
    "a NUL": 'a: "\\0"',
    "a surrogate": "a: \ud800",
    "two megabytes": "a: " + "x" * (2 << 20),
    "broken flow": "a: [1, 2",
    "a tab": "a:\n\t- b",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_quickly_with_one_sentence(name: str) -> None:
    def refuse() -> str:
        with pytest.raises(BadFrontMatter) as refused:
            parse(BOMBS[name])
        return refused.value.message

    assert len(within(3_000, refuse)) < 300


def test_a_large_card_below_the_limits_is_read() -> None:
    assert len(parse("".join(f"k{number}: x\n" for number in range(MAX_VALUES - 1))[: 1 << 20])) > 80_000


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcdefgh", min_size=1), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text("abcdefgh_-", min_size=1), VALUES, max_size=5))
def test_what_pyyaml_writes_comes_back(data: dict[str, object]) -> None:
    """The client writes cards with PyYAML: strings that look like other things are in quotes, repeats are aliases."""
    assert parse(yaml.safe_dump(data, allow_unicode=True)) == data


@given(st.text())
def test_no_text_makes_it_crash(text: str) -> None:
    try:
        parse(text)
    except BadFrontMatter:
        pass
