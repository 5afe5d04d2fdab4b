"""Rows of feedback, and what addresses of the playground say: pure."""

import json
from datetime import UTC, datetime

import pytest

from freehold.core.errors import BadRequest, TooLarge
from freehold.playground import asking, rules
from freehold.playground.rules import Said

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ASKED = [{"role": "user", "content": "Capital of France?"}]
PARIS, LYON = Said("lab/a", "a" * 40, "Paris."), Said("lab/b", "b" * 40, "Lyon.")


def test_a_rating_says_what_was_asked_answered_and_should_have_been() -> None:
    row = rules.rating(ASKED, LYON, "down", "Paris.", {"temperature": 0, "tools": []}, "bob", NOW)
    assert (row["model"], row["revision"], row["answer"], row["corrected"]) == ("lab/b", "b" * 40, "Lyon.", "Paris.")
    assert (row["messages"], row["rating"], row["by"]) == (ASKED, "down", "bob")
    assert row["parameters"] == {"temperature": 0}  # what is no plain value tells nothing here


@pytest.mark.parametrize(("better", "chosen"), [("left", "Paris."), ("right", "Lyon.")])
def test_the_better_answer_is_chosen_and_the_other_rejected(better: str, chosen: str) -> None:
    row = rules.preference(ASKED, PARIS, LYON, better, {}, "bob", NOW)
    assert row["chosen"] == [{"role": "assistant", "content": chosen}]
    assert row["rejected"] != row["chosen"]
    assert row["answers"] == ["Paris.", "Lyon."]


@pytest.mark.parametrize("better", ["both", "neither"])
def test_two_answers_alike_are_no_pair(better: str) -> None:
    row = rules.preference(ASKED, PARIS, LYON, better, {}, "bob", NOW)
    assert row["chosen"] is row["rejected"] is None


@pytest.mark.parametrize(
    "messages", [None, [], "hello", [{"role": "owner", "content": "x"}], [{"role": "user", "content": 1}], [1] * 201]
)
def test_messages_that_are_none_are_refused(messages: object) -> None:
    with pytest.raises(BadRequest):
        rules.rating(messages, PARIS, "up", None, {}, "bob", NOW)


def test_a_row_has_a_bound() -> None:
    with pytest.raises(TooLarge, match="200,000"):
        rules.rating(ASKED, Said("a/b", "", "x" * 200_001), "up", None, {}, "bob", NOW)


@pytest.mark.parametrize(
    ("names", "size_bytes", "file", "is_there"),
    [
        ([], 0, "ratings/0001.jsonl", False),
        (["0001.jsonl", "notes.txt"], 10, "ratings/0001.jsonl", True),
        (["0001.jsonl", "0009.jsonl"], rules.MAX_FILE_BYTES, "ratings/0010.jsonl", False),
    ],
)
def test_rows_go_to_the_newest_file_until_it_is_full(
    names: list[str], size_bytes: int, file: str, is_there: bool
) -> None:
    assert rules.next_file("rating", names, size_bytes) == (file, is_there)


def test_a_line_is_known_by_its_id() -> None:
    data = rules.line("0a", {"answer": "a\nb"}) + b"not json\n[1]\n" + rules.line("0b", {})
    assert rules.ids_in(data) == {"0a", "0b"}


# ---- addresses ---------------------------------------------------------------------------------------------


def test_an_address_says_models_prompt_and_parameters() -> None:
    given = asking.read({"model": "lab/a", "with": "lab/b", "system": " Be brief. ", "temperature": "0.2", "seed": "7"})
    assert given.sent() == {"temperature": 0.2, "top_p": 1, "max_tokens": 256, "seed": 7}
    assert given.address() == "/playground?model=lab%2Fa&with=lab%2Fb&system=Be+brief.&temperature=0.2&seed=7"
    assert given.address(other="") == "/playground?model=lab%2Fa&system=Be+brief.&temperature=0.2&seed=7"


@pytest.mark.parametrize("value", ["", "warm", "nan", "inf", "1e400", "9" * 400])
def test_a_parameter_that_is_no_number_counts_as_not_said(value: str) -> None:
    assert asking.read({"temperature": value}).values == {}


def test_a_slider_stays_within_its_ends() -> None:
    assert asking.read({"temperature": "-3", "top_p": "7"}).values == {"temperature": 0, "top_p": 1}


@pytest.mark.parametrize("text", ["", "{", "{}", "[1]", '[{"role": "system", "content": "x"}]', '[{"role": "user"}]'])
def test_a_history_that_is_none_is_empty(text: str) -> None:
    assert asking.history(text) == []


def test_code_says_what_the_page_would_send() -> None:
    given = asking.read({"model": 'lab/a"b', "system": 'It\'s "so"', "seed": "7"})
    code = asking.code("https://hub.example", given)
    compile(code["python"], "shown", "exec")
    body = code["curl"].split("-d '", 1)[1][:-1].replace("'\\''", "'")
    sent = json.loads(body)
    assert sent["model"] == 'lab/a"b'
    assert sent["messages"][0] == {"role": "system", "content": 'It\'s "so"'}
    assert sent["seed"] == 7


def test_what_is_nested_beyond_reading_is_no_conversation_and_no_row() -> None:
    assert asking.history("[" * 100_000) == []
    assert rules.ids_in(b"[" * 100_000 + b'\n{"id": "one"}\n') == {"one"}
