"""A link: the one connection of a store beside the log, opened when it is needed, and anew after it was lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from diptych.errors import SettingsError, StoreError
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection, close, connect
from diptych.stores.postgres.endings import transaction_id, was_committed
from diptych.stores.postgres.faults import FAILED, is_lost, store_error
from diptych.stores.postgres.migrations import migrate
from diptych.stores.postgres.readers import refuse_other_loop
from diptych.stores.waiting import heard

T = TypeVar("T")
Work = Callable[[Connection], Awaitable[T]]

RELAXED: Mapping[str, str] = {"synchronous_commit": "off"}
"""Settings of a store whose last moments may be lost when the server crashes."""

_PLANNED: Mapping[str, str] = {"enable_seqscan": "off"}  # plans are made while tables are empty
_PATIENCE = 30.0
_PAUSE = 0.1


class Link:
    """Let one at a time work on a connection; the tables of `component` are there when it does.

    What was begun goes on when its caller is cancelled. An answer that does not come within half a minute is a lost
    connection. Raises StoreError where PostgreSQL fails; a SettingsError of the start is one later on.
    """

    def __init__(self, address: Address, component: str, *, settings: Mapping[str, str] | None = None) -> None:
        self._address, self._component, self._settings = address, component, {**_PLANNED, **(settings or {})}
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_open = self._was_connected = False

    def open(self) -> None:
        """Allow work on the running loop; the first one connects."""
        self._turn, self._is_open = asyncio.Lock(), True
        self._loop = asyncio.get_running_loop()

    async def close(self) -> None:
        """End after what was begun, and allow nothing more; also when nobody waits for it any more."""
        self._is_open = False
        await asyncio.shield(self._ended())

    @property
    def is_connected(self) -> bool:
        """Say whether there is a connection now."""
        return self._connection is not None and not self._connection.is_closed()

    async def read(self, work: Work[T]) -> T:
        """Return what reading returns; once more on a new connection when the first was lost."""
        return await self._whole(lambda: self._read(work))

    async def run(self, work: Work[T]) -> T:
        """Return what one statement returns."""
        return await self._whole(lambda: self._run(work))

    async def commit(self, work: Work[T]) -> T:
        """Return what the work returns, committed as one transaction.

        When the connection is lost at the commit, another one asks what became of it: the StoreError that follows
        means that nothing was written, unless PostgreSQL could not be asked either.
        """
        return await self._whole(lambda: self._commit(work))

    async def _ended(self) -> None:
        async with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None:
                await close(connection)

    async def _whole(self, act: Callable[[], Awaitable[T]]) -> T:
        if self._loop is not None:
            refuse_other_loop(self._loop)
        acting = asyncio.ensure_future(self._in_turn(act))
        acting.add_done_callback(heard)
        return await asyncio.shield(acting)

    async def _in_turn(self, act: Callable[[], Awaitable[T]]) -> T:
        async with self._turn:
            if not self._is_open:
                raise StoreError(f"the {self._component} in {self._address} are not open; enter them with `async with`")
            try:
                async with asyncio.timeout(_PATIENCE):
                    return await act()
            except FAILED as wrong:
                if is_lost(wrong) and self._connection is not None:
                    self._connection.terminate()
                raise store_error(wrong) from wrong

    async def _read(self, work: Work[T]) -> T:
        try:
            return await self._run(work)
        except FAILED as wrong:
            if self._connection is None or not is_lost(wrong):
                raise
            self._connection.terminate()
        return await self._run(work)

    async def _run(self, work: Work[T]) -> T:
        return await work(await self._connected())

    async def _commit(self, work: Work[T]) -> T:
        connection = await self._connected()
        transaction = connection.transaction()
        await transaction.start()
        try:
            done = await work(connection)
            own = await transaction_id(connection)
        except BaseException:
            await transaction.rollback()
            raise
        try:
            await transaction.commit()
        except FAILED as wrong:
            if not is_lost(wrong):
                raise
            connection.terminate()
            if not await self._was_committed(own):
                raise
        return done

    async def _was_committed(self, transaction: str) -> bool:
        """Ask until somebody answers; the patience of whoever waits ends it."""
        while True:
            try:
                return await was_committed(await self._connected(), transaction)
            except (StoreError, *FAILED):  # type: ignore[misc]  # mypy does not look into a tuple of tuples
                await asyncio.sleep(_PAUSE)

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            try:
                self._connection = await self._made()
            except SettingsError as wrong:
                if self._was_connected:  # it was right once: whoever tries again may find it right again
                    raise StoreError(str(wrong)) from wrong
                raise
            self._was_connected = True
        return self._connection

    async def _made(self) -> Connection:
        made = await connect(self._address, purpose=self._component, settings=self._settings)
        try:
            await migrate(made, self._address, [self._component])
        except BaseException:
            made.terminate()
            raise
        return made
