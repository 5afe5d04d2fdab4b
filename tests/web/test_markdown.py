"""Markdown of strangers: what shows, where it leads, and what never passes."""

import time

import pytest

from freehold.web.markdown import MAX_CHARACTERS, Links, render

LINKS = Links("/demo/m/blob/main/", "/demo/m/resolve/main/", "docs/")


def test_relative_links_lead_into_the_repository() -> None:
    html = render("[a](more.md#x) [b](../LICENSE) [c](/top.md) [d](sub/a%20b.md)", LINKS).html
    assert 'href="/demo/m/blob/main/docs/more.md#x"' in html
    assert 'href="/demo/m/blob/main/LICENSE"' in html
    assert 'href="/demo/m/blob/main/top.md"' in html
    assert 'href="/demo/m/blob/main/docs/sub/a%20b.md"' in html


def test_pictures_of_the_repository_show_and_foreign_ones_become_words() -> None:
    html = render("![plan](plan.png) ![badge](https://tracker.example/x.svg)", LINKS).html
    assert '<img src="/demo/m/resolve/main/docs/plan.png" alt="plan">' in html
    assert "tracker.example" not in html
    assert "badge" in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        '<a href="JaVaScript:alert(1)">x</a>',
        '<a href="data:text/html,<script>alert(1)</script>">x</a>',
        "<svg><script>alert(1)</script></svg>",
        '<iframe src="/settings"></iframe>',
        '<form action="/logout"><button>x</button></form>',
        '<div style="position:fixed" onclick="alert(1)">x</div>',
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
        "# <img src=x onerror=alert(1)>",
    ],
)
def test_no_script_style_or_form_passes(text: str) -> None:
    html = render(text, LINKS).html.lower()
    tags = html.replace("&lt;", "")
    for forbidden in (
        "<script",
        "onerror=",
        "onclick=",
        "style=",
        "<iframe",
        "<form",
        "<svg",
        "<math",
        'href="javascript',
        'href="data',
    ):
        assert forbidden not in tags


@pytest.mark.parametrize("path", ["../../secret", "/../x", "..\\x", "//evil.example/x", "%2e%2e/%2e%2e/x"])
def test_no_link_leaves_the_repository(path: str) -> None:
    assert "href" not in render(f"[x]({path})", LINKS).html


def test_headings_have_ids_that_cannot_name_an_element_of_ours() -> None:
    rendered = render('# Main\n\n## Main\n\n<h2 id="main">x</h2>\n\n[to](#main)')
    assert [heading.id for heading in rendered.headings] == ["user-main", "user-main-1"]
    assert 'id="main"' not in rendered.html
    assert 'href="#user-main"' in rendered.html


def test_tables_and_code_are_dressed() -> None:
    html = render("| a | b |\n|---|--:|\n| 1 | 2 |\n\n```python\nx < 1\n```").html
    assert '<table class="table">' in html
    assert '<td class="n">2</td>' in html
    assert '<pre tabindex="0"><code>x &lt; 1' in html


def test_an_empty_table_head_goes_and_tables_are_told_apart() -> None:
    html = render("|  |  |\n|---|---|\n| 1 | 2 |\n\ntext\n\n| a |\n|---|\n| 1 |").html
    assert html.count("<thead>") == 1
    assert 'aria-label="Table 1"' in html
    assert 'aria-label="Table 2"' in html


def test_a_long_text_is_cut_and_says_so() -> None:
    assert render("a" * (MAX_CHARACTERS + 1)).is_cut
    assert not render("a" * MAX_CHARACTERS).is_cut


@pytest.mark.parametrize("bomb", ["[", "![", "*a_ ", "<div>", "> ", "`", "[a](<b", "|-"])
def test_no_text_takes_long(bomb: str) -> None:
    """A generous bound that only a quadratic blow-up crosses (hundreds of seconds without the guards)."""
    started = time.process_time()
    render(bomb * (MAX_CHARACTERS // len(bomb)))
    assert time.process_time() - started < 15


@pytest.mark.parametrize("host", ["", "http://hub.test", "https://evil.test"])
def test_a_picture_attached_to_a_comment_is_shown_from_this_hub(host: str) -> None:
    name = f"/uploads/{'0a' * 16}.png"
    assert f'src="{name}"' in render(f"![shot]({host}{name})").html
    assert "evil" not in render(f"![shot]({host}{name})").html


@pytest.mark.parametrize("address", ["/uploads/x.png", f"/uploads/{'0a' * 16}.svg", f"/uploads/{'0a' * 16}.png/../x"])
def test_nothing_else_passes_as_attached(address: str) -> None:
    assert "src=" not in render(f"![shot]({address})").html
