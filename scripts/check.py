"""Everything that can be said about the code without running it; every check runs, the exit status sums them up."""

import subprocess
import sys
import time
from pathlib import Path

BIN = Path(sys.executable).parent
CHECKS: dict[str, list[Path | str]] = {
    "format": [BIN / "ruff", "format", "--check", "--quiet", "."],
    "lint": [BIN / "ruff", "check", "--quiet", "."],
    "types": [BIN / "mypy", "--no-error-summary"],
    "imports": [BIN / "lint-imports", "--no-logo"],
    "licences": [sys.executable, "-m", "scripts.licences"],
    "documents": [sys.executable, "-m", "scripts.docs", "--check"],
}


def main() -> int:
    failed = []
    for name, command in CHECKS.items():
        started = time.monotonic()
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        print(f"{'ok  ' if done.returncode == 0 else 'FAIL'} {name} ({time.monotonic() - started:.1f} s)", flush=True)
        if done.returncode != 0:
            failed.append(name)
            print(done.stdout + done.stderr, flush=True)
    if failed:
        print(f"make check: {', '.join(failed)} failed", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
