"""``python -m bench [--quick] [FAMILY ...]``: measure, print one table, keep it in ``bench/out``."""

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from bench import (
    calls,
    clones,
    dedup,
    downloads,
    finding,
    footprint,
    history,
    machine,
    registers,
    serving,
    table,
    uploads,
    visits,
)
from bench.bench import QUICK, Bench, Family, Scale
from bench.table import Row

FAMILIES: dict[str, Family] = {
    "downloads": downloads.measure,
    "uploads": uploads.measure,
    "dedup": dedup.measure,
    "calls": calls.measure,
    "clones": clones.measure,
    "footprint": footprint.measure,
    "history": history.measure,
    "visits": visits.measure,
    "registers": registers.measure,
    "finding": finding.measure,
    "serving": serving.measure,
}
OUT = machine.ROOT / "bench" / "out"


def main() -> int:
    asked = _asked()
    scale = QUICK if asked.quick else Scale()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="freehold-bench-", dir=asked.dir) as name:
        facts = machine.facts(Path(name))
        for family in asked.families or FAMILIES:
            rows += _measured(family, scale, Path(name) / family)
    path = table.keep(OUT, f"{datetime.now(UTC):%Y-%m-%d-%H%M%S}{'-quick' if asked.quick else ''}", facts, rows)
    print("\n".join(f"{key}: {value}" for key, value in facts.items()))
    print(f"best of {scale.rounds} interleaved rounds, {scale.file_bytes >> 20} MiB files\n")
    print(f"{table.text(rows)}\n\nkept in {path}")
    return 1 if any(row.met is False for row in rows) else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Measure the hub beside its floors and peers.")
    parser.add_argument("families", nargs="*", choices=[[], *FAMILIES], metavar="FAMILY", help=", ".join(FAMILIES))
    parser.add_argument("--quick", action="store_true", help="smaller files and fewer rounds: does it run at all")
    parser.add_argument("--dir", help="where to put some 30 GiB meanwhile [default: the system's temporary folder]")
    return parser.parse_args()


def _measured(family: str, scale: Scale, folder: Path) -> list[Row]:
    """The rows of one family, on a hub and files of its own; a family that breaks says so and ends no other."""
    folder.mkdir()
    rows: list[Row] = []
    began = time.monotonic()
    with ExitStack() as closing:
        try:
            for row in FAMILIES[family](Bench(scale, folder, closing)):
                rows.append(row)
                print(table.text([row]).splitlines()[-1], file=sys.stderr, flush=True)
        except machine.Missing as err:
            rows.append(Row(family, note=str(err)))
        except Exception as err:
            rows.append(Row(family, met=False, note=f"broke: {str(err).strip()[:300]}"))
    print(f"{family}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
