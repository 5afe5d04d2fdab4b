"""A card in the making: fields, YAML and text come to one README; what is wrong is told where it stands."""

import json

import pytest

from freehold.cards import form, frontmatter
from freehold.cards.drafting import Draft, Typed, draft

pytestmark = pytest.mark.rules

CARD = "---\nlicense: mit # why\ntags: [a, b]\nmodel-index:\n- name: m\n---\n\n# A model\n"


def typed(block: str | None = None, body: str = "\n# A model\n", kind: str = "model", **said: str) -> Draft:
    known = frontmatter.split(CARD)
    was = form.shown(kind, frontmatter.parse(known.block or ""))
    sent = {key: value or "" for key, value in was.items()} | said
    return draft(kind, CARD, Typed(known.block or "" if block is None else block, body, was, sent))


def test_nothing_typed_changes_nothing() -> None:
    assert draft("model", CARD).text == CARD
    assert typed().text == CARD
    assert typed(body="\r\n# A model\r\n").text == CARD
    assert typed().inside is None


def test_a_field_changes_its_key_alone() -> None:
    made = typed(license="apache-2.0", language="en,  de ,", base_model="x/y")
    assert made.text == CARD.replace("mit", "apache-2.0").replace(
        "- name: m\n", "- name: m\nlanguage:\n- en\n- de\nbase_model: x/y\n"
    )
    assert made.may_go
    assert made.inside is not None
    assert [(one.name, one.kind) for one in made.inside.keys] == [
        ("license", "changed"),
        ("language", "added"),
        ("base_model", "added"),
    ]


def test_a_field_left_alone_leaves_what_was_typed_as_yaml() -> None:
    made = typed(block="license: mpl-2.0\nown: {x: 1}", tags="c")
    assert made.text == "---\nlicense: mpl-2.0\nown: {x: 1}\ntags:\n- c\n---\n\n# A model\n"


def test_an_emptied_field_takes_its_key_out() -> None:
    assert "license" not in typed(license=" ").text


def test_what_a_field_cannot_hold_stays() -> None:
    data = {"license": ["mit", "apache-2.0"], "tags": [1, "a"], "language": "en", "base_model": {"x": 1}}
    assert form.shown("model", data)["license"] == "mit, apache-2.0"
    assert form.shown("model", data)["tags"] is None
    assert form.changes("model", {"tags": None}, {"tags": "x"}, data) == {}
    assert form.changes("model", {"license": "mit, apache-2.0"}, {"license": "mit"}, data) == {"license": ["mit"]}


def test_what_may_not_be_published_is_told_at_its_field() -> None:
    made = typed(license="gpl-9", language="english", block="license: mit\ntags: x")
    assert not made.may_go
    assert made.wrong["license"].startswith("No licence of the list.")
    assert "language" in made.wrong["language"]
    assert made.wrong["tags"] == '"tags" must be an array'


def test_yaml_that_cannot_be_read_is_told_with_its_line_and_nothing_is_lost() -> None:
    made = typed(block="license: mit\ntags: [a", license="apache-2.0")
    assert "line" in made.problem
    assert made.block == "license: mit\ntags: [a"
    assert made.text.endswith("# A model\n")
    assert not made.may_go


@pytest.mark.parametrize("kind", form.FIELDS)
def test_every_kind_has_fields_whose_lists_are_there(kind: str) -> None:
    for field in form.FIELDS[kind]:
        assert not field.options or form.OPTIONS[field.options]
    json.dumps(form.shown(kind, {}))
    assert form.missing(kind, {}, "")


def test_what_a_reader_would_look_for() -> None:
    told = form.missing("model", {"license": "other"}, "word " * 30, ["x/y"])
    assert told == [
        "The licence is “other”: its name is missing.",
        "The licence is “other”: where it stands is missing.",
        "No language. For what has none, leave it so.",
        "No task: the hub goes by the files.",
        "x/y is not on this hub, or not for you to see.",
    ]
    whole = {"license": "mit", "language": "en", "pipeline_tag": "fill-mask"}
    assert form.missing("model", whole, "word " * 30) == []
