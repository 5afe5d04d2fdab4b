"""What people install: the wheel holds everything the hub needs at run time and nothing it does not."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_wheel_carries_migrations_templates_and_assets(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("freehold-*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    tracked = subprocess.run(["git", "ls-files", "freehold"], cwd=ROOT, capture_output=True, text=True, check=True)
    wanted = {name for name in tracked.stdout.splitlines() if (ROOT / name).is_file()}
    assert wanted - names == set()
    assert "freehold/migrations/versions/0001_first_tables.py" in names
    assert "freehold/migrations/script.py.mako" in names
    foreign = {name for name in names if not name.startswith(("freehold/", "freehold-"))}
    assert foreign == set()
