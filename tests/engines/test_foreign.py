"""Servers that are not ours, by a stand-in that serves as uvicorn serves vLLM: no graphics card is here, nor torch.

What is theirs alone (their options, their answers) is not tested here; what is ours is: the key before every path, the
command, and that neither the hub nor the server leaves the other's process behind.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
import time
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from freehold.compute import service as compute
from freehold.compute.errors import JobFailed
from freehold.compute.rules import Running
from freehold.engines import interpreters, remote, service, transformers, vllm
from freehold.engines.programs.door import freehold_counts, freehold_door
from freehold.engines.rules import Model, Offer, Refusal, Setup
from tests.engines.asking import ask

#: In place of a Python with vLLM in it: reads the arguments it is given, and serves behind the middleware they name.
STAND_IN = """#!{python}
import argparse, importlib, os, sys
import uvicorn
words = sys.argv[sys.argv.index("serve") + 1 :]
print("cards", os.environ["CUDA_VISIBLE_DEVICES"], file=sys.stderr)
print("started as", os.getpid(), *words, file=sys.stderr, flush=True)
if os.path.basename(words[0]) == "broken":
    sys.exit("No such model.")
given = argparse.ArgumentParser()
given.add_argument("folder")
for name in ("host", "port", "middleware"):
    given.add_argument("--" + name)
given, _ = given.parse_known_args(words)
async def app(scope, receive, send):
    if scope["type"] == "http":
        body = ('{{"path": "%s", "model": "%s"}}' % (scope["path"], given.folder)).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({{"type": "http.response.start", "status": 200, "headers": headers}})
        await send({{"type": "http.response.body", "body": body}})
