"""Watch what the readers of a row store run, and ask SQLite how it answers that."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence

from diptych.ports.plans import Planned
from diptych.stores.sqlite.rows_database import ReadDatabase

_READS = re.compile(r"\s*(select|with)\b", re.IGNORECASE)
# Checkpoints and the change feed, and what full text search asks of its own tables.
_BOOKKEEPING = re.compile(r"\b(?:from|join)\s+(?:\"?diptych_|'main'\.')", re.IGNORECASE)

_SCAN = re.compile(r"SCAN (?P<table>\S+)(?P<rest>.*)")
_MADE = re.compile(r"(?:CO-ROUTINE|MATERIALIZE) (?P<name>\S+)")  # what the statement itself makes is no table
_LIMITED = re.compile(r"\blimit\s+\d+(\s+offset\s+\d+)?\s*$", re.IGNORECASE)
_SORT, _WHOLE_SORT = "USE TEMP B-TREE", "USE TEMP B-TREE FOR ORDER BY"
_NO_TABLE = ("(", "CONSTANT")


class SqliteWatch:
    """Keep the statements that ran on some connections."""

    def __init__(self, databases: Sequence[ReadDatabase]) -> None:
        self._databases, self._statements = databases, list[str]()

    async def plans(self) -> Sequence[Planned]:
        """Return what ran, each statement with its plan."""
        ran = [each for each in self._statements if _READS.match(each) and not _BOOKKEEPING.search(each)]
        if not ran:
            return ()
        with self._databases[0].read() as connection:
            return [_planned(each, _steps(connection, each)) for each in ran]

    @contextlib.contextmanager
    def watching(self) -> Iterator[SqliteWatch]:
        """Be told of every statement until the end."""
        self._tell(self._statements.append)
        try:
            yield self
        finally:
            self._tell(None)

    def _tell(self, told: Callable[[str], None] | None) -> None:
        for database in self._databases:
            with database.read() as connection:
                connection.set_trace_callback(told)


def open_ones(databases: Iterable[ReadDatabase]) -> Sequence[ReadDatabase]:
    """Return the databases whose connection is not closed."""
    return [database for database in databases if _is_open(database)]


def _is_open(database: ReadDatabase) -> bool:
    try:
        database.version()
    except sqlite3.ProgrammingError:
        return False
    return True


def _steps(connection: sqlite3.Connection, statement: str) -> tuple[str, ...]:
    # The values stand in the text. SQLite plans a statement anew once its values are bound, so this is the plan it had.
    found = connection.execute(f"explain query plan {statement}").fetchall()
    return tuple(str(values[3]) for values in found)


def _planned(statement: str, steps: tuple[str, ...]) -> Planned:
    sorts = tuple(step for step in steps if step.startswith(_SORT))
    stops = _LIMITED.search(statement) is not None and _WHOLE_SORT not in steps
    return Planned(statement, steps, tuple(_scanned(steps)), sorts, stops)


def _scanned(steps: Sequence[str]) -> Iterator[str]:
    made = {each["name"] for step in steps if (each := _MADE.match(step)) is not None}
    for found in filter(None, map(_SCAN.match, steps)):
        table = found["table"]
        if table not in made and not table.startswith(_NO_TABLE) and not _is_call(found["rest"]):
            yield table


def _is_call(rest: str) -> bool:
    """Say whether a virtual table was given arguments, as `json_each` and full text search are."""
    return " VIRTUAL TABLE INDEX " in rest and not rest.endswith(" VIRTUAL TABLE INDEX 0:")
