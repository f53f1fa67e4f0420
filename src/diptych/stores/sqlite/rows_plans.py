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


class SqliteWatch:
    """Keep the statements that ran on some connections."""

    def __init__(self, databases: Sequence[ReadDatabase]) -> None:
        self._databases, self._statements = databases, list[str]()

    def plans(self) -> Sequence[Planned]:
        """Return what ran, each statement with its plan."""
        ran = [each for each in self._statements if _READS.match(each) and not _BOOKKEEPING.search(each)]
        if not ran:
            return ()
        with self._databases[0].read() as connection:
            return [Planned(each, _steps(connection, each)) for each in ran]

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
