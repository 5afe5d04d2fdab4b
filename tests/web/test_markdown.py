"""Markdown of strangers: what shows, where it leads, and what never passes."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.web import apart, formulas
from freehold.web.dialect import MAX_CELLS
from freehold.web.markdown import _TAGS, MAX_CHARACTERS, Links, render
from tests.fixtures.effort import within

LINKS = Links("/demo/m/blob/main/", "/demo/m/resolve/main/", "docs/")


def test_relative_links_lead_into_the_repository() -> None:
    html = render("[a](more.md#x) [b](../LICENSE) [c](/top.md) [d](sub/a%20b.md)", LINKS).html
    assert 'href="/demo/m/blob/main/docs/more.md#x"' in html
    assert 'href="/demo/m/blob/main/LICENSE"' in html
    assert 'href="/demo/m/blob/main/top.md"' in html
    assert 'href="/demo/m/blob/main/docs/sub/a%20b.md"' in html


def test_pictures_of_the_repository_show_and_foreign_ones_become_links_that_say_so() -> None:
    html = render("![plan](plan.png) ![badge](https://tracker.example/x.svg)", LINKS).html
    assert '<img loading="lazy" src="/demo/m/resolve/main/docs/plan.png" alt="plan">' in html
    assert html.count("<img") == 1
    assert 'href="https://tracker.example/x.svg"' in html
    assert "badge <span>(picture elsewhere: tracker.example)</span></a>" in html


@pytest.mark.parametrize(
    "text", ['<img src="https://a.example/x.png" onerror=x>', '<p align="center"><img src="http://a.example/x"></p>']
)
def test_foreign_pictures_of_html_become_links_too(text: str) -> None:
    html = render(text, LINKS).html
    assert "<img" not in html
    assert ">picture elsewhere: a.example</a>" in html


def test_a_foreign_picture_in_a_link_leaves_its_words() -> None:
    html = render("[![Open in Colab](https://a.example/x.svg)](https://b.example/x)", LINKS).html
    assert html.count("<a ") == 1
    assert 'title="picture elsewhere: a.example">Open in Colab</span></a>' in html


def test_pictures_keep_their_size_and_place() -> None:
    html = render('<p align="center"><img src="a.png" width="60%" height="40" align=right style="x"></p>', LINKS).html
    assert '<p align="center"><img loading="lazy" src="/demo/m/resolve/main/docs/a.png"' in html
    assert 'width="60%" height="40" align="right">' in html


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
    assert [heading.id for heading in rendered.headings] == ["user-content-main", "user-content-main-1"]
    assert 'id="main"' not in rendered.html
    assert 'href="#user-content-main" aria-label="Link to “Main”"' in rendered.html
    assert 'href="#user-content-main"' in rendered.html


def test_tables_and_code_are_dressed() -> None:
    html = render("| a | b |\n|---|--:|\n| 1 | 2 |\n\n```python\nx < 1\n```").html
    assert '<table class="table">' in html
    assert '<td class="n">2</td>' in html
    assert '<pre tabindex="0"><code>x <span class="tok-p">&lt;</span> <span class="tok-n">1</span>' in html
    assert "<span>Python</span>" in html
    assert "data-copy" in html


def test_an_empty_table_head_goes_and_tables_are_told_apart() -> None:
    html = render("|  |  |\n|---|---|\n| 1 | 2 |\n\ntext\n\n| a |\n|---|\n| 1 |").html
    assert html.count("<thead>") == 1
    assert 'aria-label="Table 1"' in html
    assert 'aria-label="Table 2"' in html


def test_a_long_text_is_cut_and_says_so() -> None:
    assert render("a" * (MAX_CHARACTERS + 1)).is_cut
    assert not render("a" * MAX_CHARACTERS).is_cut


BOMBS = {
    "one line": "a" * 1_000_000,
    "headings": "# a\n\n" * 10_000,
    "quotations": ">" * 10_000 + " a",
    "lists": "- " * 10_000 + "a",
    "deep lists": "".join("  " * level + "- a\n" for level in range(400)),
    "rows": "| a | b |\n|---|--:|\n" + "| 1 | 2 |\n" * 5_000,
    "cells": "|" + "a|" * 3_000 + "\n|" + "-|" * 3_000 + "\n" + "b\n" * 20_000,
    "cells of many tables": ("|" + "a|" * 256 + "\n|" + "-|" * 256 + "\n" + "b\n" * 250 + "\n") * 60,
    "brackets": "[" * 100_000,
    "brackets in paragraphs": ("[" * 790 + "\n\n") * 120,
    "links": ("[a](" * 790 + "\n\n") * 30,
    "notes": "".join(f"[^{number}] " for number in range(8_000)) + "\n\n" + "[^1]: x\n\n" * 5_000,
    "formulas": "$x^2$ " * 16_000,
    "fractions": "$" + "\\frac{" * 10_000 + "$",
    "dollars": "$$a" * 30_000,
    "macros": "$" + "\\def\\a{\\a\\a}\\a" * 90 + "$",
    "code": "```python\nx = 1\n```\n\n" * 4_500,
    "long code": "```python\n" + "def f(x): return 'a' + x\n" * 4_000 + "```",
    "addresses": "https://a.b/" * 8_000,
    "admonitions": "> [!NOTE]\n> a\n\n" * 5_500,
} | {sign: sign * (MAX_CHARACTERS // len(sign)) for sign in ("![", "*a_ ", "<div>", "`", "[a](<b", "|-", "<!--", "\\(")}


@pytest.mark.parametrize("bomb", BOMBS)
def test_no_text_takes_long(bomb: str) -> None:
    """Each is some 500 rounds or less; with the square of its length they would be many thousands."""
    within(2_000, lambda: render(BOMBS[bomb], LINKS))


@pytest.mark.parametrize("bomb", ["cells", "cells of many tables"])
def test_tables_have_so_many_cells_and_the_text_says_that_it_is_cut(bomb: str) -> None:
    rendered = render(BOMBS[bomb][:MAX_CHARACTERS] + "\n\n# After", LINKS)
    assert rendered.is_cut
    assert MAX_CELLS / 2 < rendered.html.count("<td") <= MAX_CELLS
    assert "<p>b" not in rendered.html, "rows that are left out are no paragraph"


@pytest.mark.parametrize(("rows", "is_cut"), [(150, False), (300, True)])
def test_what_stands_after_a_table_that_is_cut_is_read_on(rows: int, is_cut: bool) -> None:
    wide = "> |" + "a|" * 100 + "\n> |" + "-|" * 100 + "\n" + "> b\n" * rows
    rendered = render(f"{wide}\nWords.\n\n# After")
    assert rendered.is_cut is is_cut
    assert "<p>Words.</p>" in rendered.html
    assert [heading.text for heading in rendered.headings] == ["After"]


def test_links_of_many_paragraphs_stay_until_they_are_too_much_work() -> None:
    html = render(BOMBS["links"] + "[b](c)", LINKS).html
    assert 'href="/demo/m/blob/main/docs/c"' in html
    assert "[[[" in render(BOMBS["brackets in paragraphs"]).html


@pytest.mark.parametrize("host", ["", "http://hub.test", "https://evil.test"])
def test_a_picture_attached_to_a_comment_is_shown_from_this_hub(host: str) -> None:
    name = f"/uploads/{'0a' * 16}.png"
    assert f'src="{name}"' in render(f"![shot]({host}{name})").html
    assert "evil" not in render(f"![shot]({host}{name})").html


@pytest.mark.parametrize("address", ["/uploads/x.png", f"/uploads/{'0a' * 16}.svg", f"/uploads/{'0a' * 16}.png/../x"])
def test_nothing_else_passes_as_attached(address: str) -> None:
    assert "src=" not in render(f"![shot]({address})").html


# ---- what cards of the public hub are written in ---------------------------------------------------------------------


def test_a_quotation_of_that_kind_is_a_notice() -> None:
    html = render("> [!WARNING]\n> Not for **use**.\n\n> [!tip]\n\n> [!OTHER]\n> x").html
    assert '<div class="notice is-warn">' in html
    assert '<p class="notice-title">Warning</p>\n<p>Not for <strong>use</strong>.</p>' in html
    assert '<p class="notice-title">Tip</p>' in html
    assert "<blockquote>\n<p>[!OTHER]" in html


def test_tasks_say_whether_they_are_done() -> None:
    html = render("- [ ] one\n- [x] two\n- [y] three\n- [ ]").html
    assert '<li class="task"><span class="box is-open"></span><span class="sr">open: </span>one</li>' in html
    assert '<span class="sr">done: </span>two' in html
    assert html.count('class="task"') == 2


def test_notes_stand_at_the_end_in_the_order_of_their_use() -> None:
    html = render(
        "A[^b] and[^a] again[^b], not [^c].\n\n[^a]: First.\n[^b]: *Second*.\n\n    More.\n[^d]: Unused."
    ).html
    assert html.index("<em>Second</em>") < html.index("First.")
    assert '<sup id="user-content-fnref-b"><a href="#user-content-fn-b" aria-label="Note 1"' in html
    assert '<li id="user-content-fn-b">' in html
    assert html.count('href="#user-content-fnref-b"') == 1
    assert "[^c]" in html
    assert "Unused" not in html


def test_addresses_that_are_written_out_are_links() -> None:
    html = render("See https://a.example/b_c_d, (www.b.example) and `https://c.example` [x](https://d.example/y).").html
    assert 'href="https://a.example/b_c_d" rel="nofollow noopener noreferrer">https://a.example/b_c_d</a>,' in html
    assert 'href="http://www.b.example"' in html
    assert html.count("<a ") == 3


def test_details_and_emoji_words_stay() -> None:
    html = render("<details open><summary>More</summary>\n\n**b** :hugs:\n\n</details>").html
    assert '<details open=""><summary>More</summary>' in html
    assert "<strong>b</strong> :hugs:" in html


@pytest.mark.parametrize(
    "text",
    [
        "$x^2$",
        "\\\\(x^2\\\\)",
        "\\(x^2\\)",
        "$$x^2$$",
        "$$\nx^2\n$$",
        "\\[\nx^2\n\\]",
        "\\\\[ x^2 \\\\]",
        "```math\nx^2\n```",
        "$`x^2`$",
        "# $x^2$",
        "| $x^2$ |\n|---|",
    ],
)
def test_formulas_are_drawn(text: str) -> None:
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in render(text).html


@pytest.mark.parametrize(
    "formula",
    [
        "\\begin{aligned} a &= b \\\\ c &= d \\end{aligned}",
        "\\begin{cases} 1 & x > 0 \\\\ 0 & \\text{otherwise} \\end{cases}",
        "\\begin{equation} a = b \\label{eq:1} \\end{equation}",
        "\\mathbb{E}_{x \\sim p}\\left[ \\log D(x) \\right] \\nonumber",
        "\\operatorname*{arg\\,max}_{\\theta} \\|x\\|_2^2",
    ],
)
def test_what_papers_write_is_drawn(formula: str) -> None:
    html = render(f"$$\n{formula}\n$$").html
    assert "<math" in html
    assert "&amp;" not in html
    assert "\\" not in html


def test_names_of_functions_stand_apart_from_letters() -> None:
    html = render("$2\\log x + \\exp(y)$").html
    gap = '<mspace width="0.167em"></mspace>'
    assert f"<mn>2</mn>{gap}<mi>log</mi>{gap}<mi>x</mi>" in html
    assert html.count(gap) == 2


@pytest.mark.parametrize(
    "text",
    ["$5 and $6", "US$5 or CA$6", "`$x$`", "\\(see below, please\\)", "\\[1\\]", "$ x $", "a $HOME/$USER b", "$$"],
)
def test_what_is_no_formula_stays_text(text: str) -> None:
    assert "<math" not in render(text).html


@pytest.mark.parametrize(
    "formula",
    [
        "\\href{javascript:alert(1)}{x}",
        "\\style{x}{y}",
        "\\text{<script>alert(1)</script>}",
        "\\class{a}{\\cssId{b}{x}}",
        '\\color{"><script>}{x}',
        "\\hspace{99999em}x",
    ],
)
def test_no_formula_brings_more_than_a_formula(formula: str) -> None:
    assert Tags(render(f"$${formula}$$").html).wrong == []


@pytest.mark.parametrize("formula", ["\\nobody{x}", "\\frac{" * 40, "x" * (formulas.MAX_CHARACTERS + 1), "\\left("])
def test_what_cannot_be_drawn_is_shown_as_it_was_written(formula: str) -> None:
    html = render(f"$${formula}$$").html
    assert "<math" not in html
    assert formula[:40] in html


def test_without_the_process_apart_code_and_formulas_are_shown_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart.drawn, "_ask", lambda question: b"null")
    html = render("$x^2$\n\n```python\nx = 1\n```").html
    assert "<code>$x^2$</code>" in html
    assert "<code>x = 1\n</code>" in html


# ---- what never passes -----------------------------------------------------------------------------------------------


class Tags(HTMLParser):
    """What is in HTML that should not be: read by another parser than the one that cut it down."""

    TAGS = _TAGS | formulas.ELEMENTS | {"button", "svg", "use"}
    ATTRIBUTES = set(formulas.ATTRIBUTES) | {
        *("align", "alt", "aria-hidden", "aria-label", "class", "colspan", "data-copy", "data-said", "dir", "height"),
        *("href", "id", "loading", "name", "open", "rel", "role", "rowspan", "scope", "src", "start", "tabindex"),
        *("title", "type", "width"),
    }
    CLASSES = re.compile(
        r"anchor|back|box is-(open|done)|button is-quiet is-small push|code(-head)?|elsewhere|footnotes|icon|n|sr|task"
        r"|formula( is-block)?|notice is-(info|warn|done|danger)|notice-title|table(-wrap)?|tok-\w+"
    )
    ADDRESS = re.compile(r"https?://|mailto:|#|/")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.TAGS:
            self.wrong.append(tag)
        for name, value in attrs:
            if name not in self.ATTRIBUTES:
                self.wrong.append(f"{tag} {name}")
            if name == "class" and not self.CLASSES.fullmatch(value or ""):
                self.wrong.append(f"class {value}")
            if name in ("href", "src") and not self.ADDRESS.match(value or ""):
                self.wrong.append(f"{name} {value}")
            if name in ("id", "name") and not (value or "").startswith("user-content-"):
                self.wrong.append(f"{name} {value}")


PIECES = [
    *("<script>", "</script>", "<img src=x onerror=alert(1)>", "<a href='javascript:x'>", "<svg onload=x>", "<style>"),
    *('<td scope="', '<details open="', '<div class="', '<h1 id="', '<abbr title="', '">', "'>", "-->", "<!--", "</a>"),
    *(
        "<math><mtext>",
        "</math>",
        "<table>",
        "</table>",
        "<pre>",
        "</pre>",
        "<p>",
        "<li>",
        "\n\n",
        "\n",
        "> ",
        "- ",
        "    ",
    ),
    *("$x^2$", "$$\\href{javascript:x}{y}$$", "```python\nx<1\n```\n", "# h\n", "> [!NOTE]\n", "[^1]", "\n[^1]: n\n"),
    *(
        "[a](javascript:x)",
        '![a](https://e.example/x"y)',
        'https://e.example/"><b>',
        "| a |\n|--:|\n| $y$ |\n",
        "- [x] d\n",
    ),
    *("data:text/html,x", "&lt;script&gt;", "\x00", "\u202e", "{{7*7}}", "&#106;avascript:", "\\", "`", "*", "_"),
]


@settings(max_examples=250)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), max_size=14))
def test_whatever_is_written_nothing_foreign_passes(pieces: list[str]) -> None:
    html = render("".join(pieces), LINKS).html
    assert Tags(html).wrong == []
    assert not re.search(r"[0-9a-f]{16}-(code|formula|icon)-", html)
