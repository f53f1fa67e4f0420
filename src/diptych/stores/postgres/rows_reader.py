"""Read rows of a row store in PostgreSQL: by key, gathered; anything longer on connections of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from diptych.codec import decoder
from diptych.model.projections import Key, Projection, ReadModel
from diptych.ports import Checkpoint, Owner, Snapshot, Version
from diptych.stores.history_tables import FOREVER
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.rows_connections import KEYED, Opened, RowConnections, mistakes_told
from diptych.stores.postgres.rows_gathering import Gathering
from diptych.stores.postgres.rows_history import HistoryReading, held, past_of
from diptych.stores.postgres.rows_leases import living
from diptych.stores.postgres.rows_progress import KnownChanges, read_changes, read_checkpoints
from diptych.stores.postgres.rows_selects import Selects, run_all
from diptych.stores.postgres.rows_snapshots import on_snapshot
from diptych.stores.postgres.rows_statements import Reading, reading_of
from diptych.stores.postgres.rows_tables import logical_table
from diptych.stores.postgres.statements import sql

_LANES, _LONG = 2, 4
Source = Callable[[Connection, Sequence[Any]], Awaitable[Mapping[Any, Any]]]


class PostgresRowReader:
    """Read rows for queries from the event loop that opened it; where there is a replica, from that."""

    def __init__(self, address: Address, known: KnownChanges, opened: Opened = lambda _: None) -> None:
        self._address, self._known, self._opened = address.at_replica(), known, opened
        self._readings: dict[str, Reading] = {}
        self._histories: dict[str, HistoryReading] = {}
        self._selects = Selects()

    async def __aenter__(self) -> Self:
        self._keyed = RowConnections(self._address, KEYED, most=_LANES, opened=self._opened)
        self._long = RowConnections(self._address, {}, most=_LONG, opened=self._opened)
        self._gathering: Gathering[Source] = Gathering(self._read, lanes=_LANES)
        await self._keyed.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._gathering.close()
        await self._keyed.close()
        await self._long.close()

    async def get(self, model: ReadModel[Any], keys: Sequence[Key], *, as_of: int | None = None) -> Mapping[Key, Any]:
        """Return the rows that exist among these keys, now or as of a position."""
        if not keys:
            return {}
        if as_of is not None:
            history = self._history(model)
            return await self._long.run(lambda connection: history.at(connection, keys, as_of))
        return await self._gathering.of(self._reading(model).fetch, keys)

    async def select(self, statements: Sequence[Any], *, as_of: int | None = None) -> Sequence[Sequence[Any]]:
        """Run SQLAlchemy `select()`s on one snapshot and return the rows of each, now or as of a position."""
        if as_of is not None:
            statements = [held(each, as_of) for each in statements]
        asked = [self._selects.asked(each) for each in statements]
        with mistakes_told():
            if len(asked) == 1:
                return [await self._long.run(lambda connection: asked[0].shape.run(connection, asked[0]))]
            return await self._long.run(lambda connection: run_all(connection, asked, self._address.schema))

    async def versions(
        self, model: ReadModel[Any], key: Key, *, after: int = 0, until: int | None = None, limit: int = 1000
    ) -> Sequence[Version]:
        """Return the versions of a row with after < position <= until, the oldest first."""
        history, last = self._history(model), FOREVER - 1 if until is None else until
        return await self._long.run(lambda connection: history.between(connection, key, after, last, limit))

    async def checkpoints(self) -> Mapping[str, Checkpoint]:
        """Return every projection's checkpoint as stored."""
        return await self._gathering.of(self._checkpoints, ())

    async def owners(self) -> Mapping[str, Owner]:
        """Return the live owner of each projection that has one."""
        return await self._keyed.run(lambda connection: living(connection, self._address.schema))

    async def changed(self, models: Sequence[str]) -> int:
        """Return a number that grows with every change, and every rebuild, of any of these read models."""
        if not models:
            return 0
        known = self._known.sum(models)
        if known is not None:
            return known
        found = await self._gathering.of(self._changes, ())
        return sum(found.get(name, 0) for name in models)

    async def fed(self, model: ReadModel[Any], position: int, *, limit: int) -> Sequence[Key]:
        """Return keys of rows that the event at a position was the last to change in its batch, from the feed."""
        types, statement = {each.name: each.type for each in model.columns}, sql("rows_fed", self._address.schema)
        rows = await self._keyed.run(lambda connection: connection.fetch(statement, position, model.name, limit))
        decode = decoder(tuple[tuple(types[name] for name in model.key)])  # type: ignore[misc]  # made as it runs
        return [decode(key) for (key,) in rows]

    async def snapshot(self, projection: Projection) -> Snapshot:
        """Return all rows of a projection and its checkpoint, read on one snapshot."""
        readings = {model.name: self._reading(model) for model in projection.models}

        async def read(connection: Connection) -> Snapshot:
            checkpoint = (await read_checkpoints(connection, self._address.schema))[projection.name]
            rows = {name: each.rows(await connection.fetch(each.all)) for name, each in readings.items()}
            return Snapshot(checkpoint, rows)

        names, schema = list(readings), self._address.schema
        return await self._long.run(lambda connection: on_snapshot(connection, schema, names, lambda: read(connection)))

    def _reading(self, model: ReadModel[Any]) -> Reading:
        reading = self._readings.get(model.name)
        if reading is None:
            reading = self._readings[model.name] = reading_of(model, logical_table(model))
        return reading

    def _history(self, model: ReadModel[Any]) -> HistoryReading:
        history = self._histories.get(model.name)
        if history is None:
            history = self._histories[model.name] = past_of(model)
        return history

    async def _read(self, source: Source, keys: Sequence[Any]) -> Mapping[Any, Any]:
        return await self._keyed.run(lambda connection: source(connection, keys))

    async def _checkpoints(self, connection: Connection, _: Sequence[Any]) -> Mapping[str, Checkpoint]:
        return await read_checkpoints(connection, self._address.schema)

    async def _changes(self, connection: Connection, _: Sequence[Any]) -> Mapping[str, int]:
        return await read_changes(connection, self._address.schema)
