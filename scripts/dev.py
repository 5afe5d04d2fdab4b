"""``freehold serve`` from this checkout, started again whenever one of its files changes. Arguments are passed on."""

import subprocess
import sys
import time
from pathlib import Path

WATCHED = Path(__file__).parent.parent / "freehold"
PAUSE_S = 0.5


def main() -> None:
    command = [sys.executable, "-m", "freehold", "serve", *sys.argv[1:]]
    while True:
        seen = state()
        server = subprocess.Popen(command)
        try:
            while state() == seen:
                time.sleep(PAUSE_S)
        except KeyboardInterrupt:
            server.wait()  # it got the same signal
            return
        print("-- something changed: starting again", flush=True)
        server.terminate()
        server.wait()


def state() -> dict[Path, int]:
    """When each of the hub's files changed last."""
    return {path: path.stat().st_mtime_ns for path in WATCHED.rglob("*") if path.suffix not in ("", ".pyc")}


if __name__ == "__main__":
    main()
