"""``make demo`` as people run it: real packages, a real hub, the official client over Xet."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from demo.items import ITEMS
from tests.fixtures.clients import CACHE, ROOT
from tests.fixtures.servers import free_port

pytestmark = [pytest.mark.compat, pytest.mark.timeout(600)]
#: What somebody changes between two runs.
CHANGED = "demo/PP-OCRv4-ONNX"


@contextmanager
def demo(data: Path, port: int, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """The demo running; its cache is the one that ``make demo`` uses."""
    command = [sys.executable, "-m", "demo", "--data", str(data), "--port", str(port), "--cache", str(CACHE), *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        finally:
            process.kill()
            process.communicate()


def said_until(process: "subprocess.Popen[str]", sign: str) -> str:
    """What the demo prints, up to the line that holds ``sign``."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if sign in line:
            return "".join(lines)
    raise AssertionError(f"the demo ended without saying {sign!r}:\n{''.join(lines)}")


def commits(url: str, token: str) -> dict[str, list[str]]:
    """Titles of every commit of the six repositories."""
    headers = {"Authorization": f"Bearer {token}"}
    found = {}
    for item in ITEMS:
        answer = httpx.get(f"{url}/api/{item.kind}s/demo/{item.name}/commits/main", headers=headers, trust_env=False)
        found[item.name] = [commit["title"] for commit in answer.json()]
    return found


def test_the_demo_publishes_and_when_run_again_changes_nothing_of_its_own_or_others(tmp_path: Path):
    port = free_port()
    with demo(tmp_path / "data", port) as first:
        said = said_until(first, "The hub is running")
        url, token = f"http://127.0.0.1:{port}", re.search(r"export HF_TOKEN=(\S+)", said)[1]
        assert re.search(r"What is the capital of France\? .*Paris", said), said[-2000:]
        assert "That is wrong" not in said
        published = commits(url, token)
        assert published == {item.name: [f"Publish {item.what}", "initial commit"] for item in ITEMS}
        link = re.search(r"Administrator\s+(\S+)", said)[1]
        with httpx.Client(trust_env=False, follow_redirects=True) as browser:
            assert browser.get(link).status_code == 200
        first.send_signal(signal.SIGINT)
        assert first.wait(60) == 0
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))  # the hub is gone with it

    with demo(tmp_path / "data", port) as second:
        said = said_until(second, "The hub is running")
        assert said.count("already there") == len(ITEMS)
        assert re.search(r"export HF_TOKEN=(\S+)", said)[1] == token
        assert commits(url, token) == published
        _change_a_card(url, token)

    with demo(tmp_path / "data", port) as third:
        said = said_until(third, "The hub is running")
        assert "changed on the hub, left alone: README.md" in said
        assert httpx.get(f"{url}/{CHANGED}/resolve/main/README.md", trust_env=False).text == "# Mine\n"


def _change_a_card(url: str, token: str) -> None:
    body = '{"key":"header","value":{"summary":"Mine"}}\n'
    body += '{"key":"file","value":{"path":"README.md","content":"IyBNaW5lCg==","encoding":"base64"}}\n'
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
    address = f"{url}/api/models/{CHANGED}/commit/main"
    assert httpx.post(address, content=body, headers=headers, trust_env=False).status_code == 200


def test_a_taken_port_is_said_and_nothing_is_started(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with demo(tmp_path / "data", port) as process:
            assert f"make demo PORT={port + 1}" in said_until(process, "make demo PORT=")
            assert process.wait(60) == 1
    assert not (tmp_path / "data").exists()
