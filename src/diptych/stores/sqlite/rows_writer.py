"""Write rows, change feed and checkpoints of an SQLite row store: one transaction per save, fenced."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import msgspec

from diptych.codec import encode
from diptych.errors import FencedError
from diptych.model.projections import Key, Projection, ReadModel
from diptych.ports import Changes, Checkpoint
from diptych.stores.installations import Terms
from diptych.stores.selecting import Selecting
from diptych.stores.sqlite.rows_database import WriteDatabase, row_sql
from diptych.stores.sqlite.rows_history import HistoryWriting
from diptych.stores.sqlite.rows_install import Installation
from diptych.stores.sqlite.rows_leases import SqliteLeases
from diptych.stores.sqlite.rows_reader import fetch
from diptych.stores.sqlite.rows_statements import Writing, selecting_of

FEED_POSITIONS = 100_000
_TRIM_EVERY = 2_000
_TIDY_ROWS = 20_000


class SqliteRowWriter:
    """Write the rows of projections from the one thread in which it was opened."""

    def __init__(self, opened: Callable[[], WriteDatabase]) -> None:
        self._open = opened
        self._leases: SqliteLeases | None = None
        self._writings: dict[str, Writing] = {}
        self._histories: dict[str, HistoryWriting] = {}
        self._selectings: dict[tuple[str, ...], Selecting] = {}
        self._models: dict[str, tuple[str, ...]] = {}
        self._trimmed = 0
        self._untidy = 0

    async def __aenter__(self) -> Self:
        self._database = self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._leases is not None:
            self._leases.end()
        self._database.close()

    async def lease(self, projections: Mapping[str, str], *, seconds: float) -> Mapping[str, int]:
        """Take or renew the ownership of projections, or give some up; return the epoch of each that is owned."""
        self._leases = self._leases or SqliteLeases(self._database)
        owned = self._leases.lease(projections, seconds=seconds)
        if self._untidy:
            self._untidy = 0
            self._database.tidy()
        return owned

    async def install(
        self,
        projections: Sequence[Projection],
        fingerprints: Mapping[str, str],
        *,
        log_id: UUID,
        head: int,
        mode: str,
        others: Collection[str] = (),
    ) -> Mapping[str, Checkpoint]:
        """Make tables and checkpoints; start new generations where they are due."""
        leases = self._leases or SqliteLeases(self._database)
        with self._database.write() as connection:
            epochs = leases.owned(connection, [each.name for each in projections])
            terms = Terms(log_id, head, mode, {*epochs, *others}, leases.held_by_others(connection))
            installation = Installation(connection, epochs, terms)
            installed = {each.name: installation.put(each, fingerprints[each.name]) for each in projections}
        self._writings |= installation.writings
        self._histories |= installation.histories
        self._selectings = {}
        self._models |= {each.name: tuple(model.name for model in each.models) for each in projections}
        return installed

    async def load(self, model: ReadModel[Any], keys: Sequence[Key]) -> Mapping[Key, Any]:
        """Return the rows that exist among these keys."""
        with self._database.read() as connection:
            return fetch(connection, self._writings[model.name].reading, keys)

    async def matching(
        self, model: ReadModel[Any], columns: Mapping[str, Any], *, after: Key | None, limit: int
    ) -> Mapping[Key, Any]:
        """Return at most `limit` rows whose columns have these values, in the order of keys, from beyond `after`."""
        writing, asked = self._writings[model.name], (model.name, *columns)
        if asked not in self._selectings:
            self._selectings[asked] = selecting_of(model, writing.generation, tuple(columns))
        encoded = None if after is None else writing.conversion.encode_key(after)
        statement, values = self._selectings[asked].page(columns.values(), encoded, limit)
        with self._database.read() as connection:
            return writing.reading.rows(connection.execute(statement, values).fetchall())

    async def save(self, checkpoint: Checkpoint, position: int, changes: Sequence[Changes]) -> Checkpoint:
        """Store rows, change feed and the checkpoint's new position in one transaction; return the new checkpoint."""
        rebuilt = checkpoint.target is None or position >= checkpoint.target
        target = None if rebuilt else checkpoint.target
        new = msgspec.structs.replace(checkpoint, position=position, target=target, error=None)
        batches = [_Batch(self._writings[each.model.name], each) for each in changes]
        with self._database.write() as connection:
            self._move(connection, checkpoint, new)
            for batch in batches:
                batch.write(connection, feed=checkpoint.target is None)
            for each in changes:
                if each.versions:
                    self._histories[each.model.name].write(connection, each.versions)
            if checkpoint.target is not None and target is None:
                self._reset(connection, new)
            self._trim(connection, position)
        self._untidy += 1 + sum(len(each.rows) + len(each.versions) for each in changes)
        if self._untidy >= _TIDY_ROWS:
            self._untidy = 0
            self._database.tidy()
        return new

    async def stop(self, checkpoint: Checkpoint, error: str) -> Checkpoint:
        """Store why the projection stopped, where it stopped."""
        new = msgspec.structs.replace(checkpoint, error=error)
        with self._database.write() as connection:
            self._move(connection, checkpoint, new)
        return new

    def _move(self, connection: sqlite3.Connection, old: Checkpoint, new: Checkpoint) -> None:
        values = (new.position, new.target, new.error, old.projection, old.position, old.epoch)
        if connection.execute(row_sql("move"), values).rowcount != 1:
            raise FencedError(
                f"projection {old.projection!r} no longer stands at position {old.position} of epoch {old.epoch}: "
                f"another runtime took over"
            )

    def _reset(self, connection: sqlite3.Connection, rebuilt: Checkpoint) -> None:
        for model in self._models[rebuilt.projection]:
            for statement in self._writings[model].finish:
                connection.execute(statement)
            connection.execute(row_sql("put_reset"), (rebuilt.position, model))
            connection.execute(row_sql("changed"), (rebuilt.position, model))

    def _trim(self, connection: sqlite3.Connection, position: int) -> None:
        floor = position - FEED_POSITIONS
        if floor >= self._trimmed + _TRIM_EVERY:
            connection.execute(row_sql("trim_feed"), (floor,))
            connection.execute(row_sql("trimmed"), (floor, floor))
            self._trimmed = floor


class _Batch:
    """The changes of one read model; rows are encoded as they are written, so that a batch is never held twice."""

    def __init__(self, writing: Writing, changes: Changes) -> None:
        self._writing, self._name = writing, changes.model.name
        self._rows, self._positions = changes.rows, changes.positions

    def write(self, connection: sqlite3.Connection, *, feed: bool) -> None:
        """Delete, then insert or update; feed the changes."""
        encode_row, encode_key = self._writing.conversion.encode, self._writing.conversion.encode_key
        deleted = [encode_key(key) for key, row in self._rows.items() if row is None]
        if deleted:
            connection.executemany(self._writing.delete, deleted)
        if len(deleted) < len(self._rows):
            rows = self._rows.items()
            connection.executemany(self._writing.upsert, (encode_row(*each) for each in rows if each[1] is not None))
        if feed and self._rows:
            connection.executemany(row_sql("put_feed"), self._fed())
            connection.execute(row_sql("changed"), (max(self._positions.values()), self._name))

    def _fed(self) -> Iterator[tuple[int, str, str]]:
        encode_key = self._writing.conversion.encode_key
        for key, position in self._positions.items():
            yield position, self._name, encode(encode_key(key)).decode()
