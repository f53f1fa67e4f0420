"""`python -m benchmarks [PART ...] [--quick]`: measure, print the table, write results/latest.json and the README."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import machine, report
from benchmarks.catchup import catchup
from benchmarks.dispatch import dispatch
from benchmarks.durable import durable
from benchmarks.growth import growth
from benchmarks.http import http
from benchmarks.loading import load
from benchmarks.logs import Logs
from benchmarks.postgres import postgres
from benchmarks.queries import queries
from benchmarks.rows import FULL, QUICK, Row, Size
from benchmarks.shop import shop
from benchmarks.snapshots import snapshots
from benchmarks.units import units
from benchmarks.visibility import visibility

HERE = Path(__file__).resolve().parent
LATEST, PAGE = HERE / "results" / "latest.json", HERE / "README.md"
PARTS: dict[str, Callable[[Size, Logs], Awaitable[list[Row]]]] = {
    "dispatch": dispatch,
    "durable": durable,
    "load": load,
    "snapshots": snapshots,
    "units": units,
    "catchup": catchup,
    "shop": shop,
    "queries": queries,
    "visibility": visibility,
    "http": http,
    "growth": growth,
    "postgres": postgres,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the parts asked for; return 1 with --strict when a row misses its goal."""
    given = _parser().parse_args(arguments)
    for part in set(given.parts) - set(PARTS):
        _parser().error(f"there is no part {part!r}; there are {', '.join(PARTS)}")
    size, before = QUICK if given.quick else FULL, machine.load_average()
    with tempfile.TemporaryDirectory(prefix=".work-", dir=given.folder) as folder:
        rows = asyncio.run(_measured(given.parts or list(PARTS), size, Path(folder)))
        found: report.Described = {
            "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "quick": given.quick,
            "machine": machine.described(Path(folder)),
            "load_average": {"before": before, "after": machine.load_average()},
            "rows": [row.described() for row in rows],
        }
    report.show(found["rows"], "one short round, no figures" if given.quick else f"medians of {size.rounds}")
    _keep(found, given.output)
    return 1 if given.strict and any(row.verdict == "misses" for row in rows) else 0


def _keep(found: report.Described, output: Path | None) -> None:
    """Write the report; what --quick found is no figure and goes nowhere but where it is told to."""
    if output is not None:
        report.write(found, output)
    elif not found["quick"]:
        whole = report.merged(found, LATEST, list(PARTS))
        report.write(whole, LATEST)
        report.write_figures(whole, PAGE)


async def _measured(parts: Sequence[str], size: Size, folder: Path) -> list[Row]:
    logs, found = Logs(folder), []
    for name in parts:
        if sys.stderr.isatty():
            print(f"measuring {name} ...", file=sys.stderr)
        found += await PARTS[name](size, logs)
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="one short round of each, to see that everything runs")
    parser.add_argument("--strict", action="store_true", help="end with status 1 when a row misses its goal")
    parser.add_argument("--folder", type=Path, default=HERE, help="where to keep the files that are measured")
    parser.add_argument("--output", type=Path, help="write the report there, not to results/latest.json and README.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
