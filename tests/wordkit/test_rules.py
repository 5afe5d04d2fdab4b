"""How texts are cut, and what questions in words ask for."""

import pytest

from freehold.wordkit import near, rules
from freehold.wordkit.rules import Term

pytestmark = pytest.mark.rules


def test_a_text_is_cut_into_small_plain_words() -> None:
    assert rules.words("SmolLM2-135M_Instruct, déjà Ünïx") == ["smollm2", "135m", "instruct", "deja", "unix"]
    assert rules.words("用机器翻译GPT模型") == ["用机", "机器", "器翻", "翻译", "译", "gpt", "模型", "型"]


def test_a_name_has_other_spellings() -> None:
    assert rules.spellings("meta/Llama-3.1").split() == ["metallama", "llama3", "31"]
    assert rules.spellings("qwen2").split() == ["qwen", "2"]


def test_what_is_kept_has_no_controls_and_an_end() -> None:
    assert rules.kept("a\x00b\u202ec\n\tﬁ") == "a b c\n\tfi"
    assert len(rules.kept("ﷺ" * 1_000_000)) == rules.MAX_TEXT_CHARS


@pytest.mark.parametrize(
    ("text", "terms", "without"),
    [
        ("small model", [Term(("small",), True), Term(("model",), True)], []),
        ("of 3 135m", [Term(("of",), False), Term(("3",), False), Term(("135m",), True)], []),
        ("SmolLM2-135M", [Term(("smollm2",), True), Term(("135m",), True)], []),
        ('"Small Model" x', [Term(("small", "model"), False), Term(("x",), False)], []),
        ('tiny -"for fun" -toy', [Term(("tiny",), True)], [Term(("for", "fun"), False), Term(("toy",), True)]),
        ('"open', [Term(("open",), False)], []),
        ("机器翻译", [Term(("机器", "器翻", "翻译"), False)], []),
        ("机", [Term(("机",), True)], []),
        ("*** AND ( \" '", [Term(("and",), True)], []),
        ("- \x00 --", [], []),
    ],
)
def test_a_question_in_words(text: str, terms: list[Term], without: list[Term]) -> None:
    found = rules.asked(text)
    assert (list(found.terms), list(found.without)) == (terms, without)


@pytest.mark.parametrize("text", ["a" * 10**6, "ab " * 10**6, '"' * 10**5, "机" * 10**6, "-x " * 1000])
def test_a_question_has_an_end(text: str) -> None:
    found = rules.asked(text)
    assert len(found.terms) + len(found.without) <= 2 * rules.MAX_TERMS
    assert all(len(word) <= rules.MAX_WORD_CHARS for term in found.terms for word in term.words)


@pytest.mark.parametrize(
    ("one", "other", "number"),
    [("bret", "bert", 1), ("lama", "llama", 1), ("sentense", "sentence", 1), ("abc", "abc", 0), ("abcd", "badc", 2)],
)
def test_slips_are_counted(one: str, other: str, number: int) -> None:
    assert near.slips(one, other, 2) == number == near.slips(other, one, 2)
    assert near.slips(one, other + "xyz", 2) == 3


def test_words_a_slip_apart_share_a_key() -> None:
    for one, other in (("bret", "bert"), ("lama", "llama"), ("sentense", "sentence"), ("transfomrers", "transformers")):
        assert near.keys(one) & near.keys(other)
