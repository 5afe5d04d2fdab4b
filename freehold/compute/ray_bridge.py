"""The hub's child that speaks to Ray: one line of JSON for each thing that is asked or told, on stdin and stdout.

Ray wants much memory and many threads; the hub's own process has none of it. Run by a Python that has Ray
(FREEHOLD_RAY_PYTHON): ``python -m freehold.compute.ray_bridge``. It ends with its stdin, and all its actors with it.
"""

import json
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import freehold
from freehold.compute import gates
from freehold.compute.ray_node import Node

#: For an actor to be placed where there is room in sum, for its first word, and for each further one.
PLACE_S, ANSWER_S, PIECE_S = 20.0, 15.0, 120.0
PIECE_BYTES = 16 << 20
STOP_S = 5.0


class Actor(Node):
    """A node's end, at the address by which Ray knows the node."""

    def __init__(self, cache: str, limit_bytes: int) -> None:
        import ray

        super().__init__(cache, limit_bytes, str(ray.util.get_node_ip_address()))


class Bridge:
    """``told``: writes a line to the hub. One thread for each job."""

    def __init__(self, ray: Any, said: Mapping[str, Any], told: Any) -> None:
        self.ray, self.said, self.told = ray, said, told
        self.actor = ray.remote(Actor)
        self.works: dict[int, Work] = {}
        self.digests: dict[tuple[str, int, int], str] = {}

    def hear(self, line: Mapping[str, Any]) -> None:
        number = line["job"]
        if line["do"] == "begin":
            work = self.works[number] = Work(self, number, line)
            threading.Thread(target=work.run, name=f"job {number}", daemon=True).start()
        elif line["do"] == "stop" and number in self.works:
            threading.Thread(target=self.works[number].stop, daemon=True).start()

    def lacks(self, cpus: float, gpus: float, memory_bytes: int) -> str:
        """Why no node of the cluster could ever run it, or ''."""
        nodes = [one["Resources"] for one in self.ray.nodes() if one["Alive"]]
        wanted = {"CPU": cpus, "GPU": gpus, "memory": memory_bytes}
        if any(all(node.get(name, 0) >= amount for name, amount in wanted.items()) for node in nodes):
            return ""
        largest: Mapping[str, Any] = max(nodes, key=lambda one: (one.get("GPU", 0), one.get("memory", 0)), default={})
        return (
            f"No node of the Ray cluster has {_said(wanted)}; the largest of its {len(nodes)} has {_said(largest)}. "
            "A shorter context or a smaller quantisation takes less."
        )

    def digest(self, path: Path) -> str:
        """Of a file on the hub's disk, which is written once."""
        facts = path.stat()
        key = (os.fspath(path), facts.st_size, facts.st_mtime_ns)
        if key not in self.digests:
            import hashlib

            with path.open("rb") as file:
                self.digests[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return self.digests[key]


class Work:
    """A job on its way and at work."""

    def __init__(self, bridge: Bridge, number: int, line: Mapping[str, Any]) -> None:
        self.bridge, self.ray, self.number = bridge, bridge.ray, number
        self.job: Mapping[str, Any] = line["what"]
        self.name: str = self.job["name"]
        self.actor: Any = None
        self.is_placed = False
        self.gate: gates.Gate | None = None
        self.is_stopping = False

    def run(self) -> None:
        try:
            failure, log = self._worked()
        except (self.ray.exceptions.RayActorError, self.ray.exceptions.GetTimeoutError):
            failure, log = ("crashed", f"The node of the cluster that ran {self.name} was lost."), ""
        except OSError as err:
            failure, log = ("crashed", f"The files of {self.name} cannot be read: {err.strerror}."), ""
        except Exception as err:
            failure, log = ("crashed", f"Ray could not run {self.name}: {last_line(err)}"), ""
        if self.gate is not None:
            self.gate.close()
        self._tidy()
        self.bridge.works.pop(self.number, None)
        self.bridge.told({"job": self.number, "is": "ended", "failure": None if self.is_stopping else failure,
                          "log": log})  # fmt: skip

    def stop(self) -> None:
        self.is_stopping = True
        self._tidy()

    def _worked(self) -> tuple[tuple[str, str] | None, str]:
        """Until the job has ended: why, and the end of its log."""
        job, get = self.job, self.ray.get
        files = self._files()
        hello = self._somewhere()
        if isinstance(hello, str):
            return ("no_room", hello), ""
        self.is_placed = True
        if hello["version"] != freehold.__version__:
            return ("not_installed", f"The cluster's nodes have Freehold {hello['version']}, and this hub is "
                    f"{freehold.__version__}: install the same on both."), ""  # fmt: skip
        if why := self._carry(files):
            return ("crashed", why), ""
        get(self.actor.begin.remote(dict(job)), timeout=ANSWER_S)
        while True:  # also while it is stopped, which ends it
            news = get(self.actor.news.remote(), timeout=ANSWER_S)
            if not news["alive"]:
                return news["failure"] or ("crashed", f"{self.name} ended."), news["log"]
            self._tell(news)

    def _somewhere(self) -> Mapping[str, Any] | str:
        """The first word of an actor that has what the job takes: on the fewest graphics cards that do, where it takes
        any. Or why there is none."""
        job, why = self.job, ""
        memory = int(job["reserved_bytes"] or job["memory_bytes"] or 0)
        for need in job["card_needs"] or [None]:
            count = need["count"] if need else 0
            if lacks := self.bridge.lacks(job["cpus"], count, memory):
                return why or lacks
            options = {"num_cpus": job["cpus"], "num_gpus": count, "max_restarts": 0, "max_concurrency": 4}
            try:
                hello = self._placed(options | ({"memory": memory} if memory else {}))
            except self.ray.exceptions.GetTimeoutError:
                wanted = _said({"CPU": job["cpus"], "GPU": count, "memory": memory})
                return f"No node of the Ray cluster has {wanted} free now."
            if need is None:
                return hello
            why = str(self.ray.get(self.actor.lacks_cards.remote(need), timeout=PIECE_S))
            if not why:
                return hello
            self.ray.kill(self.actor)
        return why + " A shorter context, fewer calls at a time or a quantised file takes less."

    def _placed(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """The first word of an actor. Another is tried where the node was lost and nobody knew yet."""
        given = (self.bridge.said["cache"], self.bridge.said["cache_bytes"])
        for is_last in (False, True):
            self.actor = self.bridge.actor.options(**options).remote(*given)
            try:
                return dict(self.ray.get(self.actor.hello.remote(), timeout=PLACE_S))
            except self.ray.exceptions.RayActorError:
                if is_last or self.is_stopping:
                    raise
        raise AssertionError

    def _tell(self, news: Mapping[str, Any]) -> None:
        more: dict[str, Any] = {}
        if news["ready"]:
            if self.gate is None:
                self.gate = gates.of_hub(news["host"], news["port"], news["key"])
            more = {"port": self.gate.port, "path": news["path"], "key": news["key"], "pid": news["pid"]}
        self.bridge.told({"job": self.number, "is": "running", "took": news["took"], "log": news["log"], **more})

    def _files(self) -> list[tuple[str, str, int]]:
        """Path below the root, digest, bytes."""
        paths = [Path(one) for one in self.job["files"]]
        return [(os.path.relpath(one, self.job["root"]), self.bridge.digest(one), one.stat().st_size) for one in paths]

    def _carry(self, files: list[tuple[str, str, int]]) -> str:
        """Every file is on the node: why it cannot be, or ''."""
        root = Path(self.job["root"])
        missing = set(self.ray.get(self.actor.place.remote(files), timeout=PIECE_S))
        for path, digest, size in files:
            if digest not in missing:
                continue
            if self.ray.get(self.actor.link.remote(path, digest), timeout=ANSWER_S):
                continue  # the same bytes under another name
            with (root / path).open("rb") as file:
                sent = 0
                while True:
                    piece = file.read(PIECE_BYTES)
                    sent += len(piece)
                    is_last = sent >= size or not piece
                    if self.is_stopping:
                        return f"{self.name} was stopped."
                    why = self.ray.get(self.actor.put.remote(path, digest, piece, is_last), timeout=PIECE_S)
                    if why or is_last:
                        break
            if why:
                return str(why)
        return ""

    def _tidy(self) -> None:
        """The job has ended, its folder is removed, and there is no actor."""
        if self.is_placed:
            try:
                self.ray.get(self.actor.stop.remote(STOP_S), timeout=STOP_S + ANSWER_S)
            except self.ray.exceptions.RayError:
                pass  # it is gone, which was wanted
        if self.actor is not None:
            try:
                self.ray.kill(self.actor)
            except Exception:  # noqa: S110  # it or its cluster is gone, which was wanted
                pass


def _said(has: Mapping[str, Any]) -> str:
    words = [f"{has.get('CPU', 0):g} processor cores", f"{has.get('memory', 0) / 1e9:.1f} GB of memory"]
    if has.get("GPU"):
        words.insert(1, f"{has['GPU']:g} graphics cards")
    return ", ".join(words)


def last_line(err: Exception) -> str:
    """Why, for callers: what a cluster raised comes with the whole traceback of its own."""
    return str(err).strip().rpartition("\n")[2][:300]


def main() -> None:
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is not for the hub to read
    lock = threading.Lock()

    def told(line: Mapping[str, Any]) -> None:
        with lock:
            try:
                out.write(json.dumps(line).encode() + b"\n")
                out.flush()
            except BrokenPipeError:
                os._exit(0)

    said = json.loads(sys.stdin.buffer.readline())
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        told({"is": "failed", "failure": ["not_installed", "Ray is not installed for this hub: freehold[ray]."]})
        return
    try:
        ray.init(address=said["address"], namespace="freehold", log_to_driver=False, logging_level="ERROR")
    except Exception as err:
        message = f"The Ray cluster at {said['address']} cannot be reached: {last_line(err)}"
        told({"is": "failed", "failure": ["crashed", message]})
        return
    bridge = Bridge(ray, said, told)
    told({"is": "connected", "version": ray.__version__})
    for line in sys.stdin.buffer:
        bridge.hear(json.loads(line))
    ray.shutdown()
    os._exit(0)  # threads wait for jobs that are gone


if __name__ == "__main__":
    main()
