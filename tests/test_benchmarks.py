"""The benchmarks run; how fast anything is, they do not say here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.rows import Goal, Row
from tests.documentation import ROOT


@pytest.mark.timeout(180)
def test_every_part_runs_and_reports_its_rows(tmp_path: Path) -> None:
    output = tmp_path / "report.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--folder", str(tmp_path), "--output", str(output)]

    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    found = json.loads(output.read_text(encoding="utf-8"))

    assert {row["part"] for row in found["rows"]} == {
        "dispatch",
        "durable",
        "load",
        "snapshots",
        "units",
        "catchup",
        "shop",
        "queries",
        "visibility",
        "http",
        "growth",
        "postgres",
    }
    assert all(row["verdict"] in ("ok", "misses") for row in found["rows"] if row["goal"])
    assert found["machine"]["cores"] >= 1
    assert list(tmp_path.iterdir()) == [output]


def test_a_goal_bounds_the_ratio_of_medians_or_the_figure() -> None:
    ratio = Row("p", "n", "per s", ours=[30, 10, 20], raw=[10, 10, 40], goal=Goal(">=", 2, 2.5))
    figure = Row("p", "n", "us", ours=[3], raw=[1], goal=Goal("<=", 3), absolute=True)

    assert (ratio.judged, ratio.verdict, ratio.described()["stretch_met"]) == (2, "ok", False)
    assert (figure.judged, figure.verdict, figure.described()["goal"]) == (3, "ok", "<= 3 us")
    assert Row("p", "n", "us", ours=[4], goal=Goal("<=", 3)).verdict == "misses"
