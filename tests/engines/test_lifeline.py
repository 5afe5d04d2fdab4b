"""How a program of an engine says that it will not be ready."""

import sys

import pytest

from freehold.compute import service as compute
from freehold.compute.errors import JobFailed
from freehold.compute.rules import Job

CODE = "from freehold.engines.programs import lifeline; lifeline.begin(); {does}"


@pytest.mark.parametrize(
    ("does", "failure", "words"),
    [
        ("bytearray(1 << 62)", "out_of_memory", "no memory for what it loads"),
        ("lifeline.refuse('bad_model', 'It is no model.')", "bad_model", "It is no model."),
        ("1 / 0", "crashed", "exit status 1"),
    ],
)
def test_a_program_that_fails_before_it_is_ready_says_why(does: str, failure: str, words: str) -> None:
    with pytest.raises(JobFailed) as raised:
        compute.start(Job("a test", [sys.executable, "-s", "-P", "-c", CODE.format(does=does)], {}))
    assert raised.value.failure == failure
    assert words in raised.value.message
    assert "Traceback" in raised.value.log or failure == "bad_model"
