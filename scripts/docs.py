"""The documents made from the code: written by ``make docs``, compared by ``make check`` (``--check``).

docs/access.md      who may do what, and the action behind every route (scripts/access_matrix.py)
docs/compatibility.md   what official clients find here (scripts/compatibility.py)
docs/settings.md    the table between its two marks, from the fields of ``Settings``
"""

import re
import subprocess
import sys
from dataclasses import MISSING, fields
from pathlib import Path

from freehold.core.settings import PREFIX, Settings

ROOT = Path(__file__).parent.parent
SETTINGS = ROOT / "docs" / "settings.md"
BEGIN, END = "<!-- made by make docs -->\n", "<!-- end -->\n"
UNITS = {1 << 40: "T", 1 << 30: "G", 1 << 20: "M", 1 << 10: "K"}


def main() -> int:
    check = sys.argv[1:] == ["--check"]
    made = [
        subprocess.run([sys.executable, "-m", f"scripts.{name}", *sys.argv[1:]], cwd=ROOT).returncode
        for name in ("access_matrix", "compatibility")
    ]
    if not check:
        SETTINGS.write_text(settings_page())
        return max(made)
    for problem in problems():
        print(problem, file=sys.stderr)
    return bool(problems() or any(made))


def problems() -> list[str]:
    """What is wrong with the documents, one line each."""
    stale = [] if SETTINGS.read_text() == settings_page() else ["docs/settings.md is stale: run make docs"]
    return stale + dead_links()


def settings_page() -> str:
    """``docs/settings.md`` with its table as the code has it now."""
    before, _, rest = SETTINGS.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}{settings_table()}{END}{after}"


def settings_table() -> str:
    rows = ["| Setting | Default | What it is |", "|---|---|---|"]
    for field in fields(Settings):
        default = "./freehold-data" if field.default is MISSING else _shown(field.name, field.default)
        rows.append(
            f"| `{PREFIX}{field.name.upper()}` | {f'`{default}`' if default else ''} | {field.metadata['help']} |"
        )
    return "\n".join(rows) + "\n"


def _shown(name: str, default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, int) and name.endswith("_bytes"):
        unit = next((unit for unit in UNITS if default % unit == 0), 1)
        return f"{default // unit}{UNITS.get(unit, '')}"
    return str(default)


def dead_links() -> list[str]:
    """Links between our own documents that lead nowhere."""
    dead = []
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            if "://" not in target and not (page.parent / target.partition("#")[0]).exists():
                dead.append(f"{page.relative_to(ROOT)} links to {target}, which is not there")
    return dead


if __name__ == "__main__":
    sys.exit(main())
