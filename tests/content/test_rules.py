"""Paths, names and the LFS decision, on any input."""

import subprocess
import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from freehold.content import rules
from freehold.content.errors import BadPath, BadRef

PIECES = st.sampled_from(
    ["..", ".", "/", "\\", ".git", ".GIT", "a", "b.txt", " ", "\0", "\n", ":", "~1", "git", "\u200c"]
)
HOSTILE = st.lists(PIECES, max_size=8).map("".join)


def _allowed(path: str) -> bool:
    try:
        return rules.checked_path(path) == path
    except BadPath as err:
        assert err.status == 422
        assert err.message.isascii()  # it may quote what no terminal should see
        return False


@given(st.one_of(st.text(max_size=60), HOSTILE))
@example("a/../../b")
def test_an_allowed_path_stays_inside_its_folder(path: str) -> None:
    assume(_allowed(path))
    for flavour in (PurePosixPath, PureWindowsPath):
        # A colon makes a drive or a stream on Windows alone; clients there refuse it themselves.
        if flavour is PureWindowsPath and ":" in path:
            continue
        parts = flavour(path).parts
        assert ".." not in parts
        assert not flavour(path).is_absolute()
        assert ".git" not in [part.lower() for part in parts]
    assert path == "/".join(part for part in path.split("/") if part)
    assert not any(unicodedata.category(char) == "Cc" for char in path)
    assert len(path.encode()) <= rules.MAX_PATH_BYTES


@given(HOSTILE)
def test_any_name_git_protects_is_refused(path: str) -> None:
    for name in path.split("/"):
        if name.lower().rstrip(". ") == ".git":
            assert not _allowed(path)


@given(st.lists(st.text("abcXYZ019-_ .ünï日", min_size=1, max_size=20), min_size=1, max_size=5))
def test_ordinary_names_are_allowed(parts: list[str]) -> None:
    assume(not any(part in (".", "..") for part in parts))
    assert _allowed("/".join(parts))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("refs")
    subprocess.run(["git", "init", "-q", "--bare", str(path)], check=True)
    return path


NAMES = [
    "x", "a/b", "v1.0", "a.lock", "a..b", "a b", ".a", "a.", "a/", "/a", "a//b", "a@{b", "a~", "a^", "a:", "a?", "a*",
    "-a", "a[", "a\\b", "a\x7f", "@", "ä", "日本", "a/.b", "a/b.lock", "a-", "@a", "a@b", "{a}", "a.b.c", "a./b",
    "a.lock/b",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_allowed_name_is_one_for_git(name: str) -> None:
    try:
        rules.checked_branch(name)
    except BadRef:
        return
    checked = subprocess.run(["git", "check-ref-format", "--branch", name], capture_output=True, check=False)
    assert checked.returncode == 0


def test_the_first_files_send_weights_through_lfs() -> None:
    attributes = {"": rules.first_files("model", "m", None)[".gitattributes"].decode()}
    for name in (
        "model.safetensors",
        "a/b.bin",
        "x.gguf",
        "runs/events.out.tfevents.1",
        "saved_model/1/x",
        "d.parquet",
    ):
        assert rules.upload_mode(name, 1, b"text", attributes, max_inline_bytes=100) == "lfs", name
    for name in ("config.json", "README.md", "tokenizer.json", "saved_models/x"):
        assert rules.upload_mode(name, 1, b"text", attributes, max_inline_bytes=100) == "regular", name


@pytest.mark.parametrize(
    ("sample", "binary"),
    [
        (b"", False),
        (b"hello", False),
        (b"a\0b", True),
        (b"\xff\xfe", True),
        ("é".encode()[:1], False),  # cut by the sample's end
        ("日本".encode()[:5], False),
        (b"\xe9 cafe", True),
        ("\ufeffbom".encode(), False),
    ],
)
def test_what_looks_binary(sample: bytes, binary: bool) -> None:
    assert rules.is_binary(sample) is binary
