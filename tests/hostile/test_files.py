"""Files made to hurt the page that shows them: harmless, and in bounded time, whatever they say they are."""

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from freehold.gitkit.commits import Put
from tests.content.given import commit, repo
from tests.content.publishing import committed, file, large, uploaded
from tests.fixtures.effort import within
from tests.fixtures.people import Cast
from tests.hostile.test_pages import _trouble

HTML = {"Accept": "text/html"}
SCRIPT = "<script>alert(1)</script>"
#: Rounds of work that any page may be (``fixtures.effort``).
PATIENCE = 8_000
MAX_PAGE_CHARACTERS = 6_000_000


def _cells(*outputs: dict[str, Any]) -> str:
    cell = {"cell_type": "code", "source": [SCRIPT], "execution_count": SCRIPT, "outputs": list(outputs)}
    return json.dumps({"nbformat": 4, "metadata": {"language_info": {"name": SCRIPT}}, "cells": [cell] * 300})


BOMBS: dict[str, tuple[str, bytes, str]] = {
    "a line of a megabyte": ("a.py", b"x = '" + b"a" * 1_000_000 + b"'\n", ""),
    "many short lines": ("a.txt", b"\n" * 400_000, ""),
    "5,000 rows": ("a.csv", b"id,word\n" + b"".join(b"%d,<script>\n" % n for n in range(5_000)), ""),
    "10,000 columns": ("a.csv", b",".join(b"c%d" % n for n in range(10_000)) + b"\n" + b"1," * 9_999 + b"1\n", ""),
    "a quotation mark nobody closes": ("a.csv", b'a,b\n"' + b"x,\n" * 200_000, ""),
    "separators only": ("a.tsv", b"\t" * 900_000, ""),
    "JSON 10,000 deep": ("a.json", b"[" * 10_000 + b"]" * 10_000, "tree"),
    "JSON 900 deep": ("a.json", b'{"a":' * 900 + b"1" + b"}" * 900, "tree"),
    "JSON of 100,000 values": ("a.json", b"[" + b"1," * 100_000 + b"1]", "tree"),
    "JSON of 20,000 lists": ("a.json", b"[" + b"[[]]," * 20_000 + b"1]", "tree"),
    "a number of 300,000 digits": ("a.json", b'{"n": ' + b"9" * 300_000 + b"}", "tree"),
    "keys that are scripts": ("a.json", json.dumps({SCRIPT: [SCRIPT], "' onclick=x": None}).encode(), "tree"),
    "lines of JSON, deep": ("a.jsonl", b'{"a":' + b"[" * 9_000 + b"]" * 9_000 + b"}\n", ""),
    "lines of JSON, wide": ("a.jsonl", json.dumps({f"k{n}": n for n in range(20_000)}).encode() + b"\n", ""),
    "a notebook of scripts": (
        "a.ipynb",
        _cells({"output_type": "display_data", "data": {"text/html": SCRIPT}}).encode(),
        "",
    ),
    "a notebook of nothing": ("a.ipynb", b'{"cells": [1, null, {"cell_type": [], "source": {}, "outputs": 7}]}', ""),
    "a notebook that is a list": ("a.ipynb", b"[[]]", ""),
    "pictures that are none": (
        "a.ipynb",
        _cells(
            {"output_type": "display_data", "data": {"image/png": "' onerror=x", "image/svg+xml": "<svg>"}}
        ).encode(),
        "",
    ),
    "a deep output": (
        "a.ipynb",
        b'{"cells":[{"cell_type":"code","outputs":[{"data":{"application/json":' + b"[" * 900 + b"]" * 900 + b"}}]}]}",
        "",
    ),
    "SVG that runs": (
        "a.svg",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>1</script></svg>",
        "",
    ),
    "HTML": ("a.html", f"<html><body onload=alert(1)>{SCRIPT}</body></html>".encode(), ""),
    "bytes that are no UTF-8": ("a.txt", b"\xc3\x28 words " * 10_000, ""),
    "UTF-16 without its mark": ("a.txt", "words".encode("utf-16-le") * 1000, ""),
    "UTF-16 cut in a letter": ("a.txt", b"\xff\xfe" + "\U0001f600".encode("utf-16-le")[:3], ""),
    "a regular expression that backtracks": ("a.rb", b"x = %w(" + b"((((" * 20_000, ""),
    "Markdown of brackets": ("a.md", b"[" * 200_000, ""),
    "directions that turn": ("a.py", "if ok: # \u202e\u2066 }; return\u2069\n".encode() * 1000, ""),
}


