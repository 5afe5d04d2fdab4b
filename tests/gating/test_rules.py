"""Questions, answers and terms, without a hub."""

import hashlib
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from freehold.gating import rules
from freehold.gating.countries import COUNTRIES
from freehold.gating.errors import BadAnswer
from freehold.gating.rules import Form, Licence, Question
from freehold.repos.rules import Standing, standing

pytestmark = pytest.mark.rules
FORM = rules.form(
    {
        "extra_gated_fields": {
            "Name": "text",
            "Day": {"type": "date_picker", "required": False},
            "Land": "country",
            "Use": {"type": "select", "options": ["a", {"label": "B", "value": "b"}, 3, None, ["x"]]},
            "geo": "ip_location",
            "I agree": "checkbox",
        }
    }
)
GOOD = {"Name": " Ada ", "Land": "ch", "Use": "B", "I agree": "on"}


def test_the_form_is_what_the_card_asks_for() -> None:
    assert [question.type for question in FORM.questions] == [
        "text",
        "date_picker",
        "country",
        "select",
        "ip_location",
        "checkbox",
    ]
    assert FORM.questions[3].options == (("a", "a"), ("b", "B"), ("3", "3"))
    assert not FORM.questions[1].is_required
    assert not FORM.questions[4].is_asked


@pytest.mark.parametrize(
    "fields",
    [
        None,
        7,
        "text",
        [],
        ["text"],
        {"": "text"},
        {"Use": {"type": "select"}},
        {"x": {"type": ["select"]}},
        {"x": None},
    ],
)
def test_whatever_a_card_says_a_form_comes_of_it(fields: Any) -> None:
    for question in rules.form({"extra_gated_fields": fields, "extra_gated_prompt": fields}).questions:
        assert question.type == "text"


def test_a_list_of_pairs_is_read_as_the_mapping_it_means() -> None:
    found = rules.form({"extra_gated_fields": [{"Company": "text"}, {"Company": "country"}, {"OK": "checkbox"}]})
    assert [(one.label, one.type) for one in found.questions] == [("Company", "text"), ("OK", "checkbox")]


def test_a_card_of_a_thousand_questions_asks_fifty() -> None:
    assert len(rules.form({"extra_gated_fields": {f"q{n}": "text" for n in range(1000)}}).questions) == 50


def test_answers_are_kept_in_one_spelling() -> None:
    assert rules.checked(FORM, GOOD) == {"Name": "Ada", "Land": "CH", "Use": "b", "I agree": True}
    assert rules.checked(FORM, GOOD | {"Land": "Switzerland", "Use": "b", "I agree": True})["Land"] == "CH"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Name": ""}, "“Name” has to be answered"),
        ({"Name": "x" * 2001}, "“Name” takes at most 2,000 characters"),
        ({"Name": "a\x00b"}, "“Name” holds characters that are not text"),
        ({"Name": ["a"]}, "“Name” takes a text"),
        ({"Name": {"a": 1}}, "“Name” takes a text"),
        ({"Land": "Atlantis"}, "“Land” takes a country"),
        ({"Day": "31.12.1999"}, "“Day” takes a date"),
        ({"Day": "2023-02-30"}, "“Day” takes a date"),
        ({"Use": "c"}, "“Use” takes one of its options"),
        ({"I agree": "no"}, "“I agree” has to be ticked"),
        ({"I agree": None}, "“I agree” has to be ticked"),
        ({"Shoe size": "44"}, "“Shoe size” is not asked here"),
    ],
)
def test_an_answer_that_does_not_fit_names_its_question(change: dict[str, Any], words: str) -> None:
    with pytest.raises(BadAnswer) as refused:
        rules.checked(FORM, GOOD | change)
    assert refused.value.message.startswith(words)


def test_answers_together_have_a_limit() -> None:
    form = Form(questions=tuple(Question(f"q{n}", "text") for n in range(50)))
    with pytest.raises(BadAnswer, match="32,000"):
        rules.checked(form, {f"q{n}": "x" * 2000 for n in range(50)})


def test_terms_are_named_by_the_hash_of_what_is_shown() -> None:
    licence = Licence("apache-2.0", "LICENSE", "0" * 64, "The text.\n")
    found = rules.terms(Form(prompt="Be kind.", questions=FORM.questions), licence)
    assert found.sha256 == hashlib.sha256(found.text.encode()).hexdigest()
    assert found.text == (
        "Prompt\n\nBe kind.\n\n\nStatements\n\n- I agree\n\n\nLicence\n\napache-2.0\n\n\n"
        f"File LICENSE, SHA-256 {'0' * 64}\n\nThe text.\n"
    )


def test_terms_change_with_what_is_agreed_to_and_with_nothing_else() -> None:
    def named(
        prompt: str = "p", heading: str = "", text: str = "t", extra: str = "text", label: str = "I agree"
    ) -> str:
        fields = {"Anything": extra, label: "checkbox"}
        form = rules.form({"extra_gated_prompt": prompt, "extra_gated_heading": heading, "extra_gated_fields": fields})
        return rules.terms(form, Licence("mit", "LICENSE", hashlib.sha256(text.encode()).hexdigest(), text)).sha256

    assert named() == named(heading="Other words") == named(extra="country")
    assert len({named(), named(prompt="q"), named(text="u"), named(label="I swear")}) == 4


def test_a_licence_too_large_to_show_is_still_named() -> None:
    first, other = (rules.terms(Form(), Licence("", "LICENSE", digit * 64, None)).sha256 for digit in "ab")
    assert first != other


def test_there_are_countries() -> None:
    assert len(COUNTRIES) == 249
    assert COUNTRIES["CH"] == "Switzerland"


NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], Standing.STRANGER),
        ([("me", "pending", None)], Standing.PENDING),
        ([("me", "accepted", None)], Standing.THROUGH),
        ([("me", "accepted", timedelta(seconds=1))], Standing.THROUGH),
        ([("me", "accepted", timedelta(0))], Standing.LAPSED),
        ([("me", "rejected", None), ("org", "accepted", None)], Standing.REJECTED),
        ([("me", "pending", None), ("org", "accepted", None)], Standing.THROUGH),
        ([("org", "rejected", None), ("me", "accepted", None)], Standing.THROUGH),
        ([("org", "rejected", None)], Standing.STRANGER),
        ([("a", "accepted", timedelta(0)), ("b", "accepted", None)], Standing.THROUGH),
    ],
)
def test_where_somebody_stands(rows: list[tuple[str, str, timedelta | None]], expected: Standing) -> None:
    admissions = [
        SimpleNamespace(account_id=who, status=status, ends_at=None if after is None else NOW + after)
        for who, status, after in rows
    ]
    assert standing("me", admissions, NOW) is expected
