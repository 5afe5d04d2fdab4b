"""``kill -9`` of the server at random moments while official clients commit.

After each restart every acknowledged commit is whole, nothing half-done is visible, and the call that was interrupted
succeeds when it is repeated. ``KILLS=200`` in the environment makes the full run; ``KILL_SEED`` repeats one.
"""

import json
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fault import plan
from tests.fixtures.clients import RELEASES, Clients, Release
from tests.fixtures.servers import COMMAND, Live

KILLS = int(os.environ.get("KILLS", "12"))
SEED = int(os.environ.get("KILL_SEED", "0")) or time.time_ns() % 10**9
#: The longest that the server lives between two kills, once it answers.
LIFE_S = 3.0
#: A writer that was interrupted is done again this soon after the server is back for good.
FINISH_S = 300
HERE = Path(__file__).parent

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300 + 15 * KILLS)]


@dataclass
class Writer:
    """One official client that commits step after step to its own repository."""

    number: int
    release: Release
    folder: Path
    seen: set[str] = field(default_factory=set)

    @property
    def repo(self) -> str:
        return f"alice/writer-{self.number}"

    @property
    def stop_file(self) -> Path:
        return self.folder / "stop"

    @property
    def said(self) -> str:
        return (self.folder / "said").read_text()

    def start(self, clients: Clients, hub: Live) -> "subprocess.Popen[bytes]":
        self.folder.mkdir()
        given = {
            "repo": self.repo,
            "writer": self.number,
            "plan": str(HERE),
            "journal": str(self.folder / "journal"),
            "stop": str(self.stop_file),
            "hold": str(self.folder.parent / "hold"),
        }
        python = clients.environment(self.release.environment) / "bin" / "python"
        with (self.folder / "said").open("wb") as said:
            return subprocess.Popen(
                [str(python), str(HERE / "scripts" / "writer.py"), json.dumps(given)],
                env=clients.variables(self.release, hub, hub.tokens["alice"]),
                stdout=said,
                stderr=said,
            )

    def journal(self) -> list[dict[str, Any]]:
        """Every acknowledged step so far."""
        path = self.folder / "journal"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]


@contextmanager
def writing(writers: list[Writer], clients: Clients, hub: Live) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """The writers write; at the end they are told to finish what they have begun, and did so."""
    processes = [writer.start(clients, hub) for writer in writers]
    try:
        yield processes
        for writer, process in zip(writers, processes, strict=True):
            writer.stop_file.touch()
            status = process.wait(FINISH_S)
            assert status == 0, f"{writer.release.name} ended with {status}:\n{writer.said}"
    finally:
        for process in processes:
            process.kill()
            process.wait()


def check(writer: Writer, hub: Live, *, everything: bool = False) -> None:
    """What the hub shows of the writer's repository is whole, and holds all that was acknowledged.

    Looks at commits not looked at before, or with ``everything`` at all of them, and at the bytes of the newest.
    """
    acknowledged = writer.journal()
    headers = {"Authorization": f"Bearer {hub.tokens['alice']}"}
    with httpx.Client(base_url=hub.url, headers=headers, timeout=30, trust_env=False) as api:
        refs = api.get(f"/api/models/{writer.repo}/refs").json()
        commits = list(_pages(api, f"/api/models/{writer.repo}/commits/main"))
        if not commits and not acknowledged:
            return
        assert [branch["name"] for branch in refs["branches"]] == ["main"], refs
        assert refs["branches"][0]["targetCommit"] in {commit["id"] for commit in commits}
        steps = {commit["id"]: int(commit["title"].removeprefix("step ")) for commit in commits[:-1]}
        # A reply that was lost is asked for again, so a step may stand there twice; none is missing or out of order.
        assert list(steps.values()) == sorted(steps.values(), reverse=True)
        assert set(steps.values()) == set(range(len(set(steps.values()))))
        assert {entry["oid"]: entry["step"] for entry in acknowledged}.items() <= steps.items()
        for oid, step in steps.items():
            if everything or oid not in writer.seen:
                _check_tree(api, writer, oid, step)
                writer.seen.add(oid)
        for oid, step in steps.items() if everything else list(steps.items())[:1]:
            _check_bytes(api, writer, oid, step)


