"""Plans in tests: which statements a query runs, and whether an index answers each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from diptych.application import Application
from diptych.model.messages import Query
from diptych.ports.plans import Explaining, Planned

_SCAN = re.compile(r"SCAN (?P<table>\S+)(?P<rest>.*)")
_MADE = re.compile(r"(?:CO-ROUTINE|MATERIALIZE) (?P<name>\S+)")  # what the statement itself makes is no table
_LIMITED = re.compile(r"\blimit\s+\d+(\s+offset\s+\d+)?\s*$", re.IGNORECASE)
_WHOLE_SORT = "USE TEMP B-TREE FOR ORDER BY"
_NO_TABLE = ("(", "CONSTANT")


@dataclass(frozen=True, slots=True)
class Plan:
    """Tell how the database answered one statement: `steps` are in its own words.

    `print(plan)` shows the statement and its steps.
    """

    statement: str
    steps: tuple[str, ...]

    @property
    def scans(self) -> tuple[str, ...]:
        """Return the tables that were read from end to end, be it along an index: what a fast query never does."""
        return () if self._is_stopped else self._scanned

    @property
    def walks(self) -> tuple[str, ...]:
        """Return the tables that were read in order from their beginning until a limit stopped it.

        That is fast for the first page of a list, and as slow as a scan where a condition passes few rows.
        """
        return self._scanned if self._is_stopped else ()

    @property
    def sorts(self) -> tuple[str, ...]:
        """Return the steps that sorted, grouped or made distinct what no index had in order."""
        return tuple(step for step in self.steps if step.startswith("USE TEMP B-TREE"))

    def __str__(self) -> str:
        return "\n    ".join((self.statement, *self.steps))

    @property
    def _scanned(self) -> tuple[str, ...]:
        found = (_SCAN.match(step) for step in self.steps)
        scanned = ((each["table"], each["rest"]) for each in found if each is not None)
        made = {each["name"] for step in self.steps if (each := _MADE.match(step)) is not None}
        return tuple(
            table
            for table, rest in scanned
            if table not in made and not table.startswith(_NO_TABLE) and not _is_call(rest)
        )

    @property
    def _is_stopped(self) -> bool:
        return _LIMITED.search(self.statement) is not None and _WHOLE_SORT not in self.steps


async def explained(
    app: Application, query: Query[Any], **options: Any
) -> tuple[Plan, ...]:  # Any: what `ask` takes besides the query
    """Ask a query of an open application; return the plans of all statements over rows that its answer took.

    What `Rows` does by key, by list or by search is told alike. Let the application do nothing beside, and catch up
    first. An answer out of a cache takes no statements. Raises TypeError for a store that has no plans to tell.
    """
    with _explaining(app).watched() as watch:
        await app.ask(query, **options)
    return tuple(map(_plan, watch.plans()))


async def plan_of(app: Application, statement: Any) -> Plan:  # Any: a SQLAlchemy select over tables of read models
    """Run one `select()` and return its plan; raise TypeError for a store that has no plans to tell."""
    async with app.rows.reader() as reader:
        with _explaining(app).watched() as watch:
            await reader.select((statement,))
        return _plan(watch.plans()[0])


def _explaining(app: Application) -> Explaining:
    if not isinstance(app.rows, Explaining):
        raise TypeError(f"{type(app.rows).__name__} tells no plans; test them on sqlite:// or memory://")
    return app.rows


def _plan(planned: Planned) -> Plan:
    return Plan(planned.statement, planned.steps)


def _is_call(rest: str) -> bool:
    """Say whether a virtual table was given arguments, as `json_each` and full text search are."""
    return " VIRTUAL TABLE INDEX " in rest and not rest.endswith(" VIRTUAL TABLE INDEX 0:")