@pytest.mark.any_database
@pytest.mark.parametrize("kept", ["git", "large"])
def test_bombs_are_shown_harmless_and_soon(client: TestClient, cast: Cast, kept: str) -> None:
    path = repo(client, cast.alice, "bombs")
    names = {name: f"{number}/{given[0]}" for number, (name, given) in enumerate(BOMBS.items())}
    if kept == "large":
        for _, data, _ in BOMBS.values():
            uploaded(client, cast.alice, path, data)
    line = file if kept == "git" else large
    committed(client, cast.alice, path, *(line(names[name], data) for name, (_, data, _) in BOMBS.items()))
    for name, (_, _, view) in BOMBS.items():
        for wanted in {view, "source"} if kept == "git" else {view}:
            address = f"/{path}/blob/main/{names[name]}?view={wanted}"
            answer = within(PATIENCE, lambda address=address: client.get(address, headers=HTML))
            assert answer.status_code == 200, (name, answer.text)
            assert len(answer.text) < MAX_PAGE_CHARACTERS, name
            assert _trouble(answer.text) == [], name


NAMES = {
    "a script": f"{SCRIPT[:8]}alert(1){SCRIPT[8:].replace('/', '')}.txt",
    "marks that turn": "photo\u202egpj.exe",
    "a quotation mark": "\"' onclick='x'.md",
    "templates": "{{7*7}}{% raw %}.csv",
    "percent": "100%25%2e%2e.json",
    "long": "x" * 250,
}


def test_names_are_shown_as_names_everywhere(client: TestClient, cast: Cast) -> None:
    path = repo(client, cast.alice, "names")
    for given in NAMES.values():
        committed(
            client, cast.alice, path, file(given, "a,b\n1,2\n"), file(f"{given[:200]}.d/{given}", "x"), summary=given
        )
    for given in NAMES.values():
        named, folder = quote(given, safe=""), quote(given[:200], safe="") + ".d"
        for address in (
            f"tree/main/{folder}",
            f"tree/main?search={quote(given[:50])}",
            f"blob/main/{named}",
            f"blob/main/{folder}/{named}",
            f"commits/main/{named}",
        ):
            _check_names(client, f"/{path}/{address}")
    for address in ("tree/main", "commits/main"):
        _check_names(client, f"/{path}/{address}")
    assert client.get(f"/{path}/archive/main").status_code == 200


def _check_names(client: TestClient, address: str) -> None:
    answer = client.get(address, headers=HTML)
    assert answer.status_code == 200, (address, answer.text)
    assert _trouble(answer.text) == [], address
    # What is copied is the name as it is, and a field holds what its visitor typed.
    seen = re.sub(r'(data-copy|value)="[^"]*"', "", answer.text).partition("<main")[2]
    assert "\u202e" not in seen, f"a mark that turns the direction at {address}"


def test_a_name_with_a_line_end_is_told_in_one_line(app: Starlette, client: TestClient, cast: Cast) -> None:
    """No client may name a file so; what was there before that rule is still shown."""
    path = repo(client, cast.alice, "lines")
    commit(app, path, [Put("two\nlines.txt", b"x\n")])
    assert "two[U+000A]lines.txt" in client.get(f"/{path}/tree/main", headers=HTML).text
    assert "two[U+000A]lines.txt" in client.get(f"/{path}/blob/main/two%0Alines.txt", headers=HTML).text


@pytest.mark.any_database
@pytest.mark.parametrize("shape", ["wide", "deep"])
def test_a_tree_of_300_000_files_is_looked_at_and_searched_soon(
    app: Starlette, client: TestClient, cast: Cast, shape: str
) -> None:
    path = repo(client, cast.alice, "forest")
    if shape == "wide":
        changes = [Put(f"data/{n:06}.txt", b"x") for n in range(300_000)]
        last, folder = "data/299999.txt", "data"
    else:
        changes = [Put("/".join(f"{n:02}" for n in range(200)) + f"/{m:06}.txt", b"x") for m in range(3_000)]
        last, folder = changes[-1].path, "/".join(f"{n:02}" for n in range(200))
    commit(app, path, changes)
    # What the head of every page says of a commit is found out once.
    assert client.get(f"/{path}/tree/main", headers=HTML).status_code == 200
    for address in (f"tree/main/{folder}", f"tree/main?search={last[-10:]}", f"blob/main/{last}"):
        answer = within(PATIENCE, lambda address=address: client.get(f"/{path}/{address}", headers=HTML))
        assert answer.status_code == 200, address
        assert len(answer.text) < MAX_PAGE_CHARACTERS
    assert client.get(f"/{path}/archive/main/{folder}").status_code == (413 if shape == "wide" else 200)
