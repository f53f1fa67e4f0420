"""`diptych views`: where materialised views stand, and their refresh."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.test_looking import Told

REPORT = """
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa

from bank import AccountView, accounts, listing
from diptych import Application, Module, OnDemand, Rows, Scale


class ByOwner(msgspec.Struct, frozen=True):
    owner: str
    amount: Annotated[Decimal, Scale(2)]


reports = Module("reports")


@reports.materialised(ByOwner, key="owner", refresh=OnDemand())
def by_owner(accounts: Rows[AccountView]) -> sa.Select[Any]:
    c = accounts.table.c
    return sa.select(c.owner, sa.func.sum(c.amount).label("amount")).group_by(c.owner)


app = Application(accounts, listing, reports, events="sqlite:///bank.db")
"""
APP = ("--app", "report:app")


@pytest.fixture(autouse=True)
def report(folder: Path, told: Told) -> Iterator[None]:
    """The bank with a view, and two accounts of one owner in its log, folded; the view was never computed."""
    (folder / "report.py").write_text(REPORT, encoding="utf-8")
    told("send", "Open", "--account", "A1", "--owner", "Ada", "--app", "bank:app", "--events", "sqlite:///bank.db")
    told("send", "Open", "--account", "A2", "--owner", "Ada", "--app", "bank:app", "--events", "sqlite:///bank.db")
    told("ask", "GetAccount", "--account", "A1", "--app", "bank:app", "--events", "sqlite:///bank.db")
    yield
    sys.modules.pop("report", None)


def test_a_view_is_listed_before_and_after_its_refresh(told: Told) -> None:
    assert told("views", "list", *APP) == [
        {
            "view": "by_owner",
            "refresh": "on demand",
            "position": 0,
            "rows": 0,
            "age": None,
            "seconds": None,
            "state": "absent",
        }
    ]

    done = told("views", "refresh", "by_owner", *APP)

    assert (done["view"], done["position"], done["rows"]) == ("by_owner", 2, 1)
    (listed,) = told("views", "list", *APP)
    assert (listed["state"], listed["position"], listed["rows"]) == ("ready", 2, 1)
    assert listed["age"] >= 0


def test_a_view_is_listed_and_refreshed_for_people(run: Run) -> None:
    refreshed = run("views", "refresh", "by_owner", *APP)
    listed = run("views", "list", *APP)

    assert re.fullmatch(r"view by_owner: 1 rows at position 2, in \d\.\d{3} s\n", refreshed.stdout)
    assert listed.stdout.splitlines()[0].split() == ["view", "refresh", "position", "rows", "age", "seconds", "state"]
    assert listed.stdout.splitlines()[1].split()[:5] == ["by_owner", "on", "demand", "2", "1"]


def test_a_view_that_is_not_there_is_told(run: Run) -> None:
    result = run("views", "refresh", "by_day", *APP)

    assert result.exit_code != 0
    assert "there is no view 'by_day'; there are: by_owner" in result.stderr + str(result.exception)
