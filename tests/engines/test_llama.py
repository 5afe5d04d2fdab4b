"""llama.cpp in a process of its own, with models small enough to be made here."""

import dataclasses
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from freehold.compute import service as compute
from freehold.compute.errors import JobFailed
from freehold.compute.rules import Running
from freehold.engines import llama, service
from freehold.engines.programs import llama as program
from freehold.engines.rules import Model, Offer, Refusal, Setup
from scripts.looking import model_of
from scripts.tiny_models import language_model
from tests.engines.asking import ask, refusal

SETUP = Setup(context_tokens=256, parallel=2, threads=1)


@pytest.fixture(scope="module")
def serving() -> Iterator[Callable[..., Running]]:
    """``serving(path)``: an engine that serves the file, for all tests that ask for the same."""
    running: dict[tuple[Any, ...], Running] = {}

    def found(path: Path, adapters: Mapping[str, Path] | None = None, setup: Setup = SETUP) -> Running:
        adapters = adapters or {}
        key = (path, *adapters.items())
        if key not in running:
            running[key] = compute.start(llama.job(offer_of(path, setup), setup, path.parent, adapters))
        return running[key]

    yield found
    for one in running.values():
        one.stop()


def offer_of(path: Path, setup: Setup = SETUP) -> Offer:
    found = llama.look(model_of(path), setup)
    assert not isinstance(found, Refusal)
    return found[0]


def test_it_answers_what_it_is_asked_and_counts_tokens(serving: Callable[..., Running], tiny_gguf: Path) -> None:
    running = serving(tiny_gguf)
    body = {"messages": [{"role": "user", "content": "What is it?"}], "max_tokens": 8, "temperature": 0}
    first, second = (ask(running, "/v1/chat/completions", body) for _ in range(2))
    assert first["choices"][0]["message"]["content"] == second["choices"][0]["message"]["content"] != ""
    assert first["usage"]["completion_tokens"] == 8
    assert ask(running, "/v1/completions", {"prompt": "the city", "max_tokens": 3})["usage"]["completion_tokens"] == 3
    assert ask(running, "/health") == {"status": "ok"}


@pytest.mark.parametrize("shares", [False, True])
def test_threads_that_wait_for_each_other_keep_to_a_processor_each_where_there_are_as_many(
    tiny_gguf: Path, shares: bool
) -> None:
    mine = os.sched_getaffinity(0)
    setup = replace(SETUP, threads=1 if shares else len(mine))
    running = compute.start(llama.job(offer_of(tiny_gguf, setup), setup, tiny_gguf.parent, {}))
    try:
        ask(running, "/v1/completions", {"prompt": "the city", "max_tokens": 2})
        threads = [os.sched_getaffinity(int(one)) for one in os.listdir(f"/proc/{running.pid}/task")]
    finally:
        running.stop()
    bound = {frozenset(one) for one in threads if one != mine}
    assert bound == (set() if shares or len(mine) < 2 else {frozenset({one}) for one in mine})
    assert threads.count(mine) > SETUP.parallel, "those that listen are anywhere"


def test_each_of_its_slots_has_the_whole_context(serving: Callable[..., Running], tiny_gguf: Path) -> None:
    running = serving(tiny_gguf)
    fits = {"prompt": "a " * 100, "max_tokens": 1}
    assert ask(running, "/v1/completions", fits)["usage"]["prompt_tokens"] > SETUP.context_tokens // SETUP.parallel // 2
    said = refusal(running, "/v1/completions", {"prompt": "x" * 2 * SETUP.context_tokens, "max_tokens": 1})
    assert said["type"] == "exceed_context_size_error"
    assert said["n_ctx"] == SETUP.context_tokens


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "PUT"])
@pytest.mark.parametrize(
    "path",
    [
        "/", "/health", "/v1/health", "/v1/models", "/models", "/props", "/slots", "/metrics", "/tokenize", "/tools",
        "/v1/chat/completions", "/lora-adapters", "/cors-proxy", "/index.html", "/v1/stream",
    ],
)  # fmt: skip
def test_nothing_is_answered_without_the_key(
    serving: Callable[..., Running], tiny_gguf: Path, path: str, method: str
) -> None:
    running = serving(tiny_gguf)
    for prefix in ("", "/_"):
        for key in ("", "wrong"):
            headers = {"Origin": "https://elsewhere.example"} | ({"Authorization": f"Bearer {key}"} if key else {})
            url = f"http://127.0.0.1:{running.port}{prefix}{path}"
            told = httpx.request(method, url, headers=headers, trust_env=False)
            assert told.status_code in (401, 404) or (method == "OPTIONS" and not told.content), (
                prefix,
                told.status_code,
            )
            assert b"tiny" not in told.content
            assert told.headers.get("Access-Control-Allow-Origin") in (None, "https://none.invalid")


