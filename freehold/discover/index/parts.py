"""Building with two processors: two other processes load a half each, and hand it over as a snapshot. What loading
takes in between goes with them: a process that only reads what they made is a sixth smaller.

Started as ``python -m freehold.discover.index.parts FD``: a file without a name, which goes with whoever has it open.
Its standard input tells what to load, and closes when nobody waits for it any more.
"""

import gc
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, BinaryIO

from freehold.discover.index.engine import Engine
from freehold.discover.index.feed import Feed, Plan
from freehold.discover.index.snapshot import In, Out

log = logging.getLogger("freehold.index")
#: From so many repositories on, halves are quicker than the whole.
WORTH_IT = 100_000


def build(feed: Feed, folder: Path | None, least: int = WORTH_IT) -> Engine:
    """Everything there is; whatever changes meanwhile is told by ``feed.news``. ``folder``: where there is room."""
    plan = feed.begin()
    engine = feed.engine(plan.frequent)
    if plan.number < least or not plan.middle or _processors() < 2:
        feed.load(engine)
    else:
        _halves(feed, plan, engine, folder)
    engine.seal()
    return engine


def _halves(feed: Feed, plan: Plan, engine: Engine, folder: Path | None) -> None:
    told = {"database": feed.url, "frequent": plan.frequent, "secret": engine.words.secret.hex()}
    with ExitStack() as closing:
        halves = []
        for after, until in (("", plan.middle), (plan.middle, "")):
            file = closing.enter_context(tempfile.TemporaryFile(dir=folder))
            helper = _started(file)
            closing.callback(_end, helper)
            _tell(helper, {**told, "after": after, "until": until})
            halves.append((helper, file))
        status = [helper.wait() for helper, _ in halves]
        if any(status):
            log.warning("The halves of the index ended with status %s and %s: it is loaded here", *status)
            feed.load(engine)
            return
        for _, file in halves:
            file.seek(0)
            kept = In(file)
            engine.absorb(kept)
            kept.end()


def _started(file: BinaryIO) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  # words of our own
        [sys.executable, "-s", "-m", "freehold.discover.index.parts", str(file.fileno())],
        stdin=subprocess.PIPE,
        pass_fds=(file.fileno(),),
    )


def _tell(helper: subprocess.Popen[bytes], told: Mapping[str, Any]) -> None:
    assert helper.stdin is not None
    with suppress(BrokenPipeError):  # it has ended, and its status says so
        helper.stdin.write(json.dumps(told).encode() + b"\n")
        helper.stdin.flush()


def _end(helper: subprocess.Popen[bytes]) -> None:
    assert helper.stdin is not None
    helper.kill()
    helper.wait()
    with suppress(BrokenPipeError):
        helper.stdin.close()


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _half(told: Mapping[str, Any], file: BinaryIO) -> None:
    feed = Feed(told["database"])
    engine = feed.engine(told["frequent"], bytes.fromhex(told["secret"]))
    feed.load(engine, told["after"], told["until"])
    engine.seal()
    out = Out(file)
    engine.save(out)
    out.end()


def _end_with_whoever_waits() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def main() -> None:
    gc.set_threshold(50_000, 20, 100)
    told = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_whoever_waits, daemon=True).start()
    with open(int(sys.argv[1]), "wb") as file:
        _half(told, file)
    os._exit(0)


if __name__ == "__main__":
    main()
