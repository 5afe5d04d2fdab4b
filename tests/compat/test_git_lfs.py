"""The real git-lfs against a live hub: up with a token as password, down without any."""

import os
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.fixtures.servers import Live
from tests.fixtures.tools import lacking

pytestmark = pytest.mark.compat


def git(folder: Path, *words: str) -> str:
    environ = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", *words], cwd=folder, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_git_lfs_sends_and_fetches(live: Live, tmp_path: Path) -> None:
    if not shutil.which("git-lfs"):
        lacking("git-lfs is missing: run 'apt-get install git-lfs', then repeat the tests.")
    token = live.tokens["alice"]
    said = {"name": "by-git-lfs"}
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.post(f"{live.url}/api/repos/create", json=said, headers=headers).status_code == 200
    data = os.urandom(3_000_000)
    (tmp_path / "weights.bin").write_bytes(data)
    anonymous = f"{live.url}/alice/by-git-lfs"
    signed_in = anonymous.replace("http://", f"http://anyone:{token}@")
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "lfs", "install", "--local")
    git(tmp_path, "config", "user.name", "Alice")
    git(tmp_path, "config", "user.email", "alice@hub.test")
    git(tmp_path, "lfs", "track", "*.bin")
    git(tmp_path, "add", ".gitattributes", "weights.bin")
    git(tmp_path, "commit", "-q", "-m", "weights")
    oid = git(tmp_path, "lfs", "ls-files", "-l").split()[0]

    git(tmp_path, "remote", "add", "origin", signed_in)
    git(tmp_path, "lfs", "push", "--object-id", "origin", oid)
    shutil.rmtree(tmp_path / ".git" / "lfs" / "objects")
    git(tmp_path, "remote", "set-url", "origin", anonymous)
    (tmp_path / "weights.bin").unlink()
    git(tmp_path, "lfs", "fetch", "origin", "HEAD")
    git(tmp_path, "checkout", "weights.bin")

    assert (tmp_path / "weights.bin").read_bytes() == data
