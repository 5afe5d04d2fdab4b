"""Jobs on a cluster, seen from the hub: as a job here, with its files carried, and what happens when a node is lost.

Ray itself is a stand-in (``ray_stand_in``), so that the suite needs none; ``make ray`` has the same with Ray.
"""

import hashlib
import json
import os
import socket
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from freehold.compute import gates, graphics, ray_bridge, service
from freehold.compute.cluster import Cluster, Place, Remote
from freehold.compute.errors import JobFailed
from freehold.compute.graphics import GraphicsCard
from freehold.compute.ray_node import Node
from freehold.compute.rules import CardNeed, Given, Job

STAND_IN = Path(__file__).with_name("ray_stand_in.py")
PROGRAM = """
import http.server, json, os, sys, threading
said = json.loads(sys.stdin.buffer.readline())
def wait():
    sys.stdin.buffer.read()
    os._exit(0)
class Says(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        is_right = self.headers["Authorization"] == "Bearer " + said["key"]
        self.send_response(200 if is_right else 401)
        self.end_headers()
        if self.path.endswith("/hang"):
            self.wfile.flush()
            threading.Event().wait()
        self.wfile.write(json.dumps([self.path, open(said["model"]).read(), said["made"], sys.executable]).encode())
    def log_message(self, *given):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Says)
threading.Thread(target=wait, daemon=True).start()
print("loaded", file=sys.stderr, flush=True)
print(json.dumps({"port": server.server_port, "path": "/inside"}), flush=True)
server.serve_forever()
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "ray").mkdir()
    root = tmp_path / "hub"
    (root / "models").mkdir(parents=True)
    (root / "models" / "weights").write_text("a model")
    return Place(
        str(tmp_path / "ray"), root, root / "made", cache=str(tmp_path / "node"),
        command=("-s", "-P", str(STAND_IN)),
    )  # fmt: skip


@pytest.fixture
def cluster(place: Place) -> Iterator[Cluster]:
    made = Cluster(place)
    yield made
    end(made)


def end(cluster: Cluster) -> None:
    """Nothing is left of it, also not of its child."""
    for running in list(cluster._jobs.values()):
        running.stop()
    cluster.close()
    if cluster._reading is not None:
        cluster._reading.join()


def job(place: Place, code: str = PROGRAM, **given: Any) -> Job:
    weights = place.root / "models" / "weights"
    options = {"model": os.fspath(weights), "made": os.fspath(place.made)}
    return Job("a test", [sys.executable, "-I", "-S", "-c", code], options, files=[weights], **given)


def ask(running: Remote, path: str = "/health", key: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {running.key if key is None else key}"}
    with urllib.request.urlopen(urllib.request.Request(running.address + path, headers=headers), timeout=20) as answer:
        return json.load(answer)


def begun(cluster: Cluster, job: Job) -> Remote:
    running = service.ready(service.begin(job, cluster))
    assert isinstance(running, Remote)
    return running


def test_a_job_there_answers_as_one_here_and_reads_files_that_were_carried(cluster: Cluster, place: Place) -> None:
    running = begun(cluster, job(place))
    path, model, made, _ = ask(running)
    assert (path, model) == ("/inside/health", "a model")
    assert made == os.fspath(Path(place.cache) / "made")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        ask(running, key="another")
    assert running.log() == "loaded"
    assert running.took().peak_memory_bytes > 0
    running.stop()
    assert not running.is_alive
    assert running.failure is None, "it was asked to"
    assert not list((Path(place.cache) / "jobs").iterdir()), "its folder went with it"
    assert [one.read_text() for one in (Path(place.cache) / "files").iterdir()] == ["a model"], "kept for the next"


def test_a_lost_node_ends_its_job_and_every_call_of_it(cluster: Cluster, place: Place) -> None:
    running, ended = begun(cluster, job(place)), threading.Event()
    running.on_exit(lambda _: ended.set())
    seen: list[BaseException] = []

    def hang() -> None:
        try:
            ask(running, "/hang")
        except (OSError, ValueError) as err:
            seen.append(err)

    calling = threading.Thread(target=hang)
    calling.start()
    (Path(place.address) / "lost").touch()
    assert ended.wait(30)
    calling.join(30)
    assert seen, "the call ended too"
    assert running.failure is not None
    assert running.failure[0] == "crashed"
    assert "was lost" in running.failure[1]
    (Path(place.address) / "lost").unlink()
    assert ask(begun(cluster, job(place)))[1] == "a model", "the next one runs elsewhere"


def test_the_child_that_ends_takes_its_jobs_along_and_another_begins(cluster: Cluster, place: Place) -> None:
    running = begun(cluster, job(place))
    assert cluster._child is not None
    cluster._child.kill()
    assert running._has_ended.wait(30)
    assert running.failure == ("crashed", "The hub's connection to the Ray cluster was lost.")
    assert ask(begun(cluster, job(place)))[1] == "a model"


@pytest.mark.parametrize(
    ("given", "failure", "words"),
    [
        (
            {"card_needs": [CardNeed(4, 9)]},
            "no_room",
            "No node of the Ray cluster has 1 processor cores, 4 graphics cards",
        ),
        ({"reserved_bytes": 10**12}, "no_room", "the largest of its 1 has 4 processor cores, 2 graphics cards, 4.0 GB"),
        ({"cpus": 3.0}, "no_room", "free now"),
        ({"code": "import sys; sys.exit(3)"}, "crashed", "exit status 3"),
    ],
)
def test_what_does_not_start_says_why(
    cluster: Cluster, place: Place, given: dict[str, Any], failure: str, words: str
) -> None:
    with pytest.raises(JobFailed) as raised:
        begun(cluster, job(place, **given))
    assert raised.value.failure == failure
    assert words in raised.value.message


def test_a_job_there_sees_the_cards_that_ray_gave_it(cluster: Cluster, place: Place) -> None:
    told = "print(os.environ['CUDA_VISIBLE_DEVICES'], os.environ['FREEHOLD_CARDS'], file=sys.stderr, flush=True)\n"
    code = PROGRAM.replace('print("loaded"', told + 'print("loaded"')
    running = begun(cluster, job(place, code, card_needs=[CardNeed(2, 9)]))
    assert running.log().split("\n")[0] == "0,1 2"


def test_cards_of_a_node_are_held_against_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Node, "_watch_hub", lambda _: None)
    monkeypatch.setattr(graphics, "cards", lambda: [GraphicsCard(1, "small", 10 * 10**9)])
    node = Node(str(tmp_path), 4, "127.0.0.1")
    told = node.lacks_cards({"count": 1, "each_bytes": 12 * 10**9, "is_whole": False})
    assert told == "It takes up to 12.0 GB of a graphics card, and Ray gave it small with 10.0 GB."
    assert node.lacks_cards({"count": 1, "each_bytes": 5 * 10**9, "is_whole": False}) == ""
    assert node._given == Given((1,), 5 * 10**9, 0.425), "without what no share counts"
    node.stop(0.0)


def test_no_cluster_and_no_python_are_told(place: Place) -> None:
    for changed, failure in (({"address": "/nowhere"}, "crashed"), ({"python": "/no/python"}, "not_installed")):
        cluster = Cluster(Place(**{**vars(place), **changed}))
        with pytest.raises(JobFailed) as raised:
            begun(cluster, job(place))
        assert raised.value.failure == failure
        end(cluster)


def test_not_a_byte_passes_a_nodes_gate_without_the_key() -> None:
    with socket.create_server(("127.0.0.1", 0)) as engine:
        gate = gates.of_node("127.0.0.1", engine.getsockname()[1], "right")
        engine.settimeout(0.2)
        for said in (b"wrong\nGET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"x" * 100_000):
            with socket.create_connection(("127.0.0.1", gate.port), timeout=20) as caller:
                try:
                    caller.sendall(said)
                    assert caller.recv(1) == b""
                except ConnectionError:
                    pass  # closed before all was read
        with pytest.raises(TimeoutError):
            engine.accept()
        gate.close()


def test_a_damaged_file_does_not_come_to_be_and_what_nobody_uses_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Node, "_watch_hub", lambda _: None)  # no hub asks it: after two minutes it would end the tests
    digests = {text: hashlib.sha256(text.encode()).hexdigest() for text in ("one", "two", "six")}
    node = Node(str(tmp_path), 4, "127.0.0.1")
    assert node.place([("a/one", digests["one"], 3)]) == [digests["one"]]
    assert "damaged" in node.put("a/one", digests["one"], b"0ne", True)
    assert not list((tmp_path / "files").iterdir())
    assert node.put("a/one", digests["one"], b"o", False) == ""
    assert node.put("a/one", digests["one"], b"ne", True) == ""
    other = Node(str(tmp_path), 4, "127.0.0.1")
    assert other.place([("two", digests["two"], 3)]) == [digests["two"]]
    assert other.put("two", digests["two"], b"two", True) == ""
    assert len(list((tmp_path / "files").iterdir())) == 2, "what a job has linked stays"
    node.stop(0.0)
    assert other.place([("six", digests["six"], 3)]) == [digests["six"]]
    assert [one.name for one in (tmp_path / "files").iterdir()] == [digests["two"]]
    other.stop(0.0)


def test_callers_are_told_why_and_no_traceback() -> None:
    raised = ConnectionError(
        'Initialization failure:\nTraceback (most recent call last):\n  File "a.py"\nIOError: no room\n'
    )
    assert ray_bridge.last_line(raised) == "IOError: no room"
    assert ray_bridge.last_line(ConnectionError("timeout")) == "timeout"
