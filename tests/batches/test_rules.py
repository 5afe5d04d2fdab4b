"""Lines, rows and templates: pure."""

import json

import pytest

from freehold.batches import rules
from freehold.batches.errors import BadBatch
from freehold.batches.rules import Prompt

pytestmark = pytest.mark.rules
PROMPT = Prompt("lab/it", "Say {{ text }} {{n}}", "", {"max_tokens": 3})


def test_requests_are_read_and_what_is_none_says_why() -> None:
    good = {"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": {"model": "m", "stream": True}}
    line = rules.request_of(0, json.dumps(good).encode(), "embeddings")
    assert (line.custom_id, line.body, line.error) == ("a", {"model": "m"}, "")
    for bad in (b"{", b"[]", b'{"custom_id": "a"}', json.dumps(good | {"url": "/v1/x"}).encode(), b"\xff"):
        assert "is no request" in rules.request_of(4, bad, "embeddings").error


def test_a_row_is_put_into_the_prompt_and_never_read_as_one() -> None:
    line = rules.row_of(3, {"text": "{{n}}", "n": [1, "ü"]}, PROMPT)
    assert line.body == {
        "model": "lab/it", "max_tokens": 3, "messages": [{"role": "user", "content": 'Say {{n}} [1, "ü"]'}]
    }  # fmt: skip
    assert "no column 'n'" in rules.row_of(3, {"text": "x"}, PROMPT).error


@pytest.mark.parametrize(
    ("template", "parameters"), [("", {}), ("no column", {}), ("{{a}}", {"model": "x"}), ("{{a}}", [])]
)
def test_what_no_row_can_be_put_into_is_refused(template: str, parameters: object) -> None:
    with pytest.raises(BadBatch):
        rules.checked_prompt(template, "", parameters)


def test_a_template_that_names_a_column_very_often_makes_no_endless_prompt() -> None:
    prompt = Prompt("lab/it", "{{t}}" * 20_000, "", {})
    line = rules.row_of(3, {"t": "x" * 100_000}, prompt)
    assert line.error == "Row 4 makes a prompt of over 8,388,608 characters."
    assert rules.row_of(3, {"t": "x" * 100}, prompt).size == 2_000_000


def test_a_request_of_very_many_parts_is_not_read() -> None:
    line = {"custom_id": "a", "method": "POST", "url": "/v1/completions", "body": {"x": [[]] * rules.MAX_CONTAINERS}}
    assert "lists and objects" in rules.request_of(0, json.dumps(line).encode(), "completions").error


def test_halves_of_characters_and_zeros_are_nothing_that_a_database_takes() -> None:
    line = {"custom_id": "a\ud800\0b", "method": "POST", "url": "/v1/completions", "body": {}}
    assert rules.request_of(0, json.dumps(line).encode(), "completions").custom_id == "a?b"


def test_parameters_are_bounded() -> None:
    with pytest.raises(BadBatch, match="at most"):
        rules.checked_prompt("{{t}}", "", {"stop": "x" * rules.MAX_PARAMETERS_CHARS})


def test_reasons_that_differ_in_numbers_alone_are_one_and_there_are_few() -> None:
    def told(*words: str) -> list[tuple[str, str]]:
        return [(f"c-{at}", json.dumps({"message": word})) for at, word in enumerate(words)]

    first = rules.with_reasons([], told("Row 5 has no column 'x'.", "Row 1,234 has no column 'x'.", "It is full."))
    assert [(one["why"], one["first"], one["lines"]) for one in first] == [
        ("Row 5 has no column 'x'.", "c-0", 2), ("It is full.", "c-2", 1)
    ]  # fmt: skip
    more = rules.with_reasons(first, [*told("Row 7 has no column 'x'."), ("c-9", "no JSON")])
    assert [one["lines"] for one in more] == [3, 1, 1] and [one["lines"] for one in first] == [2, 1]
    many = rules.with_reasons([], told(*(f"reason {'x' * at}" for at in range(30))))
    assert (len(many), many[-1]) == (rules.MAX_REASONS + 1, {"why": "", "first": "", "lines": 30 - rules.MAX_REASONS})
