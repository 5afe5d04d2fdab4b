"""The official Xet wheel against a live hub, each call a machine that has never been here before."""

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fixtures.servers import Live

pytestmark = [pytest.mark.compat, pytest.mark.timeout(300)]

SIZE = 40_000_000
#: Prints what the wheel found out about the file it sent. Arguments: token address, headers as JSON, path.
SEND = """
import hf_xet, json, sys
address, headers, path = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
with hf_xet.XetSession().new_upload_commit(token_refresh_url=address, token_refresh_headers=headers) as commit:
    handle = commit.start_upload_file(path, sha256=hf_xet.COMPUTE_SHA256)
info = handle.result().xet_info
print(json.dumps({"hash": info.hash, "sha256": info.sha256, "size": info.file_size}))
"""
FETCH = """
import hf_xet, json, sys
address, headers, path, name, size = sys.argv[1], json.loads(sys.argv[2]), *sys.argv[3:]
with hf_xet.XetSession().new_file_download_group(token_refresh_url=address, token_refresh_headers=headers) as group:
    group.start_download_file(hf_xet.XetFileInfo(name, int(size)), path)
"""


@pytest.fixture
def fresh_machine(live: Live, tmp_path: Path) -> Callable[..., str]:
    """``fresh_machine(script, scope, ...)``: what the script prints, on a machine without any cache."""
    made = 0

    def run(script: str, scope: str, *arguments: str) -> str:
        nonlocal made
        made += 1
        home = str(tmp_path / f"home-{made}")
        address = f"{live.url}/api/models/alice/wheel/xet-{scope}-token/main"
        headers = json.dumps({"Authorization": f"Bearer {live.tokens['alice']}"})
        done = subprocess.run(
            [sys.executable, "-c", script, address, headers, *arguments],
            env={"PATH": os.environ["PATH"], "HOME": home, "HF_HOME": home, "HF_XET_CACHE": f"{home}/xet"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def sent_bytes(live: Live) -> Callable[[], int]:
    """Bytes of xorbs in the store."""

    def count() -> int:
        return sum(p.stat().st_size for p in (live.data / "store" / "xorbs").rglob("*") if len(p.name) == 64)

    return count


def test_up_down_and_up_again(
    live: Live, fresh_machine: Callable[..., str], sent_bytes: Callable[[], int], tmp_path: Path
) -> None:
    body = {"name": "wheel"}
    headers = {"Authorization": f"Bearer {live.tokens['alice']}"}
    assert httpx.post(f"{live.url}/api/repos/create", json=body, headers=headers, trust_env=False).status_code == 200
    data = bytearray(random.Random(1).randbytes(SIZE))
    first = send(fresh_machine, tmp_path / "first", data)
    fetched = tmp_path / "fetched"
    fresh_machine(FETCH, "read", str(fetched), first["hash"], str(SIZE))
    assert hashlib.sha256(fetched.read_bytes()).hexdigest() == first["sha256"]

    before = sent_bytes()
    assert before >= SIZE
    assert send(fresh_machine, tmp_path / "again", data) == first
    assert sent_bytes() == before

    for at in (3_000_000, 14_000_000, 22_000_000, 37_000_000):  # 1 % of the file
        data[at : at + 100_000] = random.Random(at).randbytes(100_000)
    edited = send(fresh_machine, tmp_path / "edited", data)
    assert 0 < sent_bytes() - before <= SIZE * 0.022
    fresh_machine(FETCH, "read", str(fetched), edited["hash"], str(SIZE))
    assert hashlib.sha256(fetched.read_bytes()).hexdigest() == edited["sha256"]


def send(fresh_machine: Callable[..., str], path: Path, data: bytearray) -> dict[str, Any]:
    path.write_bytes(data)
    found: dict[str, Any] = json.loads(fresh_machine(SEND, "write", str(path)))
    assert found["sha256"] == hashlib.sha256(data).hexdigest()
    return found