def test_an_adapter_counts_only_for_the_name_it_is_called_by(
    serving: Callable[..., Running], tiny_gguf: Path, tiny_adapter: Path
) -> None:
    running = serving(tiny_gguf, {"alice/tuned": tiny_adapter})
    body = {"prompt": "the capital of", "max_tokens": 12, "temperature": 0}

    def said(adapter: str, **more: Any) -> str:
        asked = llama.worded(body | more, adapter, ["alice/tuned"])
        text: str = ask(running, "/v1/completions", asked)["choices"][0]["text"]
        return text

    plain = ask(serving(tiny_gguf), "/v1/completions", body)["choices"][0]["text"]
    assert said("") == plain
    assert said("alice/tuned") != plain
    assert said("", lora=[{"id": 0, "scale": 1.0}]) == plain, "the body does not decide"


def test_an_encoder_makes_embeddings(serving: Callable[..., Running], tiny_embedder: Path) -> None:
    assert offer_of(tiny_embedder).abilities == {"embeddings", "feature-extraction", "sentence-similarity"}
    body = {"input": ["the river", "the city", "the river"]}
    said = ask(serving(tiny_embedder, setup=Setup(context_tokens=128, threads=1)), "/v1/embeddings", body)
    vectors = [one["embedding"] for one in said["data"]]
    assert [len(one) for one in vectors] == [32, 32, 32]
    assert vectors[0] == pytest.approx(vectors[2], abs=1e-5)
    assert vectors[0] != pytest.approx(vectors[1], abs=1e-2)
    assert said["usage"]["prompt_tokens"] > 0


def test_a_ranking_model_ranks(serving: Callable[..., Running], tiny_reranker: Path) -> None:
    assert offer_of(tiny_reranker).abilities == {"rerank"}
    body = {"query": "what is the capital", "documents": ["the river", "paris is the capital"]}
    said = ask(serving(tiny_reranker, setup=Setup(context_tokens=128, threads=1)), "/v1/rerank", body)
    assert sorted(one["index"] for one in said["results"]) == [0, 1]
    assert all(isinstance(one["relevance_score"], float) for one in said["results"])


def test_a_model_without_a_template_completes_and_does_not_talk(tmp_path: Path) -> None:
    assert offer_of(language_model(tmp_path / "base.gguf", template="")).abilities == {"completions"}


def test_what_it_needs_grows_with_what_is_asked_of_it(tiny_gguf: Path) -> None:
    small, large = offer_of(tiny_gguf, Setup(context_tokens=256)), offer_of(tiny_gguf, Setup(context_tokens=2048))
    assert small.need is not None
    assert large.need is not None
    assert small.need.total_bytes is not None
    assert large.need.total_bytes is not None
    assert small.need.total_bytes < large.need.total_bytes
    assert small.max_context_tokens == 2048


def test_it_says_what_it_cannot_serve(tiny_gguf: Path) -> None:
    nothing = llama.look(Model("alice/none", "0" * 40, {}, {}, [], None, None), SETUP)
    assert isinstance(nothing, Refusal)
    assert "no GGUF" in nothing.reason
    other = llama.look(model_of(tiny_gguf), Setup(file="other.gguf"))
    assert isinstance(other, Refusal)
    assert other.reason == "It has no other.gguf; it has tiny.gguf."
    assert service.choices(model_of(tiny_gguf)).offers[0].engine == "llama.cpp"


def changed(source: Path, path: Path, key: bytes, value: bytes) -> Path:
    """The file with other bytes in place of the value of ``key`` (a number of four bytes)."""
    data = source.read_bytes()
    at = data.index(key) + len(key) + 4
    path.write_bytes(data[:at] + value + data[at + len(value) :])
    return path


