"""Cards are checked as the public hub checks them."""

import pytest

from freehold.cards.rules import EMPTY_WARNING, MAX_MESSAGES, validate


def _errors(metadata: str, kind: str = "model") -> tuple[str, ...]:
    return validate(f"---\n{metadata}\n---\n# Title\n", kind).errors


@pytest.mark.parametrize(
    ("metadata", "start"),
    [
        ("license: asdf", '"license" must be one of [apache-2.0, mit, '),
        ("license: [mit, asdf]", '"license" must be one of ['),
        ("license: {a: b}", '"license" must be one of ['),
        ("model-index: foo", '"model-index" must be an array'),
        ("model-index: [{results: []}]", '"model-index[0].name" must be a string'),
        ("tags: foo", '"tags" must be an array'),
        ("language: English", '"language" must only contain lowercase characters'),
        ("language: [en, python]", '"language[1]" with value "python" is not valid. It must be an ISO 639-1'),
        ("datasets: [legal dataset]", '"datasets[0]" with value "legal dataset" is not valid.'),
        ("base_model: ./checkpoint/last/x", '"base_model" with value "./checkpoint/last/x" is not valid.'),
        ("pipeline_tag: [a]", '"pipeline_tag" must be a string'),
        ("base_model_relation: cousin", '"base_model_relation" must be one of [finetune, '),
    ],
)
def test_what_is_wrong_is_told_in_the_public_words(metadata: str, start: str) -> None:
    errors = _errors(metadata)
    assert errors[0].startswith(start)


@pytest.mark.parametrize(
    "metadata",
    [
        "license: apache-2.0",
        "license: [mit, apache-2.0]",
        "language: no",
        "language: [en, multilingual, yue]",
        "datasets: squad\nbase_model: demo/SmolLM2-135M",
        "model-index: [{name: x, results: []}]",
        "anything: {of: [any, shape]}",
        "tags: [1, two]",
        "widget:\n- text: Hello\nco2_eq_emissions: 0.1",
    ],
)
def test_good_cards_and_unknown_keys_pass(metadata: str) -> None:
    checked = validate(f"---\n{metadata}\n---\n# Title\n", "model")
    assert checked.errors == ()
    assert checked.warnings == ()


@pytest.mark.parametrize("text", ["# Only a title", "", "---\n---\n", "---\n{}\n---\n"])
def test_a_card_without_metadata_is_warned_about(text: str) -> None:
    checked = validate(text, "model")
    assert checked.errors == ()
    assert checked.warnings == (EMPTY_WARNING,)


def test_each_kind_has_its_own_rules() -> None:
    assert _errors("sdk: flask", "space") == ('"sdk" must be one of [gradio, streamlit, docker, static]',)
    assert _errors("sdk: flask", "model") == ()
    assert _errors("configs: all", "dataset") == ('"configs" must be an array',)
    assert _errors("license: asdf", "kernel")


def test_a_card_does_not_choose_the_size_of_our_answer() -> None:
    many = "language:\n" + "- ENGLISH\n" * 5_000
    assert len(_errors(many)) == MAX_MESSAGES
