"""``kill -9`` of the server at random moments while real git pushes, and pushers that leave half-way.

After each restart a ref is where it was or where the push moves it, never between, an atomic push has moved all of its
refs or none, and a clone is whole. ``KILLS`` and ``KILL_SEED`` as for the other kills.
"""

import base64
import json
import os
import random
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.fixtures.gits import Git, address
from tests.fixtures.servers import Live

KILLS = int(os.environ.get("KILLS", "12"))
SEED = int(os.environ.get("KILL_SEED", "0")) or time.time_ns() % 10**9
LIFE_S = 1.0
GIVE_UP_S = 300

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300 + 15 * KILLS)]


@dataclass
class Pusher:
    """One person who commits and pushes ``main`` and a tag of every step, all or nothing, until told to stop."""

    work: Git
    url: str
    ended: threading.Event
    hold: threading.Event
    steps: list[str] = field(default_factory=list)  # every commit that was tried, in order
    acknowledged: int = -1
    interrupted: int = 0
    odd: list[str] = field(default_factory=list)

    def run(self) -> None:
        while not self.ended.is_set():
            if self.hold.is_set():
                time.sleep(0.02)
                continue
            step = len(self.steps)
            data = random.Random(step).randbytes(150_000)
            self.steps.append(
                self.work.commit(f"step {step}", **{f"file{step % 7}__dat": data, "step__txt": f"{step}"})
            )
            self.work("tag", "-a", f"v{step}", "-m", f"step {step}")
            self._push(step)
            self.acknowledged = step

    def _push(self, step: int) -> None:
        line = ["git", "push", "--atomic", self.url, "main", f"v{step}"]
        started = time.monotonic()
        while True:
            done = subprocess.run(line, cwd=self.work.folder, capture_output=True, text=True, timeout=120, check=False)
            if done.returncode == 0:
                return
            self.interrupted += 1
            if "rejected" in done.stderr:
                self.odd.append(done.stderr)
            assert time.monotonic() - started < GIVE_UP_S, done.stderr
            time.sleep(0.5)


def check(pusher: Pusher, home: Git, name: str) -> None:
    """What a clone shows is old or new, and whole."""
    acknowledged, tried = pusher.acknowledged, list(pusher.steps)
    clone = home.clone(pusher.url, to=name)
    step = clone("log", "-1", "--format=%s").removeprefix("step ")
    tags = set(clone("tag").split())
    if step == "initial commit":
        assert acknowledged == -1 and not tags
        return
    at = int(step)
    assert acknowledged <= at < len(tried), (acknowledged, at, len(tried))
    assert clone("rev-parse", "HEAD") == tried[at]
    assert tags == {f"v{number}" for number in range(at + 1)}, "all refs of a push moved, or none"


def test_refs_are_old_or_new_when_the_server_is_killed(
    serve: Callable[..., Live], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(SEED)
    hub = serve()
    home, ended, hold = Git(tmp_path), threading.Event(), threading.Event()
    pushers = []
    for number in range(2):
        said = {"name": f"pushed-{number}"}
        headers = {"Authorization": f"Bearer {hub.tokens['alice']}"}
        assert httpx.post(f"{hub.url}/api/repos/create", json=said, headers=headers, trust_env=False).status_code == 200
        url = address(hub, f"alice/pushed-{number}", "alice")
        pushers.append(Pusher(home.clone(url, to=f"work-{number}"), url, ended, hold))
    threads = [threading.Thread(target=pusher.run) for pusher in pushers]
    for thread in threads:
        thread.start()
    try:
        for kill in range(KILLS):
            time.sleep(chance.uniform(0, LIFE_S))
            hub.kill()
            hub.start()
            hold.set()
            for number, pusher in enumerate(pushers):
                check(pusher, home, f"clone-{kill}-{number}")
            hold.clear()
    finally:
        ended.set()
        for thread in threads:
            thread.join(GIVE_UP_S)
    for number, pusher in enumerate(pushers):
        check(pusher, home, f"last-{number}")
        assert pusher.acknowledged == len(pusher.steps) - 1 > 0
        # Pushed again after a reply that was lost, the refs are there already: git says so, and nobody is refused.
        assert pusher.odd == []
    told = {"kills": KILLS, "seed": SEED, "pushes": sum(len(pusher.steps) for pusher in pushers)}
    told |= {"interrupted": sum(pusher.interrupted for pusher in pushers)}
    record_property("kill", told)
    print(json.dumps(told))
    assert told["interrupted"], f"no push was interrupted by {KILLS} kills: the test proves nothing (seed {SEED})"


@pytest.mark.parametrize("ending", ["a chunk cut off", "no last chunk", "silence"])
def test_a_pusher_that_leaves_half_way_leaves_nothing(live: Live, tmp_path: Path, ending: str) -> None:
    name = f"left-{ending.replace(' ', '-')}"
    headers = {"Authorization": f"Bearer {live.tokens['alice']}"}
    assert httpx.post(f"{live.url}/api/repos/create", json={"name": name}, headers=headers, trust_env=False).is_success
    credentials = base64.b64encode(f"x:{live.tokens['alice']}".encode()).decode()
    head = (
        f"POST /alice/{name}.git/git-receive-pack HTTP/1.1\r\nHost: 127.0.0.1:{live.port}\r\n"
        f"Authorization: Basic {credentials}\r\nContent-Type: application/x-git-receive-pack-request\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    command = f"{'0' * 40} {'1' * 40} refs/heads/new\0report-status"
    sent = f"{len(command) + 4:04x}{command}0000PACK\0\0\0\2\0\0\1\0".encode() + b"\x35" * 300_000
    with socket.create_connection(("127.0.0.1", live.port)) as connection:
        connection.sendall(head.encode())
        size = len(sent) + (1000 if ending == "a chunk cut off" else 0)
        connection.sendall(f"{size:x}\r\n".encode() + sent + (b"" if ending == "a chunk cut off" else b"\r\n"))
        time.sleep(0.3)
        if ending == "silence":
            assert list((live.data / "tmp").glob("push-*")), "the pack is on its way in"
    deadline = time.monotonic() + 20
    while list((live.data / "tmp").glob("push-*")):
        assert time.monotonic() < deadline, "what a pusher left is still there"
        time.sleep(0.05)
    assert "new" not in Git(tmp_path)("ls-remote", address(live, f"alice/{name}"))
