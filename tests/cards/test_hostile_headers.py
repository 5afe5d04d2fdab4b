"""Headers that lie, repeat, nest or never end: each costs a bounded time and memory, and says why it tells nothing."""

import io
import json
import pickle
import resource
import struct
import threading
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from freehold.cards import parsing
from freehold.cards.headers import pickles
from freehold.cards.headers.header import MAX_TENSORS
from freehold.cards.parsing import Form, Parsed
from freehold.core.errors import Unavailable
from tests.cards.test_headers import gguf_file, safetensors_file, tensor


def parse(form: Form, data: bytes, size_bytes: int | None = None) -> Parsed:
    return parsing.parse(form, lambda start, end: data[start:end], len(data) if size_bytes is None else size_bytes)


def raw(header: bytes, data_bytes: int = 0) -> bytes:
    return struct.pack("<Q", len(header)) + header + bytes(data_bytes)


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def nested(depth: int) -> bytes:
    """An ONNX model whose If holds a graph whose If holds a graph, and so on."""
    graph = b""
    for _ in range(depth):
        node = field(4, b"If") + field(5, field(1, b"then_branch") + field(6, graph))
        graph = field(1, node)
    return field(7, graph)


BILLION = 10**9
ONE = json.dumps(tensor("F32", [1], 0, 4))
CASES: dict[str, tuple[Form, Callable[[], bytes], str]] = {
    "a header of 100 MB": ("safetensors", lambda: raw(b"{" + b" " * (100 << 20)), "up to 33,554,432 are read"),
    "more than the file has": ("safetensors", lambda: struct.pack("<Q", 1 << 62) + b"{}", "it claims 4,611,"),
    "the same tensor twice": ("safetensors", lambda: raw(f'{{"a": {ONE}, "a": {ONE}}}'.encode(), 4), "names a twice"),
    "tensors that share bytes": (
        "safetensors",
        lambda: safetensors_file({"a": tensor("F32", [2], 0, 8), "b": tensor("F32", [2], 4, 12)}, 12),
        "a and b share bytes",
    ),
    "a product that overflows": (
        "safetensors",
        lambda: safetensors_file({"a": tensor("F32", [2**40, 2**40], 0, 4)}, 4),
        "more values than the file has bits",
    ),
    "a million tensors": (
        "safetensors",
        lambda: raw(b"{" + b",".join(b'"%d":%s' % (n, ONE.replace(" ", "").encode()) for n in range(1_000_000)) + b"}"),
        "bytes; up to",
    ),
    "empty lists without end": ("safetensors", lambda: raw(b"[" + b"[]," * (10 << 20) + b"[]]"), "memory"),
    "nested without end": ("safetensors", lambda: raw(b"[" * (1 << 20)), "it is no JSON"),
    "a GGUF of a billion tensors": ("gguf", lambda: b"GGUF" + struct.pack("<IQQ", 3, BILLION, 0), "000,000 tensors"),
    "a GGUF of a billion entries": ("gguf", lambda: b"GGUF" + struct.pack("<IQQ", 3, 0, BILLION), "000,000 entries"),
    "a GGUF cut short": ("gguf", lambda: gguf_file({"a": "b" * 900}, [("w", [4], 0)], 16)[:700], "ends within it"),
    "the same entry twice": (
        "gguf",
        lambda: gguf_file({"a": 1, "b": 2}, [], 0).replace(struct.pack("<Q", 1) + b"b", struct.pack("<Q", 1) + b"a"),
        "names a twice",
    ),
    "graphs in graphs": ("onnx", lambda: nested(300), "over 6 deep"),
    "a field past its end": ("onnx", lambda: field(7, b"\x0a\xff\xff\xff\xff\x0f"), "past its message"),
    "fields without end": ("onnx", lambda: field(7, b"\x10\x01" * 2_000_000), "over 1,500,000 fields"),
    "an index of parts without end": (
        "index",
        lambda: json.dumps({"weight_map": {str(n): f"{n}.safetensors" for n in range(1000)}}).encode(),
        "1,000 parts",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_header_is_refused_in_words_and_time(case: str) -> None:
    form, make, why = CASES[case]
    data = make()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    parsed = parse(form, data)
    assert why in parsed.problem, "what takes too long is killed, and told in other words"
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 160 << 10, "the hub itself grew"


def test_as_many_tensors_as_are_read_are_searched_in_bounded_memory() -> None:
    count = MAX_TENSORS
    named = ",".join(
        f'"model.layers.{n}.weight":{{"dtype":"U8","shape":[1],"data_offsets":[{n},{n + 1}]}}' for n in range(count)
    )
    parsed = parse("safetensors", raw(f"{{{named}}}".encode(), count))
    assert parsed.problem == ""
    assert parsed.told["tensors"] == count
    found = parsing.page([parsed.body], "layers.199999", "-name", 1)
    assert (found["found"], found["rows"][0][0]) == (1, "model.layers.199999.weight")


def test_the_child_is_there_again_after_one_that_it_died_of() -> None:
    assert parse("safetensors", raw(b"[" + b"[]," * (10 << 20) + b"[]]")).problem
    good = safetensors_file({"a": tensor("F32", [1], 0, 4)}, 4)
    assert parse("safetensors", good).told["tensors"] == 1


def test_a_store_that_fails_is_not_the_files_fault() -> None:
    def read(start: int, end: int) -> bytes:
        raise Unavailable("the store is down")

    with pytest.raises(Unavailable):
        parsing.parse("gguf", read, 100)
    good = gguf_file({}, [("w", [4], 0)], 16)
    assert parse("gguf", good).told["tensors"] == 1


def test_no_more_than_a_bound_is_read_of_a_file() -> None:
    """A walk that jumps through a huge file ends."""
    graph = b"".join(field(5, field(8, b"t%d" % n) + field(9, b"")) for n in range(10))
    whole = field(7, graph) + varint(20 << 3 | 2) + varint(1 << 40)
    parsed = parse("onnx", whole, size_bytes=len(whole) + (1 << 40))
    assert parsed.problem == "" or "file" in parsed.problem


# ---- pickles ----


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_a_pickle_tells_what_it_would_import_and_is_not_run() -> None:
    class Harmful:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return eval, ("1 / 0",)

    for protocol in (0, 2, 4, 5):
        data = pickle.dumps({"a": Harmful()}, protocol=protocol)
        assert {"builtins.eval", "__builtin__.eval"} & set(parse("pickle", data).told["imports"])
        inside = parse("pickle", zipped({"archive/data.pkl": data, "archive/data/0": bytes(100)})).told
        assert inside["total"] == 2
        assert {"builtins.eval", "__builtin__.eval"} & set(inside["imports"])


def test_a_bomb_of_a_zip_costs_no_more_than_its_bound() -> None:
    bomb = zipped({"data.pkl": bytes(200 << 20)})
    assert len(bomb) < 1 << 20
    assert parse("pickle", bomb).told["imports"] == []
    many = zipped({f"{n}": b"" for n in range(5_000)})
    told = parse("pickle", many).told
    assert (told["total"], len(told["members"])) == (5_000, pickles.MAX_MEMBERS)


@pytest.mark.parametrize("data", [b"PK\x03\x04" + bytes(100), b"PK\x03\x04", b"", b"\x80", bytes(1000)])
def test_what_is_no_pickle_says_so(data: bytes) -> None:
    parsed = parse("pickle", data)
    assert parsed.problem or parsed.told["why"]


def test_whoever_opens_many_slow_files_leaves_threads_for_everybody_else() -> None:
    """A third of the hub's threads may wait for children; who comes after that is told at once to come again."""
    gate, asked = threading.Event(), threading.Semaphore(0)

    def slow(start: int, end: int) -> bytes:
        asked.release()
        gate.wait(30)
        return raw(b"{}")[start:end]

    def one() -> str:
        return parsing.parse("safetensors", slow, 10).problem

    with ThreadPoolExecutor(parsing.MAX_ASKING) as pool:
        waiting = [pool.submit(one) for _ in range(parsing.MAX_ASKING)]
        for _ in range(parsing.AT_ONCE):
            assert asked.acquire(timeout=30)
        until = time.monotonic() + 10
        while parsing._asking._value and time.monotonic() < until:
            time.sleep(0.01)
        with pytest.raises(Unavailable):
            one()
        assert not any(future.done() for future in waiting), "it did not wait for its turn"
        gate.set()
        assert [future.result() for future in waiting] == [""] * parsing.MAX_ASKING