module, _, name = (given.middleware or "freehold_door.Door").rpartition(".")
door = getattr(importlib.import_module(module), name)
uvicorn.run(door(app), host=given.host, port=int(given.port), log_level="error")
"""
LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "num_hidden_layers": 1, "num_attention_heads": 1}


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "python"
    path.write_text(STAND_IN.format(python=sys.executable))
    path.chmod(0o755)
    interpreters.know({"vllm": os.fspath(path), "transformers": os.fspath(path)})
    yield path
    interpreters.know({})


def model(config: Mapping[str, Any] | None = None, **more: Any) -> Model:
    from freehold.cards.memory import Load
    from freehold.cards.shape import Layers, Shape

    files = {"model.safetensors": 1_000, "config.json": 10, "tokenizer.json": 10, "old.bin": 5, "README.md": 5}
    load = Load("safetensors", "model.safetensors", 1_000, Shape((Layers(1, 2),)))
    settings = {"config.json": LLAMA | dict(config or {}), "tokenizer_config.json": {"chat_template": "{{ messages }}"}}
    given: dict[str, Any] = {"files": files, "settings": settings, "facts": {"context_length": 512}, "loads": [load]}
    return Model("alice/model", "0" * 40, task=None, library=None, **(given | more))


def offer_of(engine: Any, **given: Any) -> Offer:
    found = engine.look(model(**given), Setup())
    assert not isinstance(found, Refusal), found
    return found[0]


@pytest.mark.parametrize("engine", [vllm, transformers])
def test_it_answers_whoever_has_the_key_and_nobody_else(stand_in: Path, tmp_path: Path, engine: Any) -> None:
    running = compute.start(engine.job(offer_of(engine), Setup(), tmp_path, {}))
    assert ask(running, "/v1/models") == {"path": "/v1/models", "model": os.fspath(tmp_path)}
    for path in ("/", "/health", "/metrics", "/v1/models", "/docs"):
        for key in ("", "Bearer wrong"):
            told = httpx.get(f"{running.address}{path}", headers={"Authorization": key} if key else {}, trust_env=False)
            assert told.status_code == 401
            assert "model" not in told.text
    assert running.key not in Path(f"/proc/{server_of(running)}/cmdline").read_text()
    running.stop()
    _gone(server_of(running))


def test_it_ends_with_whoever_watches_it(stand_in: Path, tmp_path: Path) -> None:
    """Its hub killed: the lifeline closes, and nobody is there to signal the group."""
    running = compute.start(vllm.job(offer_of(vllm), Setup(), tmp_path, {}))
    server = server_of(running)
    running._close_lifeline()  # type: ignore[attr-defined]
    _gone(server)
    _gone(running.pid)


def test_a_server_that_ends_is_seen_to_have_ended(stand_in: Path, tmp_path: Path) -> None:
    running = compute.start(vllm.job(offer_of(vllm), Setup(), tmp_path, {}))
    told = threading.Event()
    running.on_exit(lambda ended: told.set())
    os.kill(server_of(running), signal.SIGSEGV)
    assert told.wait(60)
    assert running.failure is not None
    assert running.failure[0] == "crashed"
    assert "SIGSEGV" in running.failure[1]


def test_a_server_that_does_not_start_says_how_it_ended(stand_in: Path, tmp_path: Path) -> None:
    with pytest.raises(JobFailed) as raised:
        compute.start(vllm.job(offer_of(vllm), Setup(), tmp_path / "broken", {}))
    assert raised.value.failure == "bad_model"
    assert "No such model." in raised.value.log


def test_transformers_is_on_a_card_where_somebody_wants_it() -> None:
    assert offer_of(transformers).on_cards == ()
    setup = Setup(options={"device": "card"})
    found = transformers.look(model(), setup)
    assert not isinstance(found, Refusal)
    assert [one.count for one in found[0].on_cards] == [1]
    for given, device in ((setup, "cuda:0"), (Setup(), "cpu")):
        assert transformers.job(found[0], given, Path("/m"), {}).options["argv"][-2:] == ["--device", device]


def test_nothing_is_loaded_by_a_name_that_a_call_says() -> None:
    assert transformers.worded({"model": "../../elsewhere", "top_p": 1}, "", []) == {"top_p": 1, "model": None}


@pytest.mark.parametrize("engine", [vllm, transformers])
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"config": {"auto_map": {"AutoModel": "code.py"}}}, "code of its own"),
        ({"config": {"architectures": ["BertModel"]}}, "writes no text"),
        ({"loads": []}, "no safetensors"),
        ({"files": {"model.safetensors": 1, "config.json": 1}}, "no tokenizer"),
    ],
)
def test_what_they_do_not_take_is_told(engine: Any, given: dict[str, Any], words: str) -> None:
    found = engine.look(model(**given), Setup())
    assert isinstance(found, Refusal)
    assert words in found.reason


def test_what_they_take_has_no_pickles() -> None:
    assert offer_of(vllm).paths == ["config.json", "model.safetensors", "tokenizer.json"]
    assert offer_of(transformers).abilities == {"chat", "completions"}


def test_a_node_without_them_says_what_to_set(tmp_path: Path) -> None:
    assert "FREEHOLD_TRANSFORMERS_PYTHON" in transformers.missing()
    interpreters.know({"transformers": os.fspath(tmp_path / "none")})
    assert "no program" in transformers.missing()
    interpreters.know({})
    assert "FREEHOLD_VLLM_PYTHON" in vllm.missing()


def test_an_address_elsewhere_takes_no_files_and_no_memory() -> None:
    offer = remote.offer("gpt-oss-120b", frozenset({"chat", "fill-mask"}))
    assert (offer.abilities, offer.need, offer.paths) == ({"chat"}, None, ())
    assert remote.ENGINE.is_remote
    assert "remote" not in {one.engine for one in service.choices(model()).refusals}, "nobody asked for it"


def test_the_door_lets_no_socket_in() -> None:
    said: list[Mapping[str, Any]] = []

    async def send(message: Mapping[str, Any]) -> None:
        said.append(message)

    asyncio.run(freehold_door.Door(None, "key")({"type": "websocket", "headers": []}, None, send))
    assert said == [{"type": "websocket.close", "code": 1008}]


def server_of(running: Running) -> int:
    return int(running.log().split("started as ")[1].split()[0])


def _gone(pid: int) -> None:
    for _ in range(3_000):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except OSError:
            return
        time.sleep(0.02)
    raise AssertionError("it is still there")


class Calls:
    """``freehold_counts`` without a server that it counts in."""

    PATH = "/took/"

    def __init__(self) -> None:
        self.gone: list[str] = []

    def left(self, call_id: str) -> None:
        self.gone.append(call_id)

    def told(self, call_id: str) -> bytes:
        return b'{"call": "%s"}' % call_id.encode()


def test_the_door_says_what_a_call_took_and_hears_who_leaves_only_when_all_was_read() -> None:
    calls = Calls()
    messages = iter(
        [
            {"type": "http.request", "body": b"{", "more_body": True},
            {"type": "http.request", "body": b"}", "more_body": False},
            {"type": "http.disconnect"},
        ]
    )
    read: list[Any] = []
    sent: list[Any] = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        while not read or read[-1].get("more_body"):
            read.append(await receive())
        while not calls.gone:
            await asyncio.sleep(0)

    async def play() -> None:
        door = freehold_door.Door(inner, "right", calls)
        key = (b"authorization", b"Bearer right")
        await door({"type": "http", "path": "/v1", "headers": [key, (b"x-request-id", b"c1")]}, receive, send)
        await door({"type": "http", "path": "/took/c1", "headers": [key]}, receive, send)
        await door({"type": "http", "path": "/took/c1", "headers": []}, receive, send)

    asyncio.run(play())
    assert ([one["body"] for one in read], calls.gone) == ([b"{", b"}"], ["c1"])
    assert [one.get("status") for one in sent] == [200, None, 401, None]
    assert sent[1]["body"] == b'{"call": "c1"}'


class Manager:
    """transformers' own, with its thread called at once."""

    def generate_streaming(self, model: Any, processor: Any, inputs: Any, gen_config: Any, request_id: str) -> Any:
        streamer = types.SimpleNamespace(total_tokens=0)

        def run() -> None:
            streamer.total_tokens = model()

        with contextlib.suppress(RuntimeError):
            self.submit(run)
        return None, streamer

    def submit(self, act: Any) -> Any:
        act()


def test_what_a_stream_of_transformers_took_is_known_also_when_it_broke_off(monkeypatch: pytest.MonkeyPatch) -> None:
    utils = types.SimpleNamespace(GenerateManager=Manager)
    monkeypatch.setitem(sys.modules, "transformers.cli.serving", types.SimpleNamespace(utils=utils))
    freehold_counts.begin()
    inputs = {"input_ids": types.SimpleNamespace(shape=(1, 7))}

    def breaks() -> int:
        raise RuntimeError("out of luck")

    manager: Any = utils.GenerateManager()
    for call_id, act in (("c1", lambda: 5), ("c2", breaks)):
        manager.generate_streaming(act, None, inputs, None, call_id)
    told = [json.loads(freehold_counts.told(name)) for name in ("c1", "c2", "c3")]
    assert [(one["is_known"], one["prompt_tokens"], one["completion_tokens"]) for one in told] == [
        (True, 7, 5), (True, 7, 0), (False, 0, 0),
    ]  # fmt: skip
    assert all(one["is_over"] for one in told)
