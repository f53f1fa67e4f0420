"""Read rows of an SQLite row store: by key on the calling loop, anything longer on reader threads."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy.exc import OperationalError

from diptych.model.projections import Key, Projection, ReadModel
from diptych.ports import Checkpoint, Owner, Prepared, Snapshot, Version
from diptych.stores.history_tables import FOREVER
from diptych.stores.history_tables import as_of as held_at
from diptych.stores.sqlite.faults import select_error
from diptych.stores.sqlite.rows_database import ReadDatabase, read_changes, read_checkpoints, row_sql, snapshot
from diptych.stores.sqlite.rows_engine import engine_of
from diptych.stores.sqlite.rows_history import HistoryReading, past_of
from diptych.stores.sqlite.rows_leases import living
from diptych.stores.sqlite.rows_statements import Reading, reading_of
from diptych.stores.tables import table_of

T = TypeVar("T")
Open = Callable[[], ReadDatabase]
_PATIENCE = 2.0
_FEW = 100  # keys whose past is read on the loop


class SqliteRowReader:
    """Read rows for queries from the event loop that opened it."""

    def __init__(self, opened: Open) -> None:
        self._open = opened
        self._readings: dict[str, Reading] = {}
        self._histories: dict[str, HistoryReading] = {}
        self._checkpoints: tuple[int | None, Mapping[str, Checkpoint]] = (None, {})
        self._models: tuple[int | None, Mapping[str, int]] = (None, {})

    async def __aenter__(self) -> Self:
        self._database = self._open()
        self._slow = _Slow(self._open)
        self._thread = ThreadPoolExecutor(1, "diptych-rows")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        closing = asyncio.ensure_future(self._on_thread(self._slow.close))
        while not (await asyncio.wait({closing}, timeout=_PATIENCE))[0]:
            self._slow.interrupt()  # a select may take for ever
        await closing
        self._thread.shutdown()
        self._database.close()

    async def get(self, model: ReadModel[Any], keys: Sequence[Key], *, as_of: int | None = None) -> Mapping[Key, Any]:
        """Return the rows that exist among these keys, now or as of a position."""
        if as_of is not None:
            return await self._past(model, keys, as_of)
        reading = self._reading(model)
        with self._database.read() as connection:
            return fetch(connection, reading, keys)

    async def select(self, statements: Sequence[Any], *, as_of: int | None = None) -> Sequence[Sequence[Any]]:
        """Run SQLAlchemy `select()`s on one snapshot and return the rows of each, now or as of a position."""
        if as_of is not None:
            statements = [_held(each, as_of) for each in statements]
        return await self._on_thread(lambda: self._slow.select(statements))

    async def versions(
        self, model: ReadModel[Any], key: Key, *, after: int = 0, until: int | None = None, limit: int = 1000
    ) -> Sequence[Version]:
        """Return the versions of a row with after < position <= until, the oldest first."""
        reading, last = self._history(model), FOREVER - 1 if until is None else until
        return await self._on_thread(lambda: self._slow.versions(reading, key, after, last, limit))

    async def checkpoints(self) -> Mapping[str, Checkpoint]:
        """Return every projection's checkpoint as stored."""
        with self._database.read() as connection:
            version = self._database.version()
            if version != self._checkpoints[0]:
                self._checkpoints = (version, read_checkpoints(connection))
        return self._checkpoints[1]

    async def owners(self) -> Mapping[str, Owner]:
        """Return the live owner of each projection that has one."""
        with self._database.read() as connection:
            return living(connection)

    async def changed(self, models: Sequence[str]) -> int:
        """Return a number that grows with every change, and every rebuild, of any of these read models."""
        with self._database.read() as connection:
            version = self._database.version()
            if version != self._models[0]:
                self._models = (version, read_changes(connection))
        return sum(self._models[1].get(name, 0) for name in models)

    async def fed(self, model: ReadModel[Any], position: int, *, limit: int) -> Sequence[Key]:
        """Return keys of rows that the event at a position was the last to change in its batch, from the feed."""
        decode = self._reading(model).conversion.decode_key
        with self._database.read() as connection:
            rows = connection.execute(row_sql("fed"), (position, model.name, limit)).fetchall()
        return [decode(tuple(json.loads(key))) for (key,) in rows]

    async def snapshot(self, projection: Projection) -> Snapshot:
        """Return all rows of a projection and its checkpoint, read on one snapshot."""
        readings = {model.name: self._reading(model) for model in projection.models}
        return await self._on_thread(lambda: self._slow.snapshot(projection.name, readings))

    def _reading(self, model: ReadModel[Any]) -> Reading:
        reading = self._readings.get(model.name)
        if reading is None:
            reading = self._readings[model.name] = reading_of(model, table_of(model))
        return reading

    def _history(self, model: ReadModel[Any]) -> HistoryReading:
        reading = self._histories.get(model.name)
        if reading is None:
            reading = self._histories[model.name] = past_of(model)
        return reading

    async def _past(self, model: ReadModel[Any], keys: Sequence[Key], position: int) -> Mapping[Key, Any]:
        reading = self._history(model)
        if len(keys) > _FEW:
            return await self._on_thread(lambda: self._slow.past(reading, keys, position))
        with self._database.read() as connection:
            return reading.at(connection, keys, position)

    async def _on_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


