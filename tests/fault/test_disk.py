"""A full disk and a read-only directory give a clear error, and the hub recovers when the cause is gone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fault.scenarios import SCENARIOS
from tests.fixtures.clients import ROOT

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1200)]


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, environment, tmp_path: Path):
    python = environment("client-2") / "bin" / "python"
    namespace = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    done = subprocess.run(
        [*namespace, sys.executable, "-m", "tests.fault.scenarios", name, str(tmp_path), str(python)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
