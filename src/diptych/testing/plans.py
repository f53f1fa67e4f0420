"""Plans in tests: which statements a query runs, and whether an index answers each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from diptych.application import Application
from diptych.model.messages import Query
from diptych.ports.plans import Explaining, Planned


@dataclass(frozen=True, slots=True)
class Plan:
    """Tell how the database answered one statement: `steps` are in its own words.

    `scans` are the tables that were read from end to end, be it along an index: what a fast query never does. `walks`
    were read in order from their beginning until a limit stopped it: that is fast for the first page of a list, and as
    slow as a scan where a condition passes few rows. `sorts` are the steps that sorted, grouped or made distinct what
    no index had in order. `print(plan)` shows the statement and its steps.

    SQLite tells the plan that it had. PostgreSQL, which reads a small table from end to end whatever its indexes, tells
    the plan that the indexes allow: a scan or a sort in it is one that no index spares.
    """

    statement: str
    steps: tuple[str, ...]
    scans: tuple[str, ...]
    walks: tuple[str, ...]
    sorts: tuple[str, ...]

    def __str__(self) -> str:
        return "\n    ".join((self.statement, *self.steps))


async def explained(
    app: Application, query: Query[Any], **options: Any
) -> tuple[Plan, ...]:  # Any: what `ask` takes besides the query
    """Ask a query of an open application; return the plans of all statements over rows that its answer took.

    What `Rows` does by key, by list or by search is told alike. Let the application do nothing beside, and catch up
    first. An answer out of a cache takes no statements. Raises TypeError for a store that has no plans to tell.
    """
    with _explaining(app).watched() as watch:
        await app.ask(query, **options)
    return tuple(map(_plan, await watch.plans()))


async def plan_of(app: Application, statement: Any) -> Plan:  # Any: a SQLAlchemy select over tables of read models
    """Run one `select()` and return its plan; raise TypeError for a store that has no plans to tell."""
    async with app.rows.reader() as reader:
        with _explaining(app).watched() as watch:
            await reader.select((statement,))
        return _plan((await watch.plans())[0])


def _explaining(app: Application) -> Explaining:
    if not isinstance(app.rows, Explaining):
        raise TypeError(f"{type(app.rows).__name__} tells no plans")
    return app.rows


def _plan(planned: Planned) -> Plan:
    scans, walks = ((), planned.whole) if planned.stops else (planned.whole, ())
    return Plan(planned.statement, planned.steps, scans, walks, planned.sorts)
