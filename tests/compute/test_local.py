"""Jobs on this machine: they say where they answer, are ended for sure, and leave nothing behind however they end."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from freehold.compute import local, processes, service
from freehold.compute.errors import JobFailed
from freehold.compute.rules import Job, Running

#: What a job's program does before it says anything: reads its line, and ends when stdin does.
BEGIN = """
import json, os, sys, threading, time
said = json.loads(sys.stdin.buffer.readline())
def wait():
    sys.stdin.buffer.read()
    os._exit(0)
def ready(port=1234, **more):
    threading.Thread(target=wait, daemon=True).start()
    print(json.dumps({"port": port, **more}), flush=True)
"""
WAIT = "ready(); time.sleep(600)"


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    before, children = (_descriptors(), threading.active_count()), _children()  # other tests keep some of their own
    yield
    service.stop_all()
    for _ in range(100):  # a thread ends a moment after what it watched
        if (_descriptors(), threading.active_count()) == before:
            break
        time.sleep(0.02)
    assert (_descriptors(), threading.active_count()) == before
    assert _children() <= children, "a process is left, perhaps unreaped"


def job(code: str, **given: Any) -> Job:
    options = {"model": "/somewhere", **given.pop("options", {})}
    return Job(name="a test", argv=[sys.executable, "-I", "-S", "-c", BEGIN + code], options=options, **given)


def test_a_job_says_where_it_answers_and_has_a_key_of_its_own() -> None:
    code = """
