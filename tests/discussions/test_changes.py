"""Comparisons: of revisions, of a commit, of what two sides clash about."""

import json
import struct
from typing import Any

import pytest
from starlette.testclient import TestClient

from freehold.cards.changes import MAX_CHANGES, differences
from freehold.discussions import rules
from tests.content.given import repo
from tests.content.publishing import commit, committed, copied, deleted, file, large, tree, uploaded
from tests.discussions.talking import details, post
from tests.discussions.test_pulls import head, proposed
from tests.fixtures.people import Cast


@pytest.fixture
def path(client: TestClient, cast: Cast) -> str:
    path = repo(client, cast.alice, "m")
    committed(client, cast.alice, path, file("a", "one\ntwo\nthree\n"), file("old", "same\n" * 5))
    return path


def compared(client: TestClient, path: str, spec: str) -> Any:
    answer = client.get(f"/api/models/{path}/compare/{spec}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def changed(client: TestClient, cast: Cast, path: str, before: bytes, after: bytes, name: str = "f.json") -> Any:
    """The one file of a comparison of two of its versions, sent as large where they are weights."""
    oids = []
    for data in (before, after):
        line = file(name, data)
        if name.endswith((".safetensors", ".gguf", ".onnx")):
            uploaded(client, cast.alice, path, data)
            line = large(name, data)
        oids.append(committed(client, cast.alice, path, line))
    (shown,) = compared(client, path, "..".join(oids))["files"]
    return shown


# ---- files and lines ---------------------------------------------------------------------------------------


def test_files_lines_names_and_modes(client: TestClient, cast: Cast, path: str) -> None:
    before = head(client, path)
    lines = [file("a", "one\n2\nthree"), copied("old", "new"), deleted("old"), file("bin", b"\0\1"), file("é <b>", "x")]
    committed(client, cast.alice, path, *lines, summary="Many things")
    found = compared(client, path, f"{before}...main")
    assert [info["title"] for info in found["commits"]] == ["Many things"] and found["totalCommits"] == 1
    files = {item["path"]: item for item in found["files"]}
    assert {name: item["status"] for name, item in files.items()} == {
        "a": "changed", "new": "renamed", "bin": "added", "é <b>": "added"
    }  # fmt: skip
    (hunk,) = files["a"]["hunks"]
    assert [(line["type"], line["old"], line["new"], line["text"]) for line in hunk["lines"]] == [
        ("context", 1, 1, "one"),
        ("delete", 2, None, "two"),
        ("delete", 3, None, "three"),
        ("add", None, 2, "2"),
        ("add", None, 3, "three"),
    ]
    assert (files["new"]["before"]["path"], files["new"]["hunks"]) == ("old", [])
    assert files["bin"]["binary"] is True and files["bin"]["after"]["mode"] == "100644"
    assert (found["additions"], found["deletions"]) == (3, 2)


def test_three_dots_leave_out_what_the_branch_did_since(client: TestClient, cast: Cast, path: str) -> None:
    num = proposed(client, cast.charlie, path, file("b", "1"))
    committed(client, cast.alice, path, file("c", "another"))
    assert [item["path"] for item in compared(client, path, f"main...refs%2Fpr%2F{num}")["files"]] == ["b"]
    assert [item["path"] for item in compared(client, path, f"main..refs/pr/{num}")["files"]] == ["b", "c"]
    for spec, status in (("main", 400), ("main...nowhere", 404), ("..main", 400), ("x" * 2000 + "..y", 400)):
        assert client.get(f"/api/models/{path}/compare/{spec}").status_code == status, spec


def test_a_commit_and_its_patch(client: TestClient, cast: Cast, path: str) -> None:
    oid = committed(client, cast.alice, path, file("a", "one\n2\nthree\n"))
    found = client.get(f"/api/models/{path}/commit/{oid[:10]}").json()
    assert (found["after"], [item["path"] for item in found["files"]]) == (oid, ["a"])
    for address in (f"commit/{oid}?raw", f"commit/{oid}.diff", f"compare/{found['before']}...{oid}?raw=1"):
        answer = client.get(f"/api/models/{path}/{address}")
        assert answer.headers["content-type"].startswith("text/plain") and "-two\n+2\n" in answer.text
    first = client.get(f"/api/models/{path}/commits/main").json()[-1]["id"]
    (made,) = client.get(f"/api/models/{path}/commit/{first}").json()["files"]
    assert (made["path"], made["status"]) == (".gitattributes", "added")
    assert client.get(f"/api/models/{path}/commit/{'0' * 40}").status_code == 404


def test_comparisons_are_for_readers(client: TestClient, cast: Cast) -> None:
    secret = repo(client, cast.alice, "secret", private=True)
    for address in ("compare/main...main", "commit/main", "discussions/1/conflicts"):
        assert client.get(f"/api/models/{secret}/{address}", headers=cast.charlie.headers).status_code == 404
        assert client.get(f"/api/models/{secret}/{address}").status_code == 401


@pytest.mark.parametrize(
    ("before", "after", "note"),
    [
        (b"x" * 400_000, b"y" * 400_000, ""),
        (b"\xff\xfe\n", b"\xff\xfd\n", ""),
        (b"a\0b", b"a\0c", "Not text."),
        (b"<script>\n", b"</td><script>\n", ""),
        (
            "".join(f"{n}\n" for n in range(30_000)).encode(),
            "".join(f"{n * 3}\n" for n in range(30_000)).encode(),
            "rest",
        ),
        (b"a\n" * 50_000, b"b\n" * 50_000, "too many"),
        (b"z" * 600_000, b"y" * 600_000, "Longer"),
    ],
)
def test_whatever_is_compared_the_answer_is_bounded(
    client: TestClient, cast: Cast, path: str, before: bytes, after: bytes, note: str
) -> None:
    shown = changed(client, cast, path, before, after, "hostile.txt")
    assert note in shown["note"] and bool(note) == bool(shown["note"])
    assert len(json.dumps(shown)) < 1_500_000


# ---- inside files ------------------------------------------------------------------------------------------


def test_json_key_by_key(client: TestClient, cast: Cast, path: str) -> None:
    before = {"a": 1, "b": {"c": [1, 2, 3], "d": None}, "gone": "x", "same": [1]}
    after = {"a": True, "b": {"c": [1, 9, 2, 3], "d": 0.5}, "new": {"k": []}, "same": [1]}
    shown = changed(client, cast, path, json.dumps(before).encode(), json.dumps(after, indent=1).encode())
    assert [tuple(item.values()) for item in shown["inside"]["keys"]] == [
        ("a", "changed", "1", "true"),
        ("b.c[1]", "added", "", "9"),
        ("b.d", "changed", "null", "0.5"),
        ("gone", "removed", '"x"', ""),
        ("new", "added", "", '{"k": []}'),
    ]
    again = changed(client, cast, path, b'{"a": 1}', b'{ "a": 1 }')
    assert "spelling" in again["inside"]["summary"]


@pytest.mark.parametrize(
    "data", [b"{", b"[" * 100_000, b"\xff", b'{"a": NaN}', b'{"\\ud800": "\\ud800"}', b"0" * 5_000]
)
def test_json_that_is_none(client: TestClient, cast: Cast, path: str, data: bytes) -> None:
    assert changed(client, cast, path, b'{"a": 1}', data)["status"] == "changed"


@pytest.mark.rules
def test_differences_are_cut() -> None:
    many = list(differences({}, {str(n): n for n in range(1000)}))
    assert len(many) == 1000 > MAX_CHANGES and many[0].after == "0"
    deep: Any = 1
    other: Any = 2
    for _ in range(200):
        deep, other = {"k": deep}, {"k": other}
    (found,) = differences(deep, other)
    assert found.kind == "changed" and len(found.before) < 400


def test_a_card_s_metadata(client: TestClient, cast: Cast, path: str) -> None:
    one, two = b"---\nlicense: mit\ntags: [a]\n---\nHi\n", b"---\nlicense: apache-2.0\ntags: [a, b]\n---\nHi!\n"
    shown = changed(client, cast, path, one, two, "README.md")
    assert [(item["name"], item["after"]) for item in shown["inside"]["keys"]] == [
        ("license", '"apache-2.0"'), ("tags[1]", '"b"')
    ]  # fmt: skip


def safetensors(tensors: dict[str, tuple[str, list[int]]], fill: bytes = b"\0", **metadata: str) -> bytes:
    sizes, header, at = {"F32": 4, "F16": 2, "BF16": 2}, {}, 0
    for name, (kind, shape) in tensors.items():
        size = sizes[kind]
        for length in shape:
            size *= length
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps({**header, "__metadata__": metadata}).encode()
    return struct.pack("<Q", len(text)) + text + fill * at


def gguf(context: int, tokens: list[str]) -> bytes:
    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    entries = [
        text("general.architecture") + struct.pack("<I", 8) + text("llama"),
        text("llama.context_length") + struct.pack("<II", 4, context),
        text("tokens") + struct.pack("<IIQ", 9, 8, len(tokens)) + b"".join(map(text, tokens)),
    ]
    tensor = text("w") + struct.pack("<IQIQ", 1, 4, 0, 0)
    return b"GGUF" + struct.pack("<IQQ", 3, 1, len(entries)) + b"".join(entries) + tensor + b"\0" * 64


def onnx(shape: list[int], operator: str, fill: bytes = b"\0") -> bytes:
    def number(value: int) -> bytes:
        return bytes([value & 0x7F | 0x80]) + number(value >> 7) if value > 0x7F else bytes([value])

    def field(key: int, data: bytes) -> bytes:
        return number(key << 3 | 2) + number(len(data)) + data

    dims = b"".join(number(1 << 3) + number(length) for length in shape)
    tensor = dims + number(2 << 3) + number(1) + field(8, b"weight") + field(9, fill * 70_000)
    graph = field(1, field(4, operator.encode())) + field(5, tensor)
    return (
        number(1 << 3)
        + number(8)
        + field(2, b"exporter")
        + field(7, graph)
        + field(14, field(1, b"k") + field(2, b"v"))
    )


def test_the_structure_of_onnx(client: TestClient, cast: Cast, path: str) -> None:
    shown = changed(client, cast, path, onnx([2, 300], "Gemm"), onnx([3, 300], "MatMul"), "m.onnx")
    assert [tuple(item.values()) for item in shown["inside"]["tensors"]] == [
        ("weight", "changed", "F32 2 × 300", "F32 3 × 300")
    ]
    assert [item["name"] for item in shown["inside"]["keys"]] == ["operators.Gemm", "operators.MatMul"]
    same = changed(client, cast, path, onnx([3, 300], "Gemm"), onnx([3, 300], "Gemm", b"\1"), "m.onnx")
    assert "the weights differ" in same["inside"]["summary"]
    for broken in (onnx([1], "Gemm")[:-10], b"\x3a\xff\xff\xff\xff\x7f", b"\xff" * 40, b"\x08" * 200):
        assert "inside" not in changed(client, cast, path, onnx([1], "Gemm"), broken, "m.onnx")


def test_heads_of_weights(client: TestClient, cast: Cast, path: str) -> None:
    one = safetensors({"w": ("F32", [2, 3]), "gone": ("F16", [4])}, format="pt")
    two = safetensors({"w": ("BF16", [2, 3]), "new": ("F16", [])}, format="np")
    shown = changed(client, cast, path, one, two, "model.safetensors")
    assert shown["after"]["lfs"]["size"] == len(two) and shown["hunks"] == []
    assert [tuple(item.values()) for item in shown["inside"]["tensors"]] == [
        ("w", "changed", "F32 2 × 3", "BF16 2 × 3"),
        ("gone", "removed", "F16 4", ""),
        ("new", "added", "", "F16 scalar"),
    ]
    assert shown["inside"]["keys"] == [{"name": "format", "change": "changed", "before": '"pt"', "after": '"np"'}]
    other = safetensors({"w": ("BF16", [2, 3]), "new": ("F16", [])}, b"\1", format="np")
    same = changed(client, cast, path, two, other, "model.safetensors")
    assert same["inside"]["total"] == 0 and "the weights differ" in same["inside"]["summary"]
    shown = changed(client, cast, path, gguf(2048, ["a", "b"]), gguf(8192, ["a", "c"]), "m.gguf")
    assert [(item["name"], item["before"], item["after"]) for item in shown["inside"]["keys"]] == [
        ("llama.context_length", "2048", "8192"), ("tokens", "a list of 2 values", "a list of 2 values")
    ]  # fmt: skip


@pytest.mark.parametrize(
    "data", [b"", b"\xff" * 100, struct.pack("<Q", 1 << 40) + b"{}", struct.pack("<Q", 2) + b"[]" + b"\0" * 100]
)
def test_weights_that_are_none_say_nothing(client: TestClient, cast: Cast, path: str, data: bytes) -> None:
    shown = changed(client, cast, path, safetensors({"w": ("F32", [1])}), data or b"x", "model.safetensors")
    assert "inside" not in shown


# ---- conflicts ---------------------------------------------------------------------------------------------


@pytest.fixture
def clashing(client: TestClient, cast: Cast, path: str) -> int:
    lines = [f"{n}\n" for n in range(20)]
    committed(client, cast.alice, path, file("t", "".join(lines)), file("u", "1\n"), file("v", "1\n"))
    mine = lines.copy()
    mine[2], mine[10] = "mine\n", "also mine\n"
    num = proposed(client, cast.charlie, path, file("t", "".join(mine)), deleted("u"), file("v", "2\n"))
    theirs = lines.copy()
    theirs[2], theirs[18] = "theirs\n", "theirs alone\n"
    committed(client, cast.alice, path, file("t", "".join(theirs)), file("u", "2\n"), file("v", "3\n"))
    return num


def test_conflicts_are_shown_and_decided(client: TestClient, cast: Cast, path: str, clashing: int) -> None:
    found = client.get(f"/api/models/{path}/discussions/{clashing}/conflicts").json()
    assert (found["total"], found["behind"], [item["path"] for item in found["files"]]) == (3, True, ["t", "u", "v"])
    (clash,) = [piece for piece in found["files"][0]["pieces"] if "ours" in piece]
    assert clash == {"ours": "mine\n", "base": "2\n", "theirs": "theirs\n", "line": 3}
    assert "removed it" in found["files"][1]["reason"]
    ends = {"proposal": found["proposal"], "base": found["base"]}
    files = [
        {"path": "t", "clashes": ["both"]},
        {"path": "u", "side": "theirs"},
        {"path": "v", "text": "ours, edited\n"},
    ]
    answer = post(client, cast.charlie, path, f"{clashing}/update", files=files, **ends)
    assert answer.status_code == 200, answer.text
    assert head(client, path, f"refs/pr/{clashing}") == answer.json()["commitOid"]
    thread = details(client, cast.alice, path, clashing)
    assert thread["filesWithConflicts"] == []
    assert thread["events"][-1]["data"]["subject"] == f"Merge main into pull request {clashing}"
    assert post(client, cast.alice, path, f"{clashing}/merge").status_code == 200
    text = client.get(f"/{path}/resolve/main/t").text
    assert text.split("\n")[2:4] == ["mine", "theirs"] and "also mine" in text and "theirs alone" in text
    assert client.get(f"/{path}/resolve/main/u").text == "2\n"
    assert client.get(f"/{path}/resolve/main/v").text == "ours, edited\n"
    assert client.get(f"/api/models/{path}/discussions/{clashing}/conflicts").status_code == 409


def test_what_decides_nothing_is_refused(client: TestClient, cast: Cast, path: str, clashing: int) -> None:
    call = f"{clashing}/update"
    every = [{"path": name, "side": "ours"} for name in ("t", "u", "v")]
    assert post(client, cast.charlie, path, call).json()["filesWithConflicts"] == ["t", "u", "v"]
    assert post(client, cast.bob, path, call, files=every).status_code == 403
    assert post(client, cast.anonymous, path, call, files=every).status_code == 401
    for wrong in (
        {"path": "a", "side": "ours"},
        {"path": "v", "side": "mine"},
        {"path": "t", "clashes": ["ours", "ours"]},
        {"path": "t", "clashes": ["mine"]},
        {"path": "u", "clashes": ["ours"]},
        {"path": "v", "text": "x" * (1 << 20) + "x"},
        {"path": "v", "text": f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 1\n"},
    ):
        files = [item for item in every if item["path"] != wrong["path"]] + [wrong]
        assert post(client, cast.charlie, path, call, files=files).status_code == 400, wrong
    stale = {"proposal": "0" * 40, "base": "0" * 40}
    assert post(client, cast.charlie, path, call, files=every, **stale).status_code == 412
    assert post(client, cast.charlie, path, call, files="x").status_code == 422
    assert post(client, cast.charlie, path, call, files=every).status_code == 200
    again = post(client, cast.charlie, path, call)
    assert again.status_code == 409 and "already" in again.json()["error"]


def test_an_update_without_clashes(client: TestClient, cast: Cast, path: str) -> None:
    num = proposed(client, cast.charlie, path, file("b", "1"))
    committed(client, cast.alice, path, file("c", "1"), summary="On main")
    assert post(client, cast.alice, path, f"{num}/update").status_code == 200
    assert tree(client, path, f"refs%2Fpr%2F{num}") == [".gitattributes", "a", "b", "c", "old"]
    subjects = [event["data"]["subject"] for event in details(client, cast.alice, path, num)["events"][1:]]
    assert subjects == ["Propose", f"Merge main into pull request {num}"]
    assert [item["path"] for item in compared(client, path, f"main...refs%2Fpr%2F{num}")["files"]] == ["b"]


def test_a_bad_card_is_no_decision(client: TestClient, cast: Cast, path: str) -> None:
    committed(client, cast.alice, path, file("README.md", "1\n"))
    num = proposed(client, cast.charlie, path, file("README.md", "2\n"))
    committed(client, cast.alice, path, file("README.md", "3\n"))
    bad = [{"path": "README.md", "text": "---\nlicense: [\n---\n"}]
    assert post(client, cast.charlie, path, f"{num}/update", files=bad).status_code == 400


def test_many_commits_are_counted(client: TestClient, cast: Cast, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = head(client, path)
    for number in range(4):
        assert commit(client, cast.alice, path, file("n", str(number))).status_code == 200
    monkeypatch.setattr(rules, "MAX_COMMITS_SHOWN", 3)
    found = compared(client, path, f"{before}...main")
    assert (found["totalCommits"], len(found["commits"])) == (4, 3)
