"""Write rows, change feed and checkpoints of a row store in PostgreSQL: one statement per save, fenced."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import asyncpg
import msgspec

from diptych.errors import FencedError, StoreError
from diptych.model.projections import Key, Projection, ReadModel
from diptych.ports import ASSURED, Changes, Checkpoint
from diptych.stores.installations import Terms
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.faults import FAILED
from diptych.stores.postgres.rows_connections import WritingConnection
from diptych.stores.postgres.rows_copies import Copied, NewRows
from diptych.stores.postgres.rows_install import Installation, in_place
from diptych.stores.postgres.rows_leases import PostgresLeases
from diptych.stores.postgres.rows_moves import Move, moves_of
from diptych.stores.postgres.rows_progress import KnownChanges, change_of
from diptych.stores.postgres.rows_save import Chosen, Saves
from diptych.stores.postgres.rows_statements import Writing, selecting_of
from diptych.stores.postgres.rows_tables import analysed
from diptych.stores.postgres.rows_versions import history_moves
from diptych.stores.postgres.statements import sql
from diptych.stores.postgres.texts import storable
from diptych.stores.selecting import Selecting

FEED_POSITIONS = 100_000
_TRIM_EVERY = 2_000


class PostgresRowWriter:
    """Write the rows of projections from the one thread in which it was opened."""

    def __init__(self, address: Address, known: KnownChanges) -> None:
        self._address, self._known = address, known
        self._leases: PostgresLeases | None = None
        self._writings: dict[str, Writing] = {}
        self._moves: dict[str, Sequence[Move]] = {}
        self._models: dict[str, tuple[str, ...]] = {}
        self._selectings: dict[tuple[str, ...], Selecting] = {}
        self._saves, self._new = Saves(), NewRows()
        self._trimmed = 0
        self._owned: Mapping[str, int] = {}

    async def __aenter__(self) -> Self:
        self._connection = WritingConnection(self._address)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._known.hold(0)
        if self._leases is not None:
            with suppress(StoreError):  # who cannot be asked to end a lease ends it by itself
                async with self._connection.held() as connection:
                    await self._leases.end(connection)
        await self._connection.close()

    async def lease(self, projections: Mapping[str, str], *, seconds: float) -> Mapping[str, int]:
        """Take or renew the ownership of projections, or give some up; return the epoch of each that is owned."""
        self._leases = self._leases or PostgresLeases(self._address.schema)
        self._known.hold(0)  # what is given up, others change before the answer is here
        asked = time.monotonic()
        async with self._connection.held() as connection:
            owned = await self._leases.lease(connection, projections, seconds=seconds)
        if owned != self._owned:
            self._owned = owned
            self._known.forget()
        self._known.hold(asked + seconds * ASSURED)
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
        self._known.forget()
        leases, names = self._leases or PostgresLeases(self._address.schema), [each.name for each in projections]

        async def put(connection: Connection) -> tuple[Mapping[str, Checkpoint], Mapping[str, Writing]]:
            await connection.execute(self._sql("lock"))
            await connection.execute(self._sql("patience"))
            epochs, held = await leases.owned(connection, names), await leases.held_by_others(connection)
            terms = Terms(log_id, head, mode, {*names, *others}, held)
            due = Installation(connection, self._address.schema, epochs, terms)
            return {each.name: await due.put(each, fingerprints[each.name]) for each in projections}, due.writings

        async with self._connection.held() as connection:
            installed, writings = await in_place(connection, put)
        self._installed(projections, writings)
        return installed

    async def load(self, model: ReadModel[Any], keys: Sequence[Key]) -> Mapping[Key, Any]:
        """Return the rows that exist among these keys."""
        async with self._connection.held() as connection:
            found = await self._writings[model.name].reading.fetch(connection, keys)
        self._new.missed(model, keys, found)
        return found

    async def matching(
        self, model: ReadModel[Any], columns: Mapping[str, Any], *, after: Key | None, limit: int
    ) -> Mapping[Key, Any]:
        """Return at most `limit` rows whose columns have these values, in the order of keys, from beyond `after`."""
        reading, asked = self._writings[model.name].reading, (model.name, *columns)
        if asked not in self._selectings:
            self._selectings[asked] = selecting_of(model, self._writings[model.name].generation, tuple(columns))
        encoded = None if after is None else reading.conversion.encode_key(after)
        statement, values = self._selectings[asked].page(columns.values(), encoded, limit)
        async with self._connection.held() as connection:
            return reading.rows(await connection.fetch(statement, *values))

    async def save(self, checkpoint: Checkpoint, position: int, changes: Sequence[Changes]) -> Checkpoint:
        """Store rows, change feed and the checkpoint's new position in one transaction; return the new checkpoint."""
        target = checkpoint.target if checkpoint.target is not None and position < checkpoint.target else None
        new = msgspec.structs.replace(checkpoint, position=position, target=target, error=None)
        stated, copies = self._new.parted(checkpoint.projection, changes)
        fed = changes if checkpoint.target is None else ()
        statement, arguments = self._prepared(checkpoint, new, stated, fed)
        async with self._connection.held() as connection:
            with self._known.changing(self._told(checkpoint, new, fed)):
                if copies or checkpoint.target != target:
                    async with connection.transaction():
                        await _moved(connection, checkpoint, statement, arguments)
                        await self._complete(connection, checkpoint, new, copies)
                else:
                    await _moved(connection, checkpoint, statement, arguments)
            await self._trim(connection, position)
        return new

    async def stop(self, checkpoint: Checkpoint, error: str) -> Checkpoint:
        """Store why the projection stopped, where it stopped."""
        given = (checkpoint.projection, checkpoint.position, checkpoint.epoch, storable(error))
        async with self._connection.held() as connection:
            await _moved(connection, checkpoint, self._sql("stop"), given)
        return msgspec.structs.replace(checkpoint, error=error)

    def _installed(self, projections: Sequence[Projection], writings: Mapping[str, Writing]) -> None:
        self._writings |= writings
        for model in (model for each in projections for model in each.models):
            writing = writings[model.name]
            self._moves[model.name] = (*moves_of(writing), *history_moves(model, writing.generation))
        self._models |= {each.name: tuple(model.name for model in each.models) for each in projections}
        self._selectings.clear()
        self._saves.clear()
        for each in projections:
            self._new.forget(each.name)

    def _prepared(
        self, old: Checkpoint, new: Checkpoint, changes: Sequence[Changes], fed: Sequence[Changes]
    ) -> tuple[str, Sequence[Any]]:
        chosen: list[Chosen] = []
        for at, each in enumerate(changes):
            made = ((move, move.packed(each)) for move in self._moves[each.model.name])
            chosen += [Chosen(at, each.model.name, move, rows) for move, rows in made if rows is not None]
        return self._saves.prepared(old, new, chosen, [each for each in fed if each.rows])

    async def _complete(
        self, connection: Connection, old: Checkpoint, new: Checkpoint, copies: Sequence[Copied]
    ) -> None:
        for each in copies:
            await each.into(connection, self._writings[each.model.name])
        if old.target != new.target:
            await self._reset(connection, new)

    async def _reset(self, connection: Connection, rebuilt: Checkpoint) -> None:
        names = self._models[rebuilt.projection]
        for writing in (self._writings[name] for name in names):
            for statement in (*writing.finish, analysed(writing.table)):
                await connection.execute(statement)
        await connection.execute(self._sql("reset"), rebuilt.position, names)

    def _told(self, old: Checkpoint, new: Checkpoint, fed: Sequence[Changes]) -> Mapping[str, int]:
        """Return the numbers of what a save changes."""
        last = {each.model.name: max(each.positions.values()) for each in fed if each.rows}
        if old.target != new.target:
            last = dict.fromkeys(self._models[new.projection], new.position)
        return {name: change_of(self._writings[name].generation, position) for name, position in last.items()}

    async def _trim(self, connection: Connection, position: int) -> None:
        floor = position - FEED_POSITIONS
        if floor >= self._trimmed + _TRIM_EVERY:
            self._trimmed = floor
            with suppress(*FAILED):  # the rows are saved; the next one trims again
                await connection.execute(self._sql("trim"), floor)

    def _sql(self, name: str) -> str:
        return sql(f"rows_{name}", self._address.schema)


async def _moved(connection: Connection, old: Checkpoint, statement: str, arguments: Sequence[Any]) -> None:
    """Run what moves a checkpoint, compared with where it stood; raise FencedError if it no longer stands there."""
    try:
        moved = await connection.fetchval(statement, *arguments)
    except asyncpg.UndefinedTableError:
        moved = None  # the table of a generation that another runtime has replaced
    if not moved:
        raise FencedError(
            f"projection {old.projection!r} no longer stands at position {old.position} of epoch {old.epoch}: "
            f"another runtime took over"
        )
