"""A full disk and a read-only directory, in a mount namespace of their own: nothing of the machine is touched.

Run as ``unshare ... python -m tests.fault.scenarios NAME FOLDER CLIENT_PYTHON`` by ``test_disk.py``: mounting needs a
namespace, and a process can enter one only before it has threads. Each scenario asserts for itself.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.fixtures.servers import COMMAND, Live, launch

DISK_BYTES = 192 << 20
LEFT_BYTES = 2 << 20
#: More than the hub keeps in reserve, less than any of the uploads.
HALF_WAY_BYTES = 7 << 20
#: Path, size, and whether it may go by Xet: one by each way in.
UPLOADS = (("xet.bin", 9_000_000, True), ("lfs.bin", 9_000_000, False), ("inline.txt", 9_000_000, False))
SCRIPT = Path(__file__).parent / "scripts" / "put.py"
NO_XET = {"HF_HUB_DISABLE_XET": "1"}
#: A client may repeat a call that failed several times before it gives up.
CLIENT_TIMEOUT_S = 240


class Hub:
    """A server on a small disk, and the official client of one person."""

    def __init__(self, folder: Path, python: str) -> None:
        self.folder, self.python = folder, python
        self.disk = folder / "disk"
        self.disk.mkdir()
        _mount("-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(self.disk))
        self.live: Live = launch(self.disk / "data")

    def put(
        self, path: str, size_bytes: int, *, seed: int, repo: str = "alice/disk", xet: bool = True
    ) -> dict[str, Any]:
        """What the client's user sees of one upload."""
        given = {"repo": repo, "path": path, "size_bytes": size_bytes, "seed": seed}
        home = self.folder / f"home-{seed}"
        variables = {"HF_ENDPOINT": self.live.url, "HF_TOKEN": self.live.tokens["alice"], "HF_HOME": str(home)}
        variables |= {"PATH": os.environ["PATH"], "HOME": str(home), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        done = subprocess.run(
            [self.python, str(SCRIPT), json.dumps(given)],
            env=variables | ({} if xet else NO_XET),
            capture_output=True,
            text=True,
            timeout=CLIENT_TIMEOUT_S,
            check=True,
        )
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    def get(self, path: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.live.tokens['alice']}"}
        return httpx.get(self.live.url + path, headers=headers, timeout=30, trust_env=False, follow_redirects=True)

    def head(self, repo: str = "alice/disk") -> str:
        answer = self.get(f"/api/models/{repo}")
        assert answer.status_code == 200, answer.text
        sha: str = answer.json()["sha"]
        return sha

    def has(self, path: str, sha256: str) -> bool:
        answer = self.get(f"/alice/disk/resolve/main/{path}")
        return answer.status_code == 200 and hashlib.sha256(answer.content).hexdigest() == sha256

    def doctor(self) -> "subprocess.CompletedProcess[str]":
        command = [str(COMMAND), "doctor", "--data", str(self.live.data)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def full_disk(hub: Hub) -> None:
    """Nothing fits any more: writes are refused in clear words, reads go on, and with room again all is as before."""
    before = hub.put("before.bin", 3_000_000, seed=1)
    assert before["error"] is None, before
    filler = hub.disk / "filler"
    _fill(filler, LEFT_BYTES)
    head = hub.head()
    for seed, (path, size_bytes, xet) in enumerate(UPLOADS, 2):
        refused = hub.put(path, size_bytes, seed=seed, xet=xet)
        assert refused["error"], f"{path} was acknowledged on a full disk"
        assert "disk is full" in refused["error"], refused
    assert hub.head() == head
    assert hub.has("before.bin", before["sha256"]), "what was there before cannot be read on a full disk"
    filler.unlink()
    _all_fit(hub)


def full_half_way(hub: Hub) -> None:
    """There is room when an upload begins, and none for the whole of it."""
    assert hub.put("before.bin", 100_000, seed=1)["error"] is None
    filler = hub.disk / "filler"
    _fill(filler, HALF_WAY_BYTES)
    head = hub.head()
    for seed, (path, size_bytes, xet) in enumerate(UPLOADS, 2):
        refused = hub.put(path, size_bytes, seed=seed, xet=xet)
        assert refused["error"], f"{path} was acknowledged and cannot have fitted"
        # hf-xet shows the status alone, and would repeat a 507 for minutes before it shows even that.
        assert ("413" if xet else "disk is full") in refused["error"], refused
        assert hub.head() == head
    filler.unlink()
    _all_fit(hub)


def _all_fit(hub: Hub) -> None:
    for seed, (path, size_bytes, xet) in enumerate(UPLOADS, 2):
        again = hub.put(path, size_bytes, seed=seed, xet=xet)
        assert again["error"] is None, again
        assert hub.has(path, again["sha256"])
    assert hub.doctor().returncode == 0, hub.doctor().stdout


def full_to_the_last_byte(hub: Hub) -> None:
    """Not even a database page fits: small writes are refused in clear words too, and nothing needs a restart."""
    assert hub.put("before.bin", 100_000, seed=1)["error"] is None
    filler = hub.disk / "filler"
    _fill(filler, left_bytes=0)
    refused = hub.put("small.txt", 100_000, seed=2, xet=False)
    assert "disk is full" in refused["error"], refused
    headers = {"Authorization": f"Bearer {hub.live.tokens['alice']}"}
    body = {"name": "no-room", "type": "model"}
    created = httpx.post(f"{hub.live.url}/api/repos/create", json=body, headers=headers, timeout=60, trust_env=False)
    assert created.status_code == 507, (created.status_code, created.text)
    assert "full" in created.json()["error"]
    filler.unlink()
    assert hub.put("small.txt", 100_000, seed=2, xet=False)["error"] is None
    assert hub.put("other.txt", 10, seed=3, repo="alice/no-room")["error"] is None


def read_only_store(hub: Hub) -> None:
    """The bytes' directory becomes read-only under a running hub."""
    before = hub.put("before.bin", 3_000_000, seed=1)
    store = hub.live.data / "store"
    _mount("--bind", str(store), str(store))
    _mount("-o", "remount,bind,ro", str(store))
    head = hub.head()
    for seed, xet in ((2, True), (3, False)):
        refused = hub.put("late.bin", 1_000_000, seed=seed, xet=xet)
        assert refused["error"], "acknowledged, on a read-only directory"
        assert "cannot write to its data directory" in refused["error"], refused
    assert hub.head() == head
    assert hub.has("before.bin", before["sha256"])
    subprocess.run(["umount", str(store)], check=True)
    again = hub.put("late.bin", 1_000_000, seed=3, xet=False)
    assert again["error"] is None, again
    assert hub.has("late.bin", again["sha256"])


def read_only_at_start(hub: Hub) -> None:
    """A hub whose whole data directory is read-only says so and does not start; afterwards it does."""
    before = hub.put("before.bin", 1_000_000, seed=1)
    hub.live.stop()
    _mount("-o", "remount,ro", str(hub.disk))
    command = [str(COMMAND), "serve", "--data", str(hub.live.data), "--port", str(hub.live.port)]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode not in (0, -9), refused
    said = refused.stderr.strip()
    assert "Traceback" not in said, said
    assert "read-only" in said.lower() or "writable" in said.lower(), said
    looked = hub.doctor()
    assert looked.returncode == 1, looked
    assert "writable" in looked.stdout, looked.stdout
    _mount("-o", "remount,rw", str(hub.disk))
    hub.live.start()
    assert hub.has("before.bin", before["sha256"])
    assert hub.put("after.bin", 1_000_000, seed=2)["error"] is None


SCENARIOS = {
    scenario.__name__: scenario
    for scenario in (full_disk, full_half_way, full_to_the_last_byte, read_only_store, read_only_at_start)
}


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _fill(path: Path, left_bytes: int) -> None:
    """Write ``path`` until only ``left_bytes`` of its disk are left."""
    with path.open("wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(1 << 20))
        except OSError:
            pass
        out.truncate(max(0, out.tell() - left_bytes))


def main(name: str, folder: str, python: str) -> None:
    hub = Hub(Path(folder), python)
    try:
        SCENARIOS[name](hub)
    except BaseException:
        print(hub.live.log[-6000:], file=sys.stderr)
        raise
    finally:
        hub.live.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
