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
