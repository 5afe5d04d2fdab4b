"""Patterns as git reads them; hostile ones cost nothing."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.gitkit.attributes import ignored, is_lfs
from tests.fixtures.effort import within

LFS = "filter=lfs diff=lfs merge=lfs -text"


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        (f"*.bin {LFS}", "a/b.bin", True),
        (f"*.bin {LFS}", "a/b.txt", None),
        (f"*.bin {LFS}\nkeep.bin -filter", "x/keep.bin", False),
        (f"*.bin {LFS}\n*.bin filter=other", "b.bin", False),
        (f"*.bin {LFS}\n*.bin !filter", "b.bin", False),
        ("*.bin -text\n", "b.bin", None),
        (f"saved_model/**/* {LFS}", "saved_model/x/y.pb", True),
        (f"*tfevents* {LFS}", "logs/a.tfevents.1", True),
        (f"/top {LFS}", "sub/top", None),
        (f"dir {LFS}", "dir/file", None),
        (f"dir/ {LFS}", "dir/file", None),
        (f"dir/** {LFS}", "dir/a/file", True),
        (f"# *.bin {LFS}", "b.bin", None),
        (f"!*.bin {LFS}", "b.bin", None),
        (f'"a b.txt" {LFS}', "x/a b.txt", True),
        (f"*.BIN\t{LFS}\r", "a.BIN", True),
        (f"a[ {LFS}", "a[", None),
    ],
)
def test_attributes(text: str, path: str, expected: bool | None) -> None:
    assert is_lfs(text, path) is expected


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("*.log", "a/b.log", True),
        ("*.log\n!keep.log", "keep.log", False),
        ("build/", "build/x/y", True),
        ("build/", "build", False),
        ("build/\n!build/x", "build/x", True),  # what lies in an ignored directory cannot be called back
        ("build/**\n!build/x", "build/x", False),
        ("/only", "sub/only", False),
        ("a/**/z", "a/b/c/z", True),
        ("# comment\n\n", "comment", False),
        (r"\#x", "#x", True),
    ],
)
def test_ignoring(text: str, path: str, expected: bool) -> None:
    assert ignored(text, path) is expected


def test_stars_do_not_explode() -> None:
    """Minutes, where a star may try every run."""
    assert within(2_000, lambda: is_lfs(f"{'*a' * 40}b {LFS}", "a" * 250)) is None
    assert within(2_000, lambda: ignored("*a?" * 40 + "b", "a" * 250)) is False
    assert within(2_000, lambda: ignored("**/a" * 40, "a/" * 100 + "b")) is False
    assert within(2_000, lambda: ignored("*[a/]" * 30 + "b", "a" * 250)) is False


ALPHABET = st.sampled_from(["a", "b", "ab", "*", "?", "**", "/", ".", "[ab]", "*a", "b*"])
SEGMENTS = st.lists(st.sampled_from(["a", "b", "ab", "ba", "a.b", "aab"]), min_size=1, max_size=4).map("/".join)


@pytest.fixture(scope="module")
def bare_checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("attributes")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root


def test_random_patterns_agree_with_git(bare_checkout: Path) -> None:
    @settings(max_examples=300, deadline=None)
    @given(st.lists(ALPHABET, min_size=1, max_size=6).map("".join), st.lists(SEGMENTS, min_size=1, max_size=6))
    def agrees(pattern: str, paths: list[str]) -> None:
        if pattern.count("**") > 2 or "***" in pattern or pattern.startswith("//") or "//" in pattern:
            return
        (bare_checkout / ".gitattributes").write_text(f"{pattern} filter=lfs\n")
        out = subprocess.run(
            ["git", "-C", str(bare_checkout), "check-attr", "filter", "--", *paths],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        git_says = [line.endswith(": lfs") for line in out.splitlines()]
        assert [bool(is_lfs(f"{pattern} filter=lfs", path)) for path in paths] == git_says, pattern

    agrees()
