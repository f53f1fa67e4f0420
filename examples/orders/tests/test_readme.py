"""The README names tests for every item: each of them is there."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
README = (HERE.parent / "README.md").read_text(encoding="utf-8")
TESTS = {file.name: file.read_text(encoding="utf-8") for file in HERE.glob("test_*.py")}


def test_every_row_of_the_tables_names_tests_that_are_there() -> None:
    tables = README.split("## What is done", 1)[1]
    rows = [line.split("|") for line in tables.splitlines() if line.startswith("| ") and "---" not in line]
    done = [row for row in rows if "later issues" not in row[2] and row[3].strip() != "shown by"]

    assert len(done) > 40
    for row in done:
        named, shown = re.findall(r"`(test_\w+\.py)`", row[3]), row[3]
        assert named or "every test with `clerk`" in shown, row
        assert set(named) <= TESTS.keys(), row
        text = "".join(TESTS[name] for name in named)
        for part in re.findall(r"`\.{0,3}_?([a-z]+_[a-z_]+?)_?\.{0,3}`", shown.replace(".py`", "`")):
            assert part in text or f"{part}.py" in TESTS, (part, row)


def test_every_file_that_is_named_is_there() -> None:
    folder = HERE.parent / "orders"

    for name in set(re.findall(r"`((?:\w+/)?\w+\.py)`", README)):
        assert (folder / name).exists() or (HERE / name).exists(), name