class _Slow:
    """The reads of the reader thread, on a connection of its own."""

    def __init__(self, opened: Open) -> None:
        self._database = opened()
        with self._database.read() as raw:
            # Connected once: to connect takes as long as a small statement. Transactions are ours, not SQLAlchemy's.
            self._connection = engine_of(raw).connect().execution_options(isolation_level="AUTOCOMMIT")

    def select(self, statements: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """Run the statements in one read transaction."""
        with self._database.read() as raw, snapshot(raw):
            return [self._run(each) for each in statements]

    def snapshot(self, projection: str, readings: Mapping[str, Reading]) -> Snapshot:
        """Read everything in one read transaction."""
        with self._database.read() as raw, snapshot(raw):
            checkpoint = read_checkpoints(raw)[projection]
            rows = {name: reading.rows(raw.execute(reading.all).fetchall()) for name, reading in readings.items()}
        return Snapshot(checkpoint, rows)

    def past(self, reading: HistoryReading, keys: Sequence[Key], position: int) -> Mapping[Key, Any]:
        """Read rows as of a position in one read transaction."""
        with self._database.read() as raw, snapshot(raw):
            return reading.at(raw, keys, position)

    def versions(self, reading: HistoryReading, key: Key, after: int, until: int, limit: int) -> Sequence[Version]:
        """Read versions of a row."""
        with self._database.read() as raw:
            return reading.between(raw, key, after, until, limit)

    def interrupt(self) -> None:
        """End what is being read, from any thread."""
        self._database.interrupt()

    def close(self) -> None:
        """Close the connection."""
        with self._database.read():  # SQLAlchemy rolls back when it leaves: in memory, that must hit no writer
            self._connection.close()
        self._database.close()

    def _run(self, given: Any) -> Sequence[Any]:
        try:
            return self._connection.execute(*_parts(given)).fetchall()
        except OperationalError as wrong:
            raise select_error(wrong.orig) from wrong.orig


def _parts(given: Any) -> tuple[Any, ...]:
    return given if isinstance(given, Prepared) else (given,)


def _held(given: Any, position: int) -> Any:
    if isinstance(given, Prepared):
        return Prepared(held_at(given.statement, position), given.values)
    return held_at(given, position)


def fetch(connection: sqlite3.Connection, reading: Reading, keys: Sequence[Key]) -> dict[Key, Any]:
    """Return the rows that exist among these keys, by the shortest statement."""
    if len(keys) == 1:
        values = connection.execute(reading.one, reading.conversion.encode_key(keys[0])).fetchone()
        return {} if values is None else {keys[0]: reading.conversion.decode(values[reading.width :])}
    argument = reading.many_argument(keys) if reading.joinable else None
    if argument is None or "\\u0000" in argument:  # which ends a text that SQLite takes out of JSON
        return {key: row for each in keys for key, row in fetch(connection, reading, (each,)).items()}
    return reading.rows(connection.execute(reading.many, (argument,)).fetchall())
