"""Install projections in PostgreSQL: their tables, views and checkpoints, and new generations where they are due."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import asyncpg
import msgspec

from diptych.errors import StoreError
from diptych.model.projections import Projection, ReadModel
from diptych.ports import Checkpoint
from diptych.stores.installations import Terms
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.rows_history import history_drop_of
from diptych.stores.postgres.rows_progress import put_checkpoint, read_checkpoints
from diptych.stores.postgres.rows_statements import Writing, writing_of
from diptych.stores.postgres.rows_tables import dropped
from diptych.stores.postgres.statements import sql

T = TypeVar("T")
ATTEMPTS = 10
_PAUSE = 0.3


async def in_place(connection: Connection, put: Callable[[Connection], Awaitable[T]]) -> T:
    """Return what `put` returns, in a transaction; raise StoreError where somebody keeps what it must replace.

    While it waits for a table, every query of that table waits behind it: so it waits for a moment, several times.
    """
    for left in reversed(range(ATTEMPTS)):
        try:
            async with connection.transaction():
                return await put(connection)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as wrong:
            if not left:
                raise _held(wrong) from wrong
        except asyncpg.DependentObjectsStillExistError as wrong:
            raise StoreError(
                f"a read model cannot be replaced, since something else was made from it: {wrong} ({wrong.detail}); "
                f"drop that, and make it again when the new rows are there"
            ) from wrong
        await asyncio.sleep(_PAUSE)
    raise AssertionError("unreachable: the last attempt returns or raises")


def _held(wrong: Exception) -> StoreError:
    return StoreError(
        f"a read model cannot be replaced, since somebody reads it in a long transaction ({wrong}): let that one end, "
        f"or end it (see pg_stat_activity), and start again"
    )


class Installation:
    """Put projections in place inside one transaction of the writer. `epochs` are those of the owned projections."""

    def __init__(self, connection: Connection, schema: str, epochs: Mapping[str, int], terms: Terms) -> None:
        self._connection, self._schema, self._epochs, self._terms = connection, schema, epochs, terms
        self.writings: dict[str, Writing] = {}

    async def put(self, projection: Projection, fingerprint: str) -> Checkpoint:
        """Return the checkpoint from which the projection goes on: its own, or that of a new generation."""
        stored = (await read_checkpoints(self._connection, self._schema)).get(projection.name)
        if stored is not None:
            self._terms.refuse_foreign(stored)
        if stored is None or self._terms.is_due(stored, projection, fingerprint):
            checkpoint = await self._begin(projection, fingerprint, 1 if stored is None else stored.generation + 1)
        else:
            # Stopped projections are tried again: the fold may have been fixed.
            checkpoint = msgspec.structs.replace(stored, epoch=self._epochs[projection.name], error=None)
        await put_checkpoint(self._connection, self._schema, checkpoint)
        self.writings |= {model.name: writing_of(model, checkpoint.generation) for model in projection.models}
        return checkpoint

    async def _begin(self, projection: Projection, fingerprint: str, generation: int) -> Checkpoint:
        for name, old in await self._connection.fetch(self._sql("models_of"), projection.name):
            await self._drop(name, old)
        head = self._terms.head
        for model in projection.models:
            await self._claim(model, projection)
            writing = writing_of(model, generation)
            finish = () if head else writing.finish  # else the save that ends the rebuild does it
            for statement in (*writing.create, *finish):
                await self._connection.execute(statement)
            await self._connection.execute(self._sql("put_model"), model.name, projection.name, generation, 0, head)
        name, log_id, epoch = projection.name, self._terms.log_id, self._epochs[projection.name]
        return Checkpoint(name, 0, generation, projection.version, fingerprint, log_id, epoch, head or None)

    async def _claim(self, model: ReadModel[Any], projection: Projection) -> None:
        """Take a read model over from a projection of this application that declares it no longer; refuse any other."""
        for name, owner, generation in await self._connection.fetch(self._sql("owners"), model.name):
            self._terms.refuse_claim(name, projection, owner)
            await self._connection.execute(self._sql("fence"), owner)  # a zombie would write into a table of this name
            await self._drop(name, generation)

    async def _drop(self, name: str, generation: int) -> None:
        for statement in (*history_drop_of(name, generation), *dropped(name, generation)):
            await self._connection.execute(statement)
        await self._connection.execute(self._sql("drop_model"), name)

    def _sql(self, name: str) -> str:
        return sql(f"rows_{name}", self._schema)
