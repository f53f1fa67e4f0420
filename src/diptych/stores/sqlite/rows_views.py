"""Keep views in an SQLite row store: computed on a snapshot by one thread, swapped in one transaction."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar
from uuid import UUID

import msgspec

from diptych.errors import WiringError
from diptych.model.projections import ReadModel
from diptych.model.views import MaterialisedView
from diptych.ports import Below, Judge, Materialised
from diptych.stores.selects import refuse_unfit
from diptych.stores.sqlite.rows_database import (
    FileReading,
    ReadDatabase,
    WriteDatabase,
    read_changes,
    read_checkpoints,
    row_sql,
    snapshot,
)
from diptych.stores.sqlite.rows_engine import engine_of
from diptych.stores.sqlite.rows_statements import Writing, drop_of, writing_of
from diptych.stores.tables import conversion_of
from diptych.stores.view_rows import below_of, encoded, goes_back, succeeding

T = TypeVar("T")
_INTERRUPT = 0.05


class Computed(NamedTuple):
    """What the select of a view returned, as stored values, with what the same snapshot says of its read models."""

    rows: Sequence[tuple[Any, ...]]
    below: Below
    seconds: float


class SqliteViews:
    """Keep the rows of views: looked up on the loop that opened it, refreshed on a thread of its own."""

    def __init__(self, reading: Callable[[], ReadDatabase], writing: Callable[[], WriteDatabase]) -> None:
        self._reading, self._writing = reading, writing
        self._stored: tuple[int | None, Mapping[str, Materialised]] = (None, {})

    async def __aenter__(self) -> Self:
        self._database = self._reading()
        self._snapshots = _Snapshots(self._reading())
        self._thread = ThreadPoolExecutor(1, "diptych-views")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        closing = asyncio.ensure_future(self._on_thread(self._snapshots.close))
        while not closing.done():
            self._snapshots.interrupt()  # a select under way would keep us here to its end
            await asyncio.wait({closing}, timeout=_INTERRUPT)
        self._thread.shutdown()
        self._database.close()

    def refuse_unfit(self, view: MaterialisedView[Any], statement: Any) -> None:
        """Raise WiringError where the columns of the select are not those of the view's rows."""
        refuse_unfit(view, statement)

    async def stored(self) -> Mapping[str, Materialised]:
        """Return what is stored of every view."""
        with self._database.read() as connection:
            version = self._database.version()
            if version != self._stored[0]:
                self._stored = (version, read_views(connection))
        return self._stored[1]

    async def refresh(
        self, view: MaterialisedView[Any], statement: Any, models: Sequence[ReadModel[Any]], judge: Judge
    ) -> Materialised:
        """Run the select on one snapshot, then put its rows in the place of the old ones, in one transaction."""
        computed = await self.compute(view, statement, models)
        return await self.swap(view, computed, judge(computed.below))

    async def compute(self, view: MaterialisedView[Any], statement: Any, models: Sequence[ReadModel[Any]]) -> Computed:
        """Run the select over these read models on one snapshot."""
        return await self._on_thread(lambda: self._snapshots.compute(view, statement, models))

    async def swap(self, view: MaterialisedView[Any], computed: Computed, new: Materialised) -> Materialised:
        """Put new rows in the place of the old ones, in one transaction; return what then is stored."""
        return await self._on_thread(lambda: self._swap(view, computed, new))

    def _swap(self, view: MaterialisedView[Any], computed: Computed, new: Materialised) -> Materialised:
        database, began = self._writing(), time.perf_counter()
        try:
            with database.write() as connection:
                old = read_views(connection).get(view.name)
                if old is not None and goes_back(old, new):
                    return old
                placed = succeeding(old, new, len(computed.rows), computed.seconds)
                _replace(connection, view, placed.generation, computed.rows)
                put = msgspec.structs.replace(placed, seconds=placed.seconds + time.perf_counter() - began)
                connection.execute(row_sql("put_view"), _values(put))
            database.tidy()
        finally:
            database.close()
        return put

    async def _on_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


class _Snapshots:
    """Run selects of SQLAlchemy on a connection of its own, each with all that belongs to its answer."""

    def __init__(self, database: ReadDatabase) -> None:
        self._database = database
        with database.read() as connection:
            self._engine = engine_of(connection)

    def compute(self, view: MaterialisedView[Any], statement: Any, models: Sequence[ReadModel[Any]]) -> Computed:
        """Return the rows of a view as stored values, the checkpoints and the changes, of one read transaction."""
        began = time.perf_counter()
        with self._database.read() as raw, self._engine.connect() as connection, snapshot(raw):
            below = below_of(models, read_checkpoints(raw), read_changes(raw))
            encode = conversion_of(view.model).encode
            rows = encoded(view, statement, connection.execute(statement), encode)
        return Computed(rows, below, time.perf_counter() - began)

    def interrupt(self) -> None:
        """End the select under way, if any, with an error; in memory others use the connection, and it goes on."""
        if isinstance(self._database, FileReading):
            with self._database.read() as connection, contextlib.suppress(sqlite3.ProgrammingError):
                connection.interrupt()

    def close(self) -> None:
        """Close the connection."""
        self._database.close()


def read_views(connection: sqlite3.Connection) -> Mapping[str, Materialised]:
    """Return what is stored of every view."""
    found = connection.execute(row_sql("views")).fetchall()
    return {values[0]: _materialised(values) for values in found}


def _materialised(values: tuple[Any, ...]) -> Materialised:
    name, position, seen, fingerprint, log_id, *rest = values
    return Materialised(name, position, seen, fingerprint, UUID(log_id), *rest)


def _values(put: Materialised) -> tuple[Any, ...]:
    return tuple(str(value) if isinstance(value, UUID) else value for value in msgspec.structs.astuple(put))


def _replace(
    connection: sqlite3.Connection, view: MaterialisedView[Any], generation: int, rows: Sequence[tuple[Any, ...]]
) -> None:
    _claim(connection, view)
    writing: Writing = writing_of(view.model, generation)
    for statement in (*drop_of(view.name, generation - 1), *writing.create):
        connection.execute(statement)
    connection.executemany(writing.upsert, rows)
    for statement in writing.finish:
        connection.execute(statement)
    # Not the position: a generation alone tells one refresh from the next, and two may stand at one position.
    connection.execute(row_sql("put_model"), (view.name, view.model.projection, generation, 0, 0))


def _claim(connection: sqlite3.Connection, view: MaterialisedView[Any]) -> None:
    for name, owner, _ in connection.execute(row_sql("owners")).fetchall():
        if name == view.name and owner != view.model.projection:
            raise WiringError(
                f"the name of view {view.name!r} belongs to a read model of projection {owner!r}, whose rows are there",
                fix=f"give the view another name: @module.materialised(..., name='{view.name}_view')",
            )
