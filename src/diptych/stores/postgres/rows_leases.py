"""The leases of a row store in PostgreSQL: which worker owns which projection, by the clock of the server."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from uuid import UUID

import asyncpg
import msgspec

from diptych.errors import FencedError
from diptych.ports import Owner
from diptych.stores.leases import Holding, Move, State, Worker, identity, planned
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.statements import sql

COMPONENT = "leases"
"""The migrations of the tables of leases."""


class PostgresLeases:
    """Take, renew and give up projections for one worker, on the connections given; raises what asyncpg raises."""

    def __init__(self, schema: str) -> None:
        self._schema, self._seconds = schema, 0.0
        identifier, self._name = identity()
        self._id = UUID(identifier)

    async def lease(
        self, connection: Connection, projections: Mapping[str, str], *, seconds: float
    ) -> Mapping[str, int]:
        """Do what is due about these projections; return the epoch of each that is owned then. Not in a transaction."""
        self._seconds = seconds
        state = await self._state(connection)
        move = self._planned(state, projections)
        if move.beat:  # before it takes anything: others know then whose session may have to be ended
            await self._beat(connection, projections)
        if move.take or move.give:
            await connection.execute(self._sql("end_sleepers"), self._id)
            with suppress(asyncpg.LockNotAvailableError):  # who keeps it now will be found asleep, or be done
                async with connection.transaction():
                    await self._change(connection, projections)
            state = await self._state(connection)
        return {name: epoch for name, epoch in state.held(str(self._id)).items() if name in projections}

    async def owned(self, connection: Connection, projections: Iterable[str]) -> Mapping[str, int]:
        """Return the epochs of these projections; raise FencedError unless each is owned.

        In the transaction of who then writes: until its end nobody takes them over.
        """
        names = list(projections)
        held = dict(await connection.fetch(self._sql("owned"), self._id, names))
        missing = [name for name in names if name not in held]
        if missing:
            raise FencedError(f"projection {missing[0]!r} is not, or no longer, owned by this process")
        return held

    async def held_by_others(self, connection: Connection) -> Collection[str]:
        """Return the projections that other living workers own."""
        return {name for (name,) in await connection.fetch(self._sql("held_by_others"), self._id)}

    async def end(self, connection: Connection) -> None:
        """Give up everything, so that nobody has to wait for the lease to end."""
        async with connection.transaction():
            await connection.execute(self._sql("give_all"), self._id)
            await connection.execute(self._sql("drop_workers"), [self._id])

    def _planned(self, state: State, projections: Mapping[str, str]) -> Move:
        return planned(state, str(self._id), projections, seconds=self._seconds)

    async def _change(self, connection: Connection, projections: Mapping[str, str]) -> None:
        await connection.execute(self._sql("patience"))
        await connection.execute(self._sql("lock"))
        state = await self._state(connection)
        move = self._planned(state, projections)
        if move.take:
            codes = [projections[name] for name in move.take]
            await connection.execute(self._sql("take"), self._id, list(move.take), codes)
        if move.give:
            await connection.execute(self._sql("give"), self._id, list(move.give))
        if forgotten := state.forgotten(self._seconds):
            await connection.execute(self._sql("drop_workers"), [UUID(each) for each in forgotten])

    async def _beat(self, connection: Connection, projections: Mapping[str, str]) -> None:
        wanted = msgspec.json.encode(projections).decode()
        await connection.execute(self._sql("beat"), self._id, self._name, wanted, self._seconds)

    async def _state(self, connection: Connection) -> State:
        found, decode = await connection.fetch(self._sql("workers")), msgspec.json.Decoder(dict[str, str]).decode
        workers = [Worker(name, decode(wanted), expires) for _, name, wanted, expires in found if name is not None]
        holdings = [Holding(*each) for each in await connection.fetch(self._sql("holdings"))]
        return State(workers, holdings, found[0][0])

    def _sql(self, name: str) -> str:
        return sql(f"leases_{name}", self._schema)


async def living(connection: Connection, schema: str) -> Mapping[str, Owner]:
    """Return the live owner of each projection that has one."""
    found = await connection.fetch(sql("leases_living", schema))
    return {projection: Owner(*owner) for projection, *owner in found}
