"""Code in colours: what it looks like, that it stays the same text, and that no text holds anybody up."""

import re
import time
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.core.children import ChildFailed
from freehold.web import apart
from freehold.web.apart import Drawn, Purse
from freehold.web.highlighting import coloured, highlight


def plain(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html))


@pytest.mark.parametrize(
    ("language", "file_name", "code"),
    [
        ("python", "", "def f(x):\n    '''two\n    lines'''\n    return x < 1  # why\n"),
        ("", "config.json", '{"a": [1, "</script>"]}'),
        ("diff", "", "- a\n+ b"),
        ("console", "", "$ pip install x\nout"),
        ("", "train.sh", "export A=1\r\necho $A\r\n"),
    ],
)
def test_colours_are_put_on_a_text_that_stays_as_it_is(language: str, file_name: str, code: str) -> None:
    html = highlight(code, language=language, file_name=file_name)
    assert html is not None
    assert 'class="tok-' in html
    assert plain(html) == code.replace("\r\n", "\n")
    for line in html.split("\n"):
        assert line.count("<span") == line.count("</span>")


@pytest.mark.parametrize("language", ["", "klingon", "__import__", "../../x"])
def test_a_language_that_nobody_knows_is_shown_plain(language: str) -> None:
    assert highlight("x = 1", language=language) is None


def test_what_is_too_much_is_shown_plain() -> None:
    assert highlight("x = 1\n" * 100_000, language="python") is None
    assert highlight("x" * 50_000, language="python") is None


def test_an_answer_about_another_text_is_not_believed() -> None:
    assert coloured("x", [["k", "<script>"]]) is None
    assert coloured("<b>", [["onclick", "<b>"]]) == "&lt;b&gt;"
    assert coloured("x", [["k"]]) is None


@settings(max_examples=60)
@given(st.sampled_from(["python", "html", "markdown", "yaml", "perl", "console"]), st.text(max_size=60))
def test_any_text_stays_as_it_is(language: str, code: str) -> None:
    html = highlight(code, language=language)
    assert html is None or plain(html) == code


# ---- the process apart -----------------------------------------------------------------------------------------------


def test_a_piece_has_so_much_time_of_the_processor_and_the_next_is_drawn() -> None:
    code = "def f(x): return [x]\n" * 100_000
    assert apart.drawn.ask("code", code, "python", "") is None
    assert apart.drawn.ask("code", "x = 1", "python", "")


@pytest.mark.parametrize("question", [["formula"], ["code", "x"], ["what", "x", "inline"]])
def test_a_question_that_makes_no_sense_has_no_answer(question: list[str]) -> None:
    assert apart.drawn.ask(*question) is None


def test_a_flood_of_what_takes_long_is_not_drawn_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(question: bytes) -> bytes:
        if b"slow" in question:
            time.sleep(apart.BURDEN_S + 0.01)
            raise ChildFailed
        if b"fast" in question:
            raise ChildFailed
        return b'["fine", 0.01]'

    drawn = Drawn(ask)
    for _ in range(apart.MAX_FAILURES + 1):
        assert drawn.ask("fast") is None
    assert drawn.ask("fine") == "fine"
    for _ in range(apart.MAX_FAILURES):
        assert drawn.ask("slow") is None
    assert drawn.ask("fine") is None
    monkeypatch.setattr(apart, "FAILURES_WITHIN_S", 0.0)
    assert drawn.ask("fine") == "fine"


def test_one_text_spends_so_much_and_no_more() -> None:
    drawn = Drawn(lambda question: b'["fine", 0.3]')
    purse = Purse(cpu_s=0.5, wait_s=60)
    assert [drawn.ask("x", purse=purse) for _ in range(3)] == ["fine", "fine", None]
    assert Drawn(lambda question: b'["fine", 0]').ask("x", purse=Purse(cpu_s=1, wait_s=-1)) is None
