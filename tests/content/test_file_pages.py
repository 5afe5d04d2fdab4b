"""One file as a page: each kind as what it is, and its source beside it."""

import base64
import json
import re
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.content.pages import showing
from freehold.gitkit.commits import Put
from tests.content.given import commit, recipe, repo
from tests.content.publishing import committed, file, large, uploaded
from tests.fixtures.people import Cast

pytestmark = pytest.mark.any_database

HTML = {"Accept": "text/html"}
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Shelf:
    """A repository of Alice's, and its file pages."""

    def __init__(self, app: Starlette, client: TestClient, cast: Cast) -> None:
        self.app, self.client, self.cast = app, client, cast
        self.path = repo(client, cast.alice, "shelf")

    def put(self, name: str, data: bytes | str, *, kept: str = "git") -> None:
        raw = data.encode() if isinstance(data, str) else data
        if kept == "whole":
            uploaded(self.client, self.cast.alice, self.path, raw)
        elif kept == "chunks":
            recipe(self.app, self.path, raw)
        line = file(name, raw) if kept == "git" else large(name, raw)
        committed(self.client, self.cast.alice, self.path, line)

    def get(self, address: str) -> Any:
        return self.client.get(f"/{self.path}/{address}", headers=HTML)

    def page(self, name: str, **query: str) -> str:
        answer = self.client.get(f"/{self.path}/blob/main/{name}", params=query, headers=HTML)
        assert answer.status_code == 200, answer.text
        text: str = answer.text
        return text


@pytest.fixture
def shelf(app: Starlette, client: TestClient, cast: Cast) -> Shelf:
    return Shelf(app, client, cast)


def test_code_is_shown_in_colours_with_lines_to_link_to(shelf: Shelf) -> None:
    shelf.put("train.py", "def main():\r\n    return 'x'\r\n")
    text = shelf.page("train.py")
    assert '<span class="tok-k">return</span>' in text and 'id="L2"' in text and 'id="L3"' not in text
    assert "2 lines" in text and 'data-module="lines"' in text


def test_code_stays_plain_where_no_colours_come(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showing, "highlight", lambda *_, **__: None)
    shelf.put("plain.py", "return '<x>'\n")
    assert '<td class="src">return &#39;&lt;x&gt;&#39;</td>' in shelf.page("plain.py")


@pytest.mark.parametrize("kept", ["git", "whole", "chunks"])
def test_a_table_shows_its_first_rows_however_it_is_kept(shelf: Shelf, kept: str) -> None:
    rows = "".join(f'{n},"a, {n}",{n / 7:.3f}\n' for n in range(120_000))
    shelf.put("train.csv", "id,words,score\n" + rows, kept=kept)
    text = shelf.page("train.csv")
    assert '<th scope="col" class="n">id</th>' in text and ">words</th>" in text
    assert "<td>a, 199</td>" in text and "<td>a, 200</td>" not in text
    assert "The first 200 rows of a file of 3.2\u00a0MB" in text
    source = shelf.page("train.csv", view="source")
    assert 'id="L1"' in source and "of a file of 3.2\u00a0MB" in source and "id=&#34;L5001" not in source


def test_lines_of_json_are_a_table_too(shelf: Shelf) -> None:
    shelf.put("a.jsonl", '{"a": 1, "b": {"c": [true]}}\n{"a": null, "d": "<b>"}\n')
    text = shelf.page("a.jsonl")
    assert all(f">{name}</th>" in text for name in "abd") and "2 rows." in text
    assert "{&#34;c&#34;: [true]}" in text and "&lt;b&gt;" in text


def test_what_is_no_table_is_shown_as_it_is_and_says_why(shelf: Shelf) -> None:
    shelf.put("a.jsonl", '{"a": 1}\nnot json\n')
    text = shelf.page("a.jsonl")
    assert "Line 2 is not JSON." in text and 'id="L2"' in text


def test_json_is_read_as_it_is_written_and_as_a_tree(shelf: Shelf) -> None:
    shelf.put("config.json", '{"layers": 6, "rate": 1e-05, "names": ["a", "<b>"], "on": true}')
    assert "tok-" in shelf.page("config.json") and "?view=tree" in shelf.page("config.json")
    tree = shelf.page("config.json", view="tree")
    assert '<span class="tok-n">1e-05</span>' in tree and "&lt;b&gt;" in tree and "{ 4 keys }" in tree


def test_markdown_is_rendered_with_its_links_and_without_its_front_matter(shelf: Shelf) -> None:
    shelf.put("docs/guide.md", "---\nlicense: mit\n---\n# Guide\n[next](next.md) ![p](p.png) <script>x</script>\n")
    text = shelf.page("docs/guide.md")
    assert "license: mit" not in text and f'href="/{shelf.path}/blob/main/docs/next.md"' in text
    assert f'src="/{shelf.path}/resolve/main/docs/p.png"' in text
    assert "license: mit" in shelf.page("docs/guide.md", view="source")


