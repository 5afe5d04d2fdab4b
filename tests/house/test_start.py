"""What a start leaves undone until somebody asks: a hub that idles holds its memory, and each start waits for it."""

import subprocess
import sys
from pathlib import Path

import pytest

from freehold.core.database import Database
from freehold.core.migrate import upgrade

pytestmark = pytest.mark.rules

#: What a hub that serves may come to need, in itself or in a child, and does not need in order to start.
LATE = {
    "alembic": "changes of the schema, in a process that ends",
    "latex2mathml": "formulas of cards",
    "numpy": "the index, in a process of its own",
    "PIL": "pictures, in a process of their own",
    "psycopg": "PostgreSQL",
    "pygments": "colours of code",
    "pyroaring": "the index, in a process of its own",
    "rich": "tables of the command line",
}


STARTED = """
import sys
from pathlib import Path
import freehold.cli.program, freehold.cli.serve, freehold.core.server
from freehold.core.routes import LateRoute
from freehold.core.settings import load
from freehold.main import build_app

app = build_app(load({}, data=Path(sys.argv[1])), upgrade=lambda database: None)
late = [route for route in app.router.routes if isinstance(route, LateRoute)]
print(len(late), sum(route.is_understood for route in late))
print(*sys.modules)
"""


def test_a_start_leaves_late_what_can_be_late(tmp_path: Path) -> None:
    upgrade(Database(f"sqlite:///{tmp_path / 'freehold.db'}"))
    done = _python(STARTED, str(tmp_path))
    counts, modules = done.splitlines()
    late, understood = map(int, counts.split())
    assert (late > 400, understood) == (True, 0), "FastAPI makes validators of routes that nobody has asked"
    assert set(modules.split()) & {*LATE} == set(), "imported by a start, and needed only later"


@pytest.mark.parametrize("asked", [["--version"], ["deploy", "--help"]])
def test_help_and_the_version_come_without_the_hub(asked: list[str]) -> None:
    said = _python(
        "import sys; from freehold.cli.program import main; sys.argv[1:] = eval(sys.argv[1])\n"
        "try: main()\n"
        "finally: print(*{*sys.modules} & {'sqlalchemy', 'fastapi', 'freehold.main', 'freehold.cli.serve'}, sep='!')",
        repr(asked),
    )
    *shown, loaded = said.split("\n")[:-1]
    assert (bool(shown), loaded) == (True, "")


def _python(code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
