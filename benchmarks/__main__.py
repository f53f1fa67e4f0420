"""`python -m benchmarks [PART ...] [--quick]`: measure, print the table, write results/latest.json."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks import machine
from benchmarks.catchup import catchup
from benchmarks.dispatch import dispatch
from benchmarks.durable import durable
from benchmarks.growth import growth
from benchmarks.http import http
from benchmarks.loading import load
from benchmarks.logs import Logs
from benchmarks.rows import FULL, QUICK, Row, Size
from benchmarks.visibility import visibility

HERE = Path(__file__).resolve().parent
LATEST = HERE / "results" / "latest.json"
Part = Callable[[Size, Logs], Awaitable[list[Row]]]
PARTS: dict[str, Part] = {
    "dispatch": dispatch,
    "durable": durable,
    "load": load,
    "catchup": catchup,
    "visibility": visibility,
    "http": http,
    "growth": growth,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the parts asked for; return 1 with --strict when a row misses its goal."""
    given = _parser().parse_args(arguments)
    parts, size = given.parts or list(PARTS), QUICK if given.quick else FULL
    before = machine.load_average()
    with tempfile.TemporaryDirectory(prefix=".work-", dir=given.folder) as folder:
        found, places = asyncio.run(_measured(parts, size, Path(folder))), machine.described(Path(folder))
    _print(found, "no figures: --quick only shows that everything runs" if given.quick else "medians")
    report: dict[str, Any] = {
        "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "quick": given.quick,
        "machine": places,
        "load_average": {"before": before, "after": machine.load_average()},
        "rows": [row.described() for row in found],
    }
    _write(report, given.output, parts)
    missed = [row.name for row in found if row.verdict == "misses"]
    return 1 if missed and given.strict else 0


async def _measured(parts: Sequence[str], size: Size, folder: Path) -> list[Row]:
    logs, found = Logs(folder), []
    for name in parts:
        if sys.stderr.isatty():
            print(f"measuring {name} ...", file=sys.stderr)
        found += await PARTS[name](size, logs)
    return found


def _write(report: dict[str, Any], output: Path | None, parts: Sequence[str]) -> None:
    """Write the report; a part measured alone replaces its rows only, and says when it was measured."""
    path = output or LATEST
    if report["quick"] and output is None:
        return
    for row in report["rows"]:
        row["measured"] = report["date"]
    if path.exists() and set(parts) != set(PARTS):
        old = json.loads(path.read_text(encoding="utf-8"))
        kept = [row for row in old["rows"] if row["part"] not in parts]
        report["rows"] = sorted([*kept, *report["rows"]], key=lambda row: list(PARTS).index(row["part"]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _print(found: Sequence[Row], what: str) -> None:
    table = Table(title=f"Diptych beside raw code of the same run; {what}")
    for title in ("workload", "Diptych", "raw", "ratio", "goal", "stretch", ""):
        table.add_column(title, justify="left" if title == "workload" else "right")
    for row in found:
        told = row.described()
        verdict = told["verdict"] or ""
        if told["stretch_met"]:
            verdict += ", stretch"
        table.add_row(
            row.name,
            f"{_figure(median(row.ours))} {row.unit}",
            f"{_figure(median(row.raw))} {row.unit}" if row.raw else "",
            "" if row.ratio is None else f"{row.ratio:.2f}",
            told["goal"] or "",
            told["stretch"] or "",
            Text(verdict, style="red" if row.verdict == "misses" else "green"),
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one or more of {', '.join(PARTS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="one short round of each, to see that everything runs")
    parser.add_argument("--strict", action="store_true", help="end with status 1 when a row misses its goal")
    parser.add_argument("--folder", type=Path, default=HERE, help="where to keep the files that are measured")
    parser.add_argument("--output", type=Path, help="where to write the report; results/latest.json, not with --quick")
    return parser


if __name__ == "__main__":
    sys.exit(main())
