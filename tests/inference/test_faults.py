"""A live hub with models up: killed, restarted, its engines killed under it. Nothing is left, and it answers again."""

import base64
import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.servers import Live

pytestmark = [pytest.mark.fault, pytest.mark.timeout(180)]
BODY = {"model": "alice/tiny", "messages": [{"role": "user", "content": "the"}], "max_tokens": 4}


def engines_of(pid: int) -> set[int]:
    """Processes of llama.cpp that the hub ``pid`` started."""
    children: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):  # a thread may end while one looks
            children |= {int(child) for child in (task / "children").read_text().split()}
    return {one for one in children if is_alive(one)}


def until(true: Callable[[], object], every_s: float = 0.1) -> None:
    while not true():
        time.sleep(every_s)


def is_alive(pid: int) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        return b"engines.programs" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


@pytest.fixture
def hub(serve: Callable[..., Live], tiny_gguf: Path) -> Live:
    """One with ``alice/tiny`` deployed and kept warm."""
    live = serve()
    with client(live) as http:
        http.post("/api/repos/create", json={"name": "tiny"}).raise_for_status()
        put(http, tiny_gguf)
        wish = {"model": "alice/tiny", "context": 256, "keepWarm": True, "options": {"precision": "stored"}}
        http.post("/api/endpoints", json=wish).raise_for_status()
    return live


def client(live: Live) -> httpx.Client:
    headers = {"Authorization": f"Bearer {live.tokens['alice']}"}
    return httpx.Client(base_url=live.url, headers=headers, timeout=60, trust_env=False)


def put(http: httpx.Client, file: Path | None, name: str = "alice/tiny", card: bytes = b"") -> None:
    """A commit of the model's file, and of its card where one is given."""
    files = {**({file.name: file.read_bytes()} if file else {}), **({"README.md": card} if card else {})}
    lines: list[dict[str, Any]] = [{"key": "header", "value": {"summary": "Add it"}}]
    for path, data in files.items():
        value = {"path": path, "encoding": "base64", "content": base64.b64encode(data).decode()}
        lines.append({"key": "file", "value": value})
    body = "\n".join(json.dumps(line) for line in lines)
    http.post(
        f"/api/models/{name}/commit/main", content=body, headers={"Content-Type": "application/x-ndjson"}
    ).raise_for_status()


def test_engines_end_with_their_hub_and_come_back_with_it(hub: Live) -> None:
    until(lambda: engines_of(hub.pid))
    with client(hub) as http:
        assert http.post("/v1/chat/completions", json=BODY).status_code == 200
        (engine,) = engines_of(hub.pid)
        os.kill(engine, signal.SIGKILL)
        until(lambda: not is_alive(engine))
        met = http.post("/v1/chat/completions", json=BODY)  # in this very moment it may be told that the engine ended
        assert met.status_code == 200 or met.json()["error"]["code"] == "engine_lost"
        assert http.post("/v1/chat/completions", json=BODY).status_code == 200
    (engine,) = engines_of(hub.pid)
    assert hub.process is not None
    hub.process.kill()  # the hub alone: its engines have sessions of their own
    hub.process.wait()
    until(lambda: not is_alive(engine))
    hub.start()
    until(lambda: engines_of(hub.pid))
    with client(hub) as http:
        assert http.post("/v1/chat/completions", json=BODY).status_code == 200
    engines = engines_of(hub.pid)
    hub.stop()
    assert not [one for one in engines if is_alive(one)]
