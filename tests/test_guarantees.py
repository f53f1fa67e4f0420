"""The page of guarantees names tests; each of them exists."""

import re

import pytest

from tests.documentation import ROOT

PAGE = ROOT / "docs" / "guarantees.md"
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


def named() -> list[tuple[str, str]]:
    return NAMED.findall(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("path", "test"), sorted(set(named())))
def test_a_test_that_a_guarantee_names_exists(path: str, test: str) -> None:
    assert re.search(rf"^ *(async )?def {test}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_row_of_the_page_names_one() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    promises = [row for row in rows if not row.startswith(("| promise", "| ---"))]

    assert promises
    assert [row for row in promises if not NAMED.search(row)] == []
