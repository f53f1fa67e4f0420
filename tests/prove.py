"""Run every fault test at full size, one part at a time, and write docs/proofs.md.

A part is a file of tests marked `fault` or `prove`. What was proved at this commit is kept in `.prove/`, so that an
interrupted run goes on where it was; `--again` forgets it. Figures are what tests record by pytest's `record_property`.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import re
import sqlite3
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sizes import FULL

ROOT = Path(__file__).parent.parent
KEPT = ROOT / ".prove"
PAGE = ROOT / "docs" / "proofs.md"
MARKED = re.compile(r"pytest\.mark\.(fault|prove)\b")


def main() -> int:
    """Run the parts that are not proved yet; write the page; return 1 if any failed."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]  # it has one
    arguments.add_argument("parts", nargs="*", help="only parts whose path contains one of these words")
    arguments.add_argument("--again", action="store_true", help="forget what was proved before")
    chosen = arguments.parse_args()
    KEPT.mkdir(exist_ok=True)
    commit = _git("rev-parse", "--short", "HEAD") + ("+" if _git("status", "--porcelain", "--", "src") else "")
    for part in parts():
        name = str(part.relative_to(ROOT))
        if chosen.parts and not any(word in name for word in chosen.parts):
            continue
        kept = KEPT / (name.replace("/", "-") + ".json")
        if chosen.again or not kept.exists() or json.loads(kept.read_text())["commit"] != commit:
            kept.write_text(json.dumps(prove(part, commit), indent=1))
    proved = [json.loads(kept.read_text()) for kept in sorted(KEPT.glob("*.json"))]
    PAGE.write_text(page(proved))
    return 1 if any(each["failed"] for part in proved for each in part["tests"]) else 0


def parts() -> Iterator[Path]:
    """Yield every file of tests that holds a fault test."""
    for folder in (ROOT / "tests", *(ROOT / "examples").glob("*/tests")):
        for path in sorted(folder.rglob("test_*.py")):
            if MARKED.search(path.read_text()):
                yield path


def prove(part: Path, commit: str) -> dict[str, Any]:
    """Run the fault tests of one file at full size; return what they showed."""
    name, report = str(part.relative_to(ROOT)), KEPT / "report.xml"
    report.unlink(missing_ok=True)
    print(f"== {name}", flush=True)
    started = time.monotonic()
    command = [
        sys.executable,
        "-m",
        "pytest",
        name,
        "-q",
        "-m",
        "fault or prove",
        "-o",
        "timeout=3600",
        "-o",
        "junit_family=xunit1",
    ]
    subprocess.run([*command, f"--junit-xml={report}"], cwd=ROOT, env={**os.environ, FULL: "1"}, check=False)
    written = ET.parse(report).getroot()  # noqa: S314 (pytest wrote it a moment ago)
    tests = [_test(case) for case in written.iter("testcase")]
    today = dt.datetime.now(dt.UTC).date().isoformat()
    return {"part": name, "commit": commit, "date": today, "seconds": time.monotonic() - started, "tests": tests}


def page(proved: list[dict[str, Any]]) -> str:
    """Return the page of proofs."""
    lines = [
        "# Proofs",
        "",
        'What `make prove` showed: every fault test at full size. One that ends in "caught" is about a planted bug.',
        "",
        f"Machine: {os.cpu_count()} cores, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}.",
    ]
    for part in proved:
        lines += [
            "",
            f"## `{part['part']}`",
            "",
            f"{part['date']}, commit {part['commit']}, {part['seconds']:.0f} s",
            "",
        ]
        lines += ["| claim | held | figures |", "| --- | --- | --- |"]
        for each in part["tests"]:
            held = "skipped" if each["skipped"] else "NO" if each["failed"] else "yes"
            figures = ", ".join(f"{name} {value}" for name, value in each["figures"])
            lines.append(f"| {each['name']} | {held} | {figures} |")
    return "\n".join(lines) + "\n"


def _test(case: ET.Element) -> dict[str, Any]:
    words = case.get("name", "").removeprefix("test_").replace("_", " ")
    figures = [(found.get("name"), found.get("value")) for found in case.iter("property")]
    failed = case.find("failure") is not None or case.find("error") is not None
    return {"name": words, "failed": failed, "skipped": case.find("skipped") is not None, "figures": figures}


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
