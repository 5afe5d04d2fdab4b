"""A folder as a page, and the search in names."""

import re

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.content import queries
from freehold.content.pages import shared, trees
from freehold.gitkit.commits import Put
from tests.content.given import commit, recipe, repo
from tests.content.publishing import committed, deleted, file, large, uploaded
from tests.fixtures.people import Cast

HTML = {"Accept": "text/html"}


@pytest.fixture
def path(app: Starlette, client: TestClient, cast: Cast) -> str:
    path = repo(client, cast.alice, "wood")
    uploaded(client, cast.alice, path, b"w" * 3000)
    recipe(app, path, b"chunks" * 30_000)
    files = [file(f"docs/deep/page-{n:02}.md", f"# {n}\n") for n in range(12)]
    lines = (file("README.md", "# Wood\n"), file("docs/readme.txt", "<b>plain</b>"), large("w.bin", b"w" * 3000))
    chunked = large("c.bin", b"chunks" * 30_000)
    committed(client, cast.alice, path, deleted(".gitattributes"), *lines, chunked, *files, summary="Plant it")
    return path


def _page(client: TestClient, address: str) -> str:
    answer = client.get(address, headers=HTML)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_a_folder_lists_what_it_holds_folders_first(client: TestClient, path: str) -> None:
    text = _page(client, f"/{path}/tree/main")
    rows = re.findall(r'class="entry" href="([^"]+)"', text)
    assert rows == [
        f"/{path}/tree/main/docs",
        *(f"/{path}/blob/main/{name}" for name in ("README.md", "c.bin", "w.bin")),
    ]
    assert ">LFS</td>" in text and ">Xet</td>" in text and 'title="3,000 bytes"' in text
    assert text.count("Plant it") >= 5 and 'href="/alice"' in text
    assert 'id="user-content-wood"' in text and f"/{path}/archive/main" in text


def test_a_readme_without_markup_is_shown_as_words(client: TestClient, path: str) -> None:
    text = _page(client, f"/{path}/tree/main/docs")
    assert "&lt;b&gt;plain&lt;/b&gt;" in text and f'href="/{path}/commits/main/docs"' in text


def test_names_are_found_by_all_words_in_any_case(client: TestClient, path: str) -> None:
    text = _page(client, f"/{path}/tree/main?search=PAGE+07")
    assert f'href="/{path}/blob/main/docs/deep/page-07.md"' in text and "page-08" not in text
    assert "1 name has" in text and 'value="PAGE 07"' in text
    below = _page(client, f"/{path}/tree/main/docs/deep?search=docs")
    assert "No file or folder has “docs” in docs/deep" in below
    own = re.findall(r'class="entry" href="([^"]+)"', _page(client, f"/{path}/tree/main?search=deep"))
    assert own[0] == f"/{path}/tree/main/docs/deep" and len(own) == 13


def test_a_search_that_finds_too_much_says_so(client: TestClient, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "FOUND", 5)
    assert "more than 5" in _page(client, f"/{path}/tree/main?search=page")
    monkeypatch.setattr(queries, "MAX_NAMES_SEARCHED", 3)
    assert "The first 3 names" in _page(client, f"/{path}/tree/main?search=nothing")


def test_a_large_folder_comes_in_pages(client: TestClient, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "ROWS", 5)
    seen: list[str] = []
    address = f"/{path}/tree/main/docs/deep"
    for said in ("1–5 of 12", "6–10 of 12", "11–12 of 12"):
        text = _page(client, address)
        seen += re.findall(r"/(page-\d\d)\.md", text)
        assert said in text
        following = re.search(r'href="([^"]+)" rel="next"', text)
        address = following[1] if following else ""
    assert address == "" and list(dict.fromkeys(seen)) == [f"page-{n:02}" for n in range(12)]


def test_many_branches_keep_the_one_that_is_shown(
    client: TestClient, cast: Cast, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "MAX_NAMES", 3)
    for name in ("a", "b", "c", "zz"):
        client.post(f"/api/models/{path}/branch/{name}", headers=cast.alice.headers)
    text = _page(client, f"/{path}/tree/zz/docs")
    assert f'href="/{path}/tree/zz/docs" aria-current="true"' in text and "2 more are not listed" in text


def test_history_is_told_day_by_day_with_who_and_where(client: TestClient, cast: Cast, path: str) -> None:
    oid = committed(client, cast.alice, path, file("a.txt", "x"), summary="Cut <b>it</b>")
    text = _page(client, f"/{path}/commits/main")
    assert text.count('class="day-head"') == 1 and "Cut &lt;b&gt;it&lt;/b&gt;" in text
    assert f'href="/{path}/tree/{oid}"' in text and 'href="/alice"' in text


def test_an_empty_folder_is_no_error(app: Starlette, client: TestClient, cast: Cast) -> None:
    path = repo(client, cast.alice, "bare")
    committed(client, cast.alice, path, deleted(".gitattributes"))
    assert "No files here yet" in _page(client, f"/{path}/tree/main")
    commit(app, path, [Put("a", b"b")])
    assert client.get(f"/{path}/tree/main/none", headers=HTML).status_code == 404