@pytest.mark.parametrize(
    "break_it",
    [
        lambda data: b"hello",
        lambda data: data[:100_000],
        lambda data: data[:8] + struct.pack("<Q", 2**60) + data[16:],
        lambda data: data[:8] + struct.pack("<Q", 50_000) + data[16:],
        lambda data: data.replace(b"llama", b"lammm"),
        lambda data: data.replace(b"llama.block_count", b"llama.block_counx"),
        lambda data: data.replace(b"embedding_length\x04\0\0\0\x40\0", b"embedding_length\x04\0\0\0\xff\xff"),
        lambda data: data.replace(b"attention.head_count\x04\0\0\0\x04", b"attention.head_count\x04\0\0\0\0"),
        lambda data: data[:4] + b"\xff" * 4 + data[8:],
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_loaded_is_told_so_and_harms_nobody(
    serving: Callable[..., Running], tiny_gguf: Path, tmp_path: Path, break_it: Callable[[bytes], bytes]
) -> None:
    good = serving(tiny_gguf)
    (tmp_path / "tiny.gguf").write_bytes(break_it(tiny_gguf.read_bytes()))
    with pytest.raises(JobFailed) as raised:
        compute.start(llama.job(offer_of(tiny_gguf), SETUP, tmp_path, {}))
    assert raised.value.failure in ("bad_model", "crashed")
    assert os.fspath(tmp_path) not in raised.value.message
    assert ask(good, "/health") == {"status": "ok"}


def test_a_text_too_long_for_the_machine_is_told_so_and_harms_nobody(
    serving: Callable[..., Running], tiny_gguf: Path
) -> None:
    """Its file may say any context, and somebody may ask for it: what it would keep is refused, not taken."""
    good, setup = serving(tiny_gguf), Setup(context_tokens=1 << 26, parallel=1, threads=1)
    job = llama.job(replace(offer_of(tiny_gguf, setup), max_context_tokens=None), setup, tiny_gguf.parent, {})
    with pytest.raises(JobFailed) as raised:
        compute.start(replace(job, memory_bytes=200 << 20))
    assert raised.value.failure == "out_of_memory", raised.value.message
    assert ask(good, "/health") == {"status": "ok"}


def test_what_makes_it_endless_ends_it_and_says_so(tiny_gguf: Path) -> None:
    """Each letter doubles the places where a text of this grammar may be: no bound of its beginning tells that."""
    job = llama.job(offer_of(tiny_gguf), SETUP, tiny_gguf.parent, {})
    running = compute.start(dataclasses.replace(job, options={**job.options, "patience_s": 2}))
    try:
        grammar = 'root ::= [^x] root "x" | [^x] root "y" | [^x] root "z" | "x"'
        with pytest.raises(httpx.TransportError):
            ask(running, "/v1/completions", {"prompt": "a", "max_tokens": 200, "grammar": grammar})
        running.stop()
        assert "nothing but one step" in running.log()
    finally:
        running.stop()


def test_a_model_that_was_not_made_for_tools_is_told_of_them(serving: Callable[..., Running], tiny_gguf: Path) -> None:
    """Its template would leave them out; what was called, and what came of it, is told in words as well."""
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
    called = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
    messages = [
        {"role": "user", "content": "How is Rome?"},
        {"role": "assistant", "content": None, "tool_calls": [called, called]},
        {"role": "tool", "tool_call_id": "1", "content": "Sunny"},
        {"role": "tool", "tool_call_id": "1", "content": "Warm"},
    ]
    running = serving(tiny_gguf)
    told = ask(running, "/apply-template", {"messages": messages, "tools": [tool]})["prompt"]
    assert told.index('{"name": "weather"') < told.index("How is Rome?")
    assert told.count('<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call>') == 2
    assert "<tool_response>\nSunny\n</tool_response>\n<tool_response>\nWarm\n</tool_response>" in told
    plain = ask(running, "/apply-template", {"messages": messages[:1]})["prompt"]
    assert "tool" not in plain


def test_a_template_that_knows_tools_stays_as_it_is(tmp_path: Path) -> None:
    template = "{% for tool in tools %}{{ tool.function.name }}{% endfor %}{{ messages[0]['content'] }}"
    assert program.template(str(language_model(tmp_path / "knows.gguf", template=template))) == ""
    assert program.template(str(language_model(tmp_path / "none.gguf", template=""))) == ""
    (tmp_path / "bad.gguf").write_bytes(b"GGUF")
    assert program.template(str(tmp_path / "bad.gguf")) == ""


def test_a_library_that_small_systems_lack_is_told_by_the_name_of_its_package() -> None:
    lacking = "libgomp.so.1: cannot open shared object file: No such file or directory"
    assert "apt-get install libgomp1" in program.absent(lacking)
    assert "freehold[serve] (No module named 'xllamacpp')" in program.absent("No module named 'xllamacpp'")
