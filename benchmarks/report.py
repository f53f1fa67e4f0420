"""What is left of a run: the table on the screen, results/latest.json, and the figures in README.md."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

Described = dict[str, Any]  # Any: JSON, as `Row.described` returns it

_BEGIN, _END = "<!-- figures: written by `make bench` -->\n", "<!-- end of figures -->"
_TITLES = ("workload", "Diptych", "raw", "ratio", "goal", "stretch", "verdict")


def show(rows: Iterable[Described], what: str) -> None:
    """Print the table."""
    table = Table(title=f"Diptych beside raw code of the same run; {what}")
    for title in _TITLES:
        table.add_column(title, justify="left" if title == "workload" else "right")
    for row in rows:
        *cells, verdict = _cells(row)
        table.add_row(*cells, Text(verdict, style="red" if verdict == "misses" else "green"))
    Console(width=None if sys.stdout.isatty() else 170).print(table)


def merged(report: Described, path: Path, parts: Sequence[str]) -> Described:
    """Return the report with the rows of parts that were not measured now, as the file at `path` has them."""
    measured = {row["part"] for row in report["rows"]}
    rows = [row | {"measured": report["date"]} for row in report["rows"]]
    if path.exists():
        old = json.loads(path.read_text(encoding="utf-8"))
        rows += [row for row in old["rows"] if row["part"] not in measured]
    return report | {"rows": sorted(rows, key=lambda row: parts.index(row["part"]))}


def write(report: Described, path: Path) -> None:
    """Write the report as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def write_figures(report: Described, page: Path) -> None:
    """Replace the figures of a page, between its two marks."""
    before, _, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    page.write_text(before + _BEGIN + "\n".join(_figures(report)) + "\n" + _END + after, encoding="utf-8")


def _figures(report: Described) -> Iterable[str]:
    machine = report["machine"]
    yield (
        f"\n{report['date']}: {machine['cores']} cores of {machine['processor']}, {machine['memory_gib']} GiB, "
        f"{machine['filesystem']}, {machine['system']}, Python {machine['python']}, SQLite {machine['sqlite']}; "
        f"load before the run {report['load_average']['before'][0]}.\n"
    )
    yield f"| {' | '.join(_TITLES)} |"
    yield "| --- |" + " ---: |" * (len(_TITLES) - 1)
    for row in report["rows"]:
        yield f"| {' | '.join(_cells(row))} |"
    yield ""


def _cells(row: Described) -> list[str]:
    raw = row["raw"]
    verdict = (row["verdict"] or "") + (", stretch" if row["stretch_met"] else "")
    return [
        row["name"],
        f"{_figure(row['ours']['median'])} {row['unit']}",
        f"{_figure(raw['median'])} {row['unit']}" if raw else "",
        "" if row["ratio"] is None else f"{row['ratio']:.2f}",
        row["goal"] or "",
        row["stretch"] or "",
        verdict,
    ]


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
