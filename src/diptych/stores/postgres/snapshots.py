"""Saved states in the schema of the log: looked up together by whoever asks at once, and saved a batch at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from types import TracebackType
from typing import Self
from uuid import UUID

from diptych.ports import SavedState
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.link import RELAXED, Link
from diptych.stores.postgres.statements import sql

_BYTES = 16

Key = tuple[str, str]
"""A fold and tags."""


class PostgresSnapshots:
    """Keep saved states on two connections: nobody who looks one up waits for one who saves.

    `synchronous_commit=off`: a crash of the server may lose the last ones, and damages none.
    """

    def __init__(self, address: Address) -> None:
        self._get, self._put = sql("snapshots_get", address.schema), sql("snapshots_put", address.schema)
        self._reading, self._writing = (Link(address, "snapshots", settings=RELAXED) for _ in range(2))
        self._asked: dict[Key, asyncio.Future[bytes | None]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def get(self, fold: str, tags: str) -> bytes | None:
        """Return what was saved last under a fold and tags, or None; all that is asked meanwhile is one statement."""
        asked = self._asked.get((fold, tags))
        if asked is None:
            asked = self._asked[fold, tags] = asyncio.get_running_loop().create_future()
            if self._looking is None:
                self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(asked)

    async def put(self, states: Sequence[SavedState]) -> None:
        """Save states in place of earlier ones, in one statement. Cancelling the caller stops nothing."""
        last = {(state.fold, state.tags): state.data for state in states}
        # In one order, so that two who save the same ones wait for each other and not in a ring.
        rows = sorted((_hash(fold, tags), fold, tags, data) for (fold, tags), data in last.items())
        columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[]] * 4
        await self._writing.run(lambda connection: connection.execute(self._put, *columns))

    async def __aenter__(self) -> Self:
        self._reading.open()
        self._writing.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._reading.close()
        await self._writing.close()

    async def _look(self) -> None:
        """Answer whoever asks, until nobody does."""
        try:
            while self._asked:
                asked, self._asked = self._asked, {}
                await self._answer(asked)
        finally:
            self._looking = None

    async def _answer(self, asked: Mapping[Key, asyncio.Future[bytes | None]]) -> None:
        try:
            found = await self._found(asked)
        except Exception as wrong:  # noqa: BLE001 (whoever asks must hear of it)
            for future in asked.values():
                future.set_exception(wrong)
                future.exception()  # heard: who asked may be gone
            return
        for key, future in asked.items():
            future.set_result(found.get(key))

    async def _found(self, asked: Mapping[Key, object]) -> Mapping[Key, bytes]:
        keys = [_hash(*key) for key in asked]
        rows = await self._reading.read(lambda connection: connection.fetch(self._get, keys))
        return {(fold, tags): data for fold, tags, data in rows}


def _hash(fold: str, tags: str) -> UUID:
    return UUID(bytes=blake2b(f"{fold}\0{tags}".encode(), digest_size=_BYTES).digest())
