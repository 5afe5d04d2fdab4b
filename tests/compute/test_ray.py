"""The same with Ray itself, which the suite's environment does not have (it is large): ``make ray``."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from freehold.compute.cluster import Cluster, Place
from freehold.compute.errors import JobFailed
from tests.compute.test_cluster import ask, begun, end, job

pytestmark = [
    pytest.mark.ray,
    pytest.mark.any_database,
    pytest.mark.skipif("RAY_PYTHON" not in os.environ, reason="needs an environment with Ray: make ray"),
]


@pytest.fixture(scope="module")
def ray() -> Iterator["subprocess.Popen[str]"]:
    program = Path(__file__).with_name("ray_cluster.py")
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}  # as a node that has Freehold installed
    with subprocess.Popen(
        [os.environ["RAY_PYTHON"], program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=here
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        process.wait(60)


def test_a_job_runs_on_a_cluster_and_anew_after_its_node_was_lost(ray: "subprocess.Popen[str]", tmp_path: Path) -> None:
    assert ray.stdin is not None
    assert ray.stdout is not None
    address = json.loads(ray.stdout.readline())["address"]
    root = tmp_path / "hub"
    (root / "models").mkdir(parents=True)
    (root / "models" / "weights").write_text("a model")
    python = os.environ["RAY_PYTHON"]
    place = Place(address, root, root / "made", python=python, cache=str(tmp_path / "node"))
    cluster = Cluster(place)
    first, second = (begun(cluster, job(place, memory_bytes=300_000_000)) for _ in range(2))
    for running in (first, second):
        path, model, _, executable = ask(running)
        assert (path, model) == ("/inside/health", "a model")
        assert Path(executable) == Path(python).absolute(), "the node's own Python"
        assert running.log() == "loaded"
    second.stop()
    assert (second.is_alive, second.failure) == (False, None)
    assert not Path(f"/proc/{second.pid}").exists()

    with pytest.raises(JobFailed, match=r"No node .* has 1 processor cores, 1000\.0 GB"):
        begun(cluster, replace(job(place), reserved_bytes=10**12))

    ended = threading.Event()
    first.on_exit(lambda _: ended.set())
    ray.stdin.write("lose\n")
    ray.stdin.flush()
    assert ended.wait(90)
    assert first.failure is not None
    assert first.failure[0] == "crashed"
    ray.stdout.readline()
    assert not Path(f"/proc/{first.pid}").exists(), "its process went with its node"
    again = begun(cluster, job(place))
    assert ask(again)[1] == "a model"
    end(cluster)