def _pages(api: httpx.Client, path: str) -> Iterator[dict[str, Any]]:
    address: str | None = path
    while address:
        answer = api.get(address)
        if answer.headers.get("x-error-code") == "RepoNotFound":
            return
        assert answer.status_code == 200, answer.text
        yield from answer.json()
        address = answer.links.get("next", {}).get("url")


def _check_tree(api: httpx.Client, writer: Writer, oid: str, step: int) -> None:
    """The tree of a visible commit is exactly that of its step."""
    found = {}
    for entry in _pages(api, f"/api/models/{writer.repo}/tree/{oid}?recursive=true"):
        if entry["type"] == "file" and entry["path"] != ".gitattributes":
            found[entry["path"]] = entry["lfs"]["oid"] if "lfs" in entry else entry["oid"]
    assert found == plan.ids(writer.number, step), f"{writer.repo} at step {step}"


def _check_bytes(api: httpx.Client, writer: Writer, oid: str, step: int) -> None:
    """Each file that a step brought comes back byte for byte."""
    for path, data in plan.changes(writer.number, step).items():
        answer = api.get(f"/{writer.repo}/resolve/{oid}/{path}", follow_redirects=True)
        assert answer.status_code == 200, f"{writer.repo}/{path} at step {step}: {answer.text[:300]}"
        assert answer.content == data, f"{writer.repo}/{path} at step {step} is not what was sent"


def test_nothing_is_lost_when_the_server_is_killed(
    serve: Callable[..., Live], clients: Clients, tmp_path: Path, record_property: Callable[[str, object], None]
):
    chance = random.Random(SEED)
    releases = (RELEASES[0], RELEASES[1], RELEASES[4])
    writers = [Writer(number, release, tmp_path / f"writer-{number}") for number, release in enumerate(releases, 1)]
    hub = serve()
    with writing(writers, clients, hub) as processes:
        for _ in range(KILLS):
            time.sleep(chance.uniform(0, LIFE_S))
            hub.kill()
            hub.start()
            assert all(process.poll() is None for process in processes), [writer.said for writer in writers]
            # Nobody begins a step while the commits are looked at, or looking would never catch up.
            (tmp_path / "hold").touch()
            for writer in writers:
                check(writer, hub)
            (tmp_path / "hold").unlink()
        # The kills come by the clock, the steps as fast as the machine is: whoever got none through has its time now.
        finish_by = time.monotonic() + FINISH_S
        while not all(len(writer.journal()) > 1 for writer in writers):
            assert time.monotonic() < finish_by, [(len(writer.journal()), writer.said) for writer in writers]
            time.sleep(0.1)
    with ThreadPoolExecutor(len(writers)) as pool:
        list(pool.map(lambda writer: check(writer, hub, everything=True), writers))
    entries = [entry for writer in writers for entry in writer.journal()]
    errors = [error for entry in entries for error in entry["errors"]]
    # A connection that breaks has no status. Anything else was an answer, and no answer may be wrong or our bug.
    answered = [error for error in errors if error["status"] is not None]
    assert not answered, answered
    interrupted = sum(bool(entry["errors"]) for entry in entries)
    assert interrupted, f"no call was interrupted by {KILLS} kills: the test proves nothing (seed {SEED})"
    told = {"kills": KILLS, "seed": SEED, "commits": len(entries), "interrupted_calls": interrupted}
    told |= {"errors": dict(Counter(error["kind"] for error in errors))}
    # Besides the calls that raised, those that the client repeated by itself without telling anyone but its log.
    told["repeated_inside_the_client"] = sum(writer.said.count("thrown while requesting") for writer in writers)
    record_property("kill", told)
    print(json.dumps(told))
    hub.stop()
    subprocess.run([str(COMMAND), "doctor", "--data", str(hub.data)], check=True, timeout=60)
