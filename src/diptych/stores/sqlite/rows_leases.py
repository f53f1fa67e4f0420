"""The leases of a row store in SQLite: which worker owns which projection, by the clock of the machine."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Iterable, Mapping

import msgspec

from diptych.errors import FencedError
from diptych.ports import Owner
from diptych.stores.leases import Holding, Move, State, Worker, expiry, identity, planned
from diptych.stores.sqlite.rows_database import WriteDatabase, row_sql


class SqliteLeases:
    """Take, renew and give up projections for one worker."""

    def __init__(self, database: WriteDatabase) -> None:
        self._database = database
        self._id, self._name = identity()
        self._seconds = 0.0

    def lease(self, projections: Mapping[str, str], *, seconds: float) -> Mapping[str, int]:
        """Do what is due about these projections; return the epoch of each that is owned then."""
        self._seconds = seconds
        with self._database.read() as connection:
            state = _state(connection)
        if not planned(state, self._id, projections, seconds=seconds).is_nothing:
            with self._database.write() as connection:
                state = _state(connection)
                self._do(connection, state, planned(state, self._id, projections, seconds=seconds), projections)
                state = _state(connection)
        return {name: epoch for name, epoch in state.held(self._id).items() if name in projections}

    def owned(self, connection: sqlite3.Connection, projections: Iterable[str]) -> Mapping[str, int]:
        """Return the epochs of these projections; raise FencedError unless each is owned."""
        held = _state(connection).held(self._id)
        missing = [name for name in projections if name not in held]
        if missing:
            raise FencedError(f"projection {missing[0]!r} is not, or no longer, owned by this process")
        return {name: held[name] for name in projections}

    def held_by_others(self, connection: sqlite3.Connection) -> Collection[str]:
        """Return the projections that other living workers own."""
        state = _state(connection)
        others = state.alive(self._seconds).keys() - {self._id}
        return {each.projection for each in state.holdings if each.worker in others}

    def end(self) -> None:
        """Give up everything, so that nobody has to wait for the lease to end."""
        with self._database.write() as connection:
            connection.execute(row_sql("give_all"), (_now(), self._id))
            connection.execute(row_sql("drop_worker"), (self._id,))

    def _do(self, connection: sqlite3.Connection, state: State, move: Move, projections: Mapping[str, str]) -> None:
        if move.take:
            connection.execute(row_sql("drop_lease"))  # of older code, which owned all projections or none
        for name in move.take:
            connection.execute(row_sql("take"), (name, self._id, projections[name], state.now))
        for name in move.give:
            connection.execute(row_sql("give"), (state.now, name, self._id))
        for worker in state.forgotten(self._seconds):
            connection.execute(row_sql("drop_worker"), (worker,))
        wanted = msgspec.json.encode(projections).decode()
        connection.execute(row_sql("beat"), (self._id, self._name, wanted, expiry(state.now, self._seconds)))


def living(connection: sqlite3.Connection) -> Mapping[str, Owner]:
    """Return the live owner of each projection that has one."""
    found = connection.execute(row_sql("living"), (_now(),)).fetchall()
    return {projection: Owner(*owner) for projection, *owner in found}


def _state(connection: sqlite3.Connection) -> State:
    found, decode = connection.execute(row_sql("workers")).fetchall(), msgspec.json.Decoder(dict[str, str]).decode
    workers = [Worker(name, decode(wanted), expires) for name, wanted, expires in found]
    holdings = [Holding(*each) for each in connection.execute(row_sql("holdings")).fetchall()]
    return State(workers, holdings, _now())


def _now() -> int:
    return time.time_ns() // 1000
