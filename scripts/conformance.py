"""Runs the official client's own test suite against a fresh hub (``make conformance``).

The runner and its list of tests lie beside the project (``../shared/conformance``); the test tree is the client's
source distribution, fetched by package name. Arguments go to pytest, for example ``tests/test_file_download.py``.

    CLIENT=2.4.0   version of huggingface_hub whose tests are run
    SUBSET=fair    see the runner
    PORT=8765      where the hub listens
"""

import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
RUNNER = ROOT.parent / "shared" / "conformance" / "run_upstream_client_tests.sh"
FREEHOLD = [sys.executable, "-m", "freehold"]
RESULT = ROOT / "docs" / "conformance.json"  # of whole runs only; scripts/compatibility.py reads it
START_TIMEOUT_S = 30
CARD = """---
language:
- en
license: mit
library_name: pytorch
tags:
- pytorch
datasets:
- glue
metrics:
- acc
---

# A card

A card to be read, changed and checked.
"""


def main() -> int:
    if not RUNNER.exists():
        print(f"The runner is not at {RUNNER}.", file=sys.stderr)
        return 2
    port = os.environ.get("PORT", "8765")
    with tempfile.TemporaryDirectory(prefix="freehold-conformance-") as scratch:
        data = Path(scratch) / "data"
        tokens = people(data)
        log = Path(os.environ.get("HUB_LOG", Path(scratch) / "hub.log"))
        with log.open("wb") as out:
            hub = subprocess.Popen(
                [*FREEHOLD, "serve", "--port", port, "--data", str(data)], stdout=out, stderr=subprocess.STDOUT
            )
        try:
            endpoint = f"http://127.0.0.1:{port}"
            wait_for(endpoint, hub)
            tree = test_tree(os.environ.get("CLIENT", "2.4.0"), Path(scratch))
            add_left_out(tree)
            report = Path(os.environ.get("REPORT", Path(scratch) / "report.json"))
            own = {
                "REPORT": str(report),
                "ENDPOINT": endpoint,
                "UPSTREAM": str(tree),
                "PYTHONPATH": str(ROOT / "scripts"),
            }
            suite = ["bash", str(RUNNER), "-p", "conformance_fixtures", *sys.argv[1:]]
            status = subprocess.run(suite, env={**os.environ, **tokens, **own}, check=False).returncode
            if not sys.argv[1:] and "SUBSET" not in os.environ:
                keep(report)
            return status
        finally:
            hub.terminate()
            hub.wait(timeout=30)
            said = log.read_text(errors="replace") if log.exists() else ""
            crashes = len(re.findall(r"ERROR freehold\.(?:http|tasks): .* failed\b", said))
            print(f"The hub's log tells of {crashes} crashes.", file=sys.stderr)


def keep(report: Path) -> None:
    """The outcome of a whole run, for ``docs/compatibility.md`` (``make docs``)."""
    tests = json.loads(report.read_text())["tests"]
    failed = sorted(test["nodeid"] for test in tests if test["outcome"] in ("failed", "error"))
    passed = sum(test["outcome"] == "passed" for test in tests)
    client = os.environ.get("CLIENT", "2.4.0")
    kept = json.loads(RESULT.read_text())
    kept[client] = {"date": datetime.now(UTC).date().isoformat(), "passed": passed, "failed": failed}
    RESULT.write_text(json.dumps(kept, indent=1) + "\n")
    print(f"{RESULT} is written; make docs shows it.", file=sys.stderr)


def people(data: Path) -> dict[str, str]:
    """The accounts the suite expects, and their tokens under the names the runner reads."""
    freehold(data, "user", "create", "conformer", "--full-name", "Dummy User", "--email", "conformer@example.org")
    freehold(data, "org", "create", "valid_org_hub", "--full-name", "Dummy Hub Org", "--owner", "conformer")
    freehold(data, "user", "create", "other")
    freehold(data, "user", "create", "enterprise-admin")
    freehold(data, "org", "create", "EnterpriseOrgPrivate", "--owner", "enterprise-admin", "--private-by-default")
    return {
        "TOKEN": token(data, "conformer"),
        "OTHER_TOKEN": token(data, "other"),
        "ENTERPRISE_TOKEN": token(data, "enterprise-admin"),
        "ENTERPRISE_ORG": "EnterpriseOrgPrivate",
    }


def freehold(data: Path, *args: str) -> str:
    done = subprocess.run([*FREEHOLD, *args, "--data", str(data)], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def token(data: Path, user: str) -> str:
    return freehold(data, "token", "create", user, "--name", "conformance", "--scope", "write")


def wait_for(endpoint: str, hub: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and hub.poll() is None:
        try:
            with urllib.request.urlopen(f"{endpoint}/health", timeout=2):  # noqa: S310  # loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise SystemExit("The hub did not start; see its log.")


def test_tree(version: str, scratch: Path) -> Path:
    """The client's source tree with its tests, from its source distribution."""
    fetch = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", "huggingface_hub"]
    subprocess.run([*fetch, "-d", str(scratch), f"huggingface_hub=={version}"], check=True)
    archive = next(scratch.glob("huggingface_hub-*.tar.gz"))
    with tarfile.open(archive) as packed:
        packed.extractall(scratch, filter="data")
    return scratch / archive.name.removesuffix(".tar.gz")


def add_left_out(tree: Path) -> None:
    """A sample card, written here: the distribution has the tests that read one, but not the file."""
    cards = tree / "tests" / "fixtures" / "cards"
    if not cards.exists():
        cards.mkdir(parents=True)
        (cards / "sample_simple.md").write_text(CARD)


if __name__ == "__main__":
    sys.exit(main())
