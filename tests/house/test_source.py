"""House rules that a reader would otherwise have to remember, checked on the source itself."""

import ast
import dataclasses
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from freehold.core.settings import Settings

pytestmark = pytest.mark.rules

ROOT = Path(__file__).parent.parent.parent
HUB = ROOT / "freehold"
SOURCES = sorted(HUB.rglob("*.py"))
#: Installed for others to find, never imported by name.
UNNAMED = {
    "latex2mathml": "formulas of cards",
    "psycopg": "the driver behind postgresql+psycopg://",
    "pygments": "colours of code",
    "python-multipart": "Starlette's form parser",
}
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70


def trees(*patterns: str) -> Iterator[tuple[Path, ast.Module]]:
    """The parsed files of the hub whose path matches one of ``patterns``, relative to the package."""
    for path in SOURCES:
        if any(path.relative_to(HUB).match(pattern) for pattern in patterns):
            yield path.relative_to(ROOT), ast.parse(path.read_text())


def imported(tree: ast.Module) -> set[str]:
    """Every module a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_only_the_command_line_reads_the_environment() -> None:
    readers = set()
    for path, tree in trees("*.py"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"):
                readers.add(str(path))
    # A program in a process of its own is not the hub: its environment is what its job gave it, and nothing of the
    # hub's own. So is the child that speaks to Ray, whose settings (RAY_...) are handed on to it. Which cards a process
    # may use is no setting of the hub: whoever starts it says so to every program by the driver's own variable.
    programs = (
        "freehold/engines/programs/",
        "freehold/batches/programs/",
        "freehold/compute/ray_",
        "freehold/compute/cluster.py",
        "freehold/compute/graphics.py",
    )
    of_programs = {path for path in readers if path.startswith(programs)}
    assert readers - of_programs <= {"freehold/cli/shared.py"}


def test_every_setting_sets_something() -> None:
    read = {
        node.attr
        for _, tree in trees("*.py")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    assert {field.name for field in dataclasses.fields(Settings)} - read == set()


def test_a_verb_knows_no_shape_on_the_wire() -> None:
    wrong = [
        (str(path), name)
        for path, tree in trees("*/service.py", "*/service/*.py", "*/service/*/*.py", "*/rules.py", "*/tables.py")
        for name in imported(tree)
        if re.search(r"\.(schemas|api|pages)(\.|$)", name) or name.startswith(("fastapi", "starlette.re"))
    ]
    assert wrong == []


def test_rules_are_pure() -> None:
    impure = ("sqlalchemy", "freehold.core.clock", "freehold.core.database", "socket", "httpx", "freehold.stores")
    wrong = [
        (str(path), name) for path, tree in trees("*/rules.py") for name in imported(tree) if name.startswith(impure)
    ]
    assert wrong == []


def test_doors_neither_commit_nor_query() -> None:
    wrong = []
    for path, tree in trees("*/api.py", "*/api/*.py", "*/pages.py", "*/pages/*.py"):
        wrong += [(str(path), name) for name in imported(tree) if name in ("sqlalchemy.select", "sqlalchemy.orm.Query")]
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit":
                named = ast.unparse(node.func.value)
                if named.split(".")[-1] in ("db", "session"):
                    wrong.append((str(path), f"{named}.commit() at line {node.lineno}"))
    assert wrong == []


def test_a_router_is_one_of_late_routes() -> None:
    """FastAPI's own makes validators of every route at the start: a fifth of its time, and 11 MiB."""
    makers = {str(path) for path, tree in trees("*.py") if "fastapi.APIRouter" in imported(tree)}
    assert makers == {"freehold/core/routes.py"}


def test_verbs_never_commit() -> None:
    wrong = [
        f"{path}:{node.lineno}"
        for path, tree in trees("*/service.py", "*/service/*.py", "*/service/*/*.py")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("db.commit", "session.commit", "db.rollback")
    ]
    assert wrong == []


def test_each_room_says_what_it_is_and_nothing_else() -> None:
    silent = []
    for room in sorted(path.parent for path in HUB.glob("*/__init__.py")):
        tree = ast.parse((room / "__init__.py").read_text())
        code = [node for node in tree.body[1:] if not isinstance(node, ast.ImportFrom | ast.Assign)]
        if not ast.get_docstring(tree) or code:
            silent.append(room.name)
    assert silent == []


def test_files_and_functions_fit_the_eye() -> None:
    long_files = [f"{path.relative_to(ROOT)}" for path in SOURCES if path.read_text().count("\n") > MAX_FILE_LINES]
    long_functions = [
        f"{path}: {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for path, tree in trees("*.py")
        if "migrations/versions" not in str(path)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno >= MAX_FUNCTION_LINES
    ]
    assert (long_files, long_functions) == ([], [])


def test_what_is_imported_is_what_is_declared() -> None:
    used = {name.split(".")[0] for _, tree in trees("*.py") for name in imported(tree)} - set(sys.stdlib_module_names)
    own = {
        "freehold",
        *(path.stem for path in HUB.glob("engines/programs/door/*.py")),
    }  # put on the path of other programs
    providers = metadata.packages_distributions()
    imported_packages = {_plain(provider) for name in used - own for provider in providers.get(name, [name])}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {_plain(re.split(r"[\[<>=! ]", line)[0]) for line in project["dependencies"]}
    extras = project.get("optional-dependencies", {}).values()
    of_extras = {_plain(re.split(r"[\[<>=! ]", line)[0]) for lines in extras for line in lines}
    # uvloop and httptools are named to uvicorn by a word, not by an import, where they are not imported.
    assert imported_packages - declared - of_extras == set(), "imported, but not a dependency in pyproject.toml"
    by_word = {name for name in declared if re.search(rf'"{name}"', "".join(path.read_text() for path in SOURCES))}
    assert declared - imported_packages - set(UNNAMED) - by_word == set(), "a dependency that nothing imports"


def test_nothing_tracked_names_an_index_or_somebodys_machine() -> None:
    hosts = [
        ".".join(words) for words in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("debian", "org"))
    ]
    paths = ["".join(("/", name, "/")) for name in ("work", "root", "farm")] + ["/" + "opt/wheels"]
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = []
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        text = path.read_bytes().decode("utf-8", "replace") if path.is_file() else ""
        found += [(name, word) for word in hosts if word in text]
        found += [(name, word) for word in paths if re.search(rf"(?<![\w.}}]){word}", text)]
    assert found == []


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
