"""What a file of a pipeline may say, and where it is told what is wrong."""

import pytest

from freehold.pipelines import reading
from freehold.pipelines.errors import BadPipeline
from freehold.pipelines.rules import MAX_STEPS

pytestmark = pytest.mark.rules
WHOLE = b"""\
title: Review
bounds: {seconds: 30, tokens: 500}
steps:
  - name: draft
    kind: generate
    model: lab/large
    prompt: "Answer: {{input}}"
    parameters: {temperature: 0.5, max_tokens: 100}
  - name: sound
    kind: check
    check: {kind: refusal}
    refuse: I cannot answer that.
  - name: looks
    kind: join
    when: steps.sound.passed is yes and language is en, unknown
    steps:
      - {name: mood, kind: classify, model: lab/mood, of: draft, labels: [calm, angry]}
      - {name: short, kind: rewrite, model: lab/small, of: draft}
    template: "{{steps.mood.label}}: {{steps.short.text}}"
  - name: final
    kind: rewrite
    model: lab/large
    when: not steps.mood.label is angry
    prompt: |
      Polish: {{steps.short.text}}
"""


def test_a_file_is_read_and_kept_as_it_says() -> None:
    document = reading.parsed(WHOLE)
    assert [step.name for step in document.steps] == ["draft", "sound", "looks", "final"]
    assert document.models == ("lab/large", "lab/mood", "lab/small")
    assert document.steps[1].of == "draft" and document.bounds.tokens == 500
    assert reading.read(reading.written(document)) == document


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (b"title: Review", b"titel: Review", "line 1, titel: it is not known here"),
        (b"kind: check\n", b"kind: chek\n", "line 10, steps[1].kind: a step is of one of these kinds"),
        (b"{{input}}", b"{{inputs}}", "line 7, steps[0].prompt: {{inputs}} is nothing"),
        (b"{{steps.short.text}}\n", b"{{steps.shirt.text}}\n", "line 24, steps[3].prompt: no step before this one"),
        (
            b"steps.mood.label}}: ",
            b"steps.final.label}}: ",
            "steps[2].template: no step before this one is called 'final'",
        ),
        (b"model: lab/large\n    prompt", b"model: large\n    prompt", "line 6, steps[0].model: name the model"),
        (b"temperature: 0.5", b"temprature: 0.5", "line 8, steps[0].parameters.temprature"),
        (b"name: sound", b"name: draft", "line 9, steps[1].name: another step is called 'draft'"),
        (b"kind: refusal", b"kind: regex, value: '(a)\\1'", "line 11, steps[1].check"),
        (b"kind: refusal", b"kind: refusals", "line 11, steps[1].check: A check is of one of these kinds"),
        (b"kind: refusal", b"kind: [refusal]", "line 11, steps[1].check: A check is of one of these kinds"),
        (b"steps.sound.passed is yes", b"steps.sound passes", "line 15, steps[2].when"),
        (b"seconds: 30", b"seconds: 9999", "line 2, bounds.seconds: seconds is a number"),
        (b"title: Review", b"title: Review\ntitle: Again", "line 2: 'title' is said twice"),
        (b"title: Review", b"title: &a Review", "line 1: anchors and aliases"),
        (b"title: Review", b"title: [unclosed", "this is no YAML"),
        (b"title: Review", b"title: \xff", "no YAML in UTF-8"),
        (b"title: Review", b"title: " + b"[" * 5000, "no YAML"),
        (b"title: Review", b"title: !!python/object:os.system x", "no YAML"),
    ],
)
def test_what_is_wrong_has_its_line_and_key(before: bytes, after: bytes, said: str) -> None:
    assert before in WHOLE
    with pytest.raises(BadPipeline) as refused:
        reading.parsed(WHOLE.replace(before, after, 1))
    assert said in refused.value.message


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"steps: 1", b"steps: []", b"a: " + b"x" * 70_000, b"steps: [{kind: check}]"]
)
def test_what_is_no_pipeline_is_refused(text: bytes) -> None:
    with pytest.raises(BadPipeline):
        reading.parsed(text)


def test_steps_are_bounded() -> None:
    steps = "".join(f"  - {{name: s{at}, kind: generate, model: a/b}}\n" for at in range(MAX_STEPS + 1))
    with pytest.raises(BadPipeline) as refused:
        reading.parsed(f"steps:\n{steps}".encode())
    assert f"at most {MAX_STEPS} steps" in refused.value.message