import http.server
class Says(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        is_right = self.headers["Authorization"] == "Bearer " + said["key"]
        self.send_response(200 if is_right else 401)
        self.end_headers()
        self.wfile.write(json.dumps([self.path, said["model"]]).encode())
server = http.server.HTTPServer(("127.0.0.1", 0), Says)
ready(server.server_port, path="/inside/")
server.serve_forever()
"""
    first, second = service.start(job(code)), service.start(job(code))
    assert first.key != second.key
    assert first.address == f"http://127.0.0.1:{first.port}/inside"
    asked = urllib.request.Request(f"{first.address}/health", headers={"Authorization": f"Bearer {first.key}"})
    with urllib.request.urlopen(asked) as answer:
        assert json.load(answer) == ["/inside/health", "/somewhere"]
    first.stop()
    assert not first.is_alive
    assert first.failure is None, "it was asked to"
    assert second.is_alive


def test_a_job_sees_nothing_of_the_hubs_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREEHOLD_SECRET", "seal")
    code = "print(sorted(os.environ), file=sys.stderr); ready(); time.sleep(600)"
    running = service.start(job(code, environment={"OMP_NUM_THREADS": "1"}))
    running.stop()
    names = set(json.loads(running.log().replace("'", '"')))
    assert "OMP_NUM_THREADS" in names
    assert not {name for name in names if "SECRET" in name or name in ("HOME", "USER", "VIRTUAL_ENV")}


@pytest.mark.parametrize(
    ("code", "failure", "words"),
    [
        ('print(json.dumps({"error": "No model.", "code": "bad_model"}), flush=True)', "bad_model", "No model."),
        ('print(json.dumps({"error": "?", "code": "new"}), flush=True)', "crashed", "?"),
        ("sys.exit(3)", "crashed", "exit status 3"),
        ("os.abort()", "crashed", "SIGABRT"),
        ("os.kill(os.getpid(), 15)", "killed", "SIGTERM"),
        ('print("hello", flush=True); time.sleep(600)', "crashed", "understood"),
        ('print("[" * 50_000, flush=True); time.sleep(600)', "crashed", "understood"),
        ('print("x" * 200_000, flush=True); time.sleep(600)', "crashed", "understood"),
        ('print(json.dumps({"port": 10 ** 9}), flush=True); time.sleep(600)', "crashed", "did not start"),
    ],
)  # fmt: skip
def test_what_does_not_start_says_why(code: str, failure: str, words: str) -> None:
    with pytest.raises(JobFailed) as raised:
        service.start(job(code))
    assert raised.value.failure == failure
    assert words in raised.value.message


def test_what_is_not_there_is_not_installed() -> None:
    with pytest.raises(JobFailed) as raised:
        service.start(Job(name="vLLM", argv=["/no/such/program"], options={}))
    assert raised.value.failure == "not_installed"


def test_what_takes_too_long_is_ended_though_it_listens_to_nothing() -> None:
    code = "import signal; signal.signal(15, signal.SIG_IGN); print(os.getpid(), file=sys.stderr); time.sleep(600)"
    with pytest.raises(JobFailed) as raised:
        service.start(job(code, ready_s=1.0))
    assert raised.value.failure == "too_slow"
    assert not _exists(int(raised.value.log))


def test_a_job_can_be_stopped_before_it_is_ready() -> None:
    running = service.begin(job("time.sleep(600)"))
    threading.Timer(0.2, running.stop).start()
    with pytest.raises(JobFailed) as raised:
        service.ready(running)
    assert raised.value.failure == "stopped"


def test_a_job_over_its_memory_is_ended_and_said_to_be_so() -> None:
    code = "ready(); kept = [bytearray(b'x' * 10_000_000) for _ in range(30)]; time.sleep(600)"
    running = service.start(job(code, memory_bytes=100_000_000))
    _until(lambda: not running.is_alive)
    assert running.failure is not None
    assert running.failure[0] == "out_of_memory"
    assert "100 MB" in running.failure[1]
    assert running.took().peak_memory_bytes > 100_000_000


@pytest.mark.parametrize(
    ("tells", "failure"), [((0, 0), "killed"), ((0, 1), "out_of_memory"), ((None, None), "out_of_memory")]
)
def test_one_that_is_killed_is_out_of_memory_where_the_system_may_have_done_it(
    tells: tuple[int | None, int | None], failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = tells
    monkeypatch.setattr(processes, "_ended_for_memory", lambda: before)
    running = service.start(job(WAIT))
    monkeypatch.setattr(processes, "_ended_for_memory", lambda: after)
    os.kill(running.pid, signal.SIGKILL)
    _until(lambda: not running.is_alive)
    assert running.failure is not None
    assert running.failure[0] == failure


def test_files_that_are_mapped_are_not_counted_as_its_own(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"w" * 150_000_000)
    code = """
import mmap
weights = mmap.mmap(os.open(said["weights"], os.O_RDONLY), 0, prot=mmap.PROT_READ)
assert sum(weights[at] for at in range(0, len(weights), 4096))
ready()
time.sleep(600)
"""
    given = job(code, memory_bytes=60_000_000, options={"weights": os.fspath(tmp_path / "weights")})
    running = service.start(given)
    assert running.took().memory_bytes > 150_000_000
    time.sleep(3 * local.LOOK_S)
    assert running.is_alive


def test_where_memory_runs_out_a_job_goes_first_and_not_the_hub() -> None:
    running = service.start(job(WAIT))
    assert Path(f"/proc/{running.pid}/oom_score_adj").read_text().strip() == local.FIRST_TO_GO
    assert Path("/proc/self/oom_score_adj").read_text().strip() != local.FIRST_TO_GO
    running.stop()


def test_an_end_nobody_asked_for_is_told_with_its_reason() -> None:
    told: list[Running] = []
    running = service.start(job(WAIT))
    running.on_exit(told.append)
    os.kill(running.pid, signal.SIGSEGV)
    _until(lambda: bool(told))
    assert told == [running]
    assert running.failure == ("crashed", "a test crashed (SIGSEGV).")
    running.on_exit(told.append)
    assert told == [running, running], "who asks after the end is told at once"
    running.stop()


def test_what_it_used_is_told_while_it_runs_and_after() -> None:
    code = "ready(); kept = b'x' * 50_000_000; sum(range(3_000_000)); print('done', file=sys.stderr, flush=True)"
    running = service.start(job(code + "; time.sleep(600)"))
    _until(lambda: running.log() == "done")
    took = running.took()
    assert took.memory_bytes > 50_000_000
    assert took.processor_s > 0
    running.stop()
    after = running.took()
    assert after.memory_bytes == 0
    assert after.processor_s >= took.processor_s
    assert after.peak_memory_bytes >= took.memory_bytes


def test_the_log_is_bounded_and_harmless() -> None:
    code = "sys.stderr.write('x' * 500_000 + '\\x1b[2J\\x00' + chr(0x202e) + 'end'); sys.stderr.flush(); ready()"
    running = service.start(job(code + "; time.sleep(600)"))
    running.stop()
    assert len(running.log()) <= local.LOG_BYTES
    assert running.log().endswith("x[2Jend")


def test_what_a_job_started_ends_with_it() -> None:
    code = """
import subprocess
child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"])
print(child.pid, file=sys.stderr, flush=True)
ready()
time.sleep(600)
"""
    running = service.start(job(code))
    _until(lambda: bool(running.log()))
    child = int(running.log())
    assert _exists(child)
    running.stop()
    _until(lambda: not _exists(child))


def test_a_job_ends_when_the_hub_is_killed(tmp_path: Path) -> None:
    hub = f"""
import sys, time
sys.path.insert(0, {os.fspath(local._HOME)!r})
from freehold.compute import service
from freehold.compute.rules import Job
code = {(BEGIN + WAIT)!r}
running = service.start(Job(name="a test", argv=[sys.executable, "-I", "-S", "-c", code], options={{}}))
print(running.pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", hub], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert _exists(pid)
        process.kill()
    _until(lambda: not _exists(pid))


def test_hundreds_of_starts_and_ends_leave_nothing() -> None:
    """However they end; the fixture counts descriptors, threads and processes."""
    listens = "read line; echo '{\"port\": 1234}'; cat >/dev/null"
    ends = [listens, "exit 1", "echo '{\"port\": 1234}'; kill -ABRT $$", "echo '{}'; sleep 600"]

    def many(number: int) -> None:
        for at in range(number):
            try:
                service.start(Job(name="a test", argv=["/bin/sh", "-c", ends[at % len(ends)]], options={})).stop()
            except JobFailed:
                pass

    threads = [threading.Thread(target=many, args=(50,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def _children() -> set[str]:
    """Jobs of this process that run, and whatever of it was not reaped."""
    mine: list[str] = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            mine += (task / "children").read_text().split()
    found = set()
    for pid in mine:
        with suppress(FileNotFoundError, ProcessLookupError):
            if b"readline()" in Path(f"/proc/{pid}/cmdline").read_bytes() or _is_zombie(pid):
                found.add(pid)
    return found


def _is_zombie(pid: str) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def _exists(pid: int) -> bool:
    try:
        return not _is_zombie(str(pid))
    except OSError:
        return False


def _until(holds: Callable[[], bool], patience_s: float = 60.0) -> None:
    end = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)