def _notebook(*cells: dict[str, Any]) -> str:
    return json.dumps({"nbformat": 4, "metadata": {"language_info": {"name": "python"}}, "cells": list(cells)})


def test_a_notebook_shows_cells_and_pictures_and_no_html(shelf: Shelf) -> None:
    picture = base64.b64encode(PIXEL).decode()
    outputs = [
        {"output_type": "stream", "text": ["\u001b[31mred\u001b[0m\n"]},
        {"output_type": "display_data", "data": {"image/png": picture}},
        {"output_type": "display_data", "data": {"image/png": base64.b64encode(b"<script>").decode()}},
        {"output_type": "display_data", "data": {"text/html": ["<script>alert(1)</script>"], "text/plain": "42"}},
        {"output_type": "error", "traceback": ["ValueError: <x>"]},
    ]
    shelf.put(
        "a.ipynb",
        _notebook(
            {"cell_type": "markdown", "source": ["# Title\n", "<script>alert(1)</script>"]},
            {"cell_type": "code", "execution_count": 3, "source": "import os", "outputs": outputs},
        ),
    )
    answer = shelf.get("blob/main/a.ipynb")
    text = answer.text
    assert 'id="user-content-title"' in text and '<span class="tok-k">import</span>' in text and "[3]" in text
    assert f'src="data:image/png;base64,{picture}"' in text and text.count("data:image/") == 1
    assert "<script>alert" not in text and "HTML is not shown" in text and ">42</pre>" in text
    assert ">red\n</pre>" in text and "ValueError: &lt;x&gt;" in text and "is none" in text
    policy = answer.headers["content-security-policy"]
    assert "img-src 'self' data:" in policy and "script-src 'self';" in policy


@pytest.mark.parametrize(
    ("name", "mark", "policy"),
    [
        ("a.png", "<img src=", "img-src 'self';"),
        ("a.svg", "<img src=", "img-src 'self';"),
        ("a.flac", "<audio controls", "media-src 'self'"),
        ("a.webm", "<video controls", "media-src 'self'"),
        ("a.pdf", "<iframe", "frame-src 'self'"),
    ],
)
def test_browsers_show_what_they_can_from_this_hub(shelf: Shelf, name: str, mark: str, policy: str) -> None:
    shelf.put(name, b"<svg onload=alert(1)>" + PIXEL)
    answer = shelf.get(f"blob/main/{name}")
    assert mark in answer.text and f"/{shelf.path}/resolve/main/{name}" in answer.text
    assert "<svg onload" not in answer.text
    assert policy in answer.headers["content-security-policy"] + ";"


def test_bytes_that_are_no_text_say_what_they_are(shelf: Shelf) -> None:
    shelf.put("weights.bin", b"\x80\x02\x00\xffPK", kept="whole")
    text = shelf.page("weights.bin")
    assert "often a pickle, which can run code" in text and "80 02 00 ff 50 4b" in text
    assert "one object (LFS)" in text and re.search(r"sha256</dt>", text)


def test_a_pointer_without_bytes_says_so(app: Starlette, client: TestClient, cast: Cast) -> None:
    path = repo(client, cast.alice, "hollow")
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 123\n"
    commit(app, path, [Put("w.bin", pointer.encode())])
    text = client.get(f"/{path}/blob/main/w.bin", headers=HTML).text
    assert "not on this hub" in text


def test_a_text_may_be_changed_by_hand_where_the_name_moves_on(shelf: Shelf) -> None:
    shelf.put("a.txt", "x")
    assert f"/{shelf.path}/edit/main/a.txt" in shelf.page("a.txt")
    permanent = re.search(r'href="(/[^"]+/blob/[0-9a-f]{40}/a.txt)"', shelf.page("a.txt"))
    assert permanent is not None
    assert "/edit/" not in shelf.client.get(permanent[1], headers=HTML).text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xfe" + "größe\n".encode("utf-16-le"), ("größe", "Written in UTF-16.")),
        (b"\xfe\xff" + "größe\n".encode("utf-16-be"), ("größe", "Written in UTF-16.")),
        (b"\xef\xbb\xbfplain\n", ('<td class="src">plain</td>',)),
        (b"caf\xe9 and a long enough line of it\n", ("caf\ufffd and", "Not all of it is UTF-8")),
        ("x = '\u202e'\n".encode(), ("turn the direction of reading",)),
        (b"", ("1 line",)),
    ],
)
def test_text_is_read_in_what_it_is_written(shelf: Shelf, data: bytes, words: tuple[str, ...]) -> None:
    shelf.put("words.unknown", data)
    text = shelf.page("words.unknown")
    assert all(word in text for word in words)
