"""Freehold as its users start it, and the official client as they run it."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import wire
from bench.machine import PYTHON, ROOT, Process, clean_environment

CLIENT = "client-2"
CLIENT_TIMEOUT_S = 900
OWNER = "bench"


class Hub:
    """``freehold serve`` on a data directory, with one person and a token that may write."""

    def __init__(self, data: Path, env: Mapping[str, str] | None = None, *, port: int | None = None) -> None:
        self.data = data
        self.port = port or wire.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._env = dict(env or {})
        command = [str(PYTHON), "-m", "freehold", "serve", "--data", str(data), "--port", str(self.port)]
        data.mkdir(parents=True, exist_ok=True)
        self.process = Process(command, log=data.with_suffix(".log"), env=self._env)
        self.process.wait_until(lambda: wire.answers(f"{self.url}/health"))

    def make_person(self) -> str:
        """The token of a new person."""
        self._command("user", "create", OWNER)
        return self._command("token", "create", OWNER, "--name", "bench", "--scope", "write")

    def _command(self, *arguments: str) -> str:
        command = [str(PYTHON), "-m", "freehold", *arguments, "--data", str(self.data)]
        env = {**clean_environment(), **self._env}
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
        return done.stdout.strip()


class Client:
    """The official client in its own environment; ``home`` is its machine: configuration and caches."""

    def __init__(self, home: Path, url: str, token: str, *, xet: bool = True) -> None:
        subprocess.run(["sh", "scripts/environment.sh", CLIENT, f".envs/{CLIENT}"], cwd=ROOT, check=True, timeout=600)
        home.mkdir(parents=True, exist_ok=True)
        self.token = token
        self._env = {
            **clean_environment(),
            "HOME": str(home),
            "HF_HOME": str(home / "hf"),
            "HF_ENDPOINT": url,
            "HF_TOKEN": token,
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            **({} if xet else {"HF_HUB_DISABLE_XET": "1"}),
        }

    def upload(self, repo: str, path: Path, name: str) -> dict[str, Any]:
        """``path`` is ``name`` in ``repo``, which is made when missing; returns what the client saw."""
        return self.run("upload.py", repo=repo, path=str(path), name=name)

    def run(self, script: str, **given: Any) -> dict[str, Any]:
        """The last line that ``bench/scripts/SCRIPT`` prints, as JSON."""
        python = ROOT / ".envs" / CLIENT / "bin" / "python"
        command = [str(python), str(ROOT / "bench" / "scripts" / script), json.dumps(given)]
        done = subprocess.run(
            command, env=self._env, capture_output=True, text=True, timeout=CLIENT_TIMEOUT_S, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{script}: {done.stdout[-1000:]}{done.stderr[-3000:]}")
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told


def noise(path: Path, size_bytes: int) -> Path:
    """A new file of random bytes, which nothing can compress or deduplicate."""
    with path.open("wb", buffering=0) as file:
        for start in range(0, size_bytes, 16 << 20):
            file.write(os.urandom(min(16 << 20, size_bytes - start)))
    return path
