"""In line: subscribers that react before `send` returns, for tests that want to see the effect in the next line."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from diptych.dispatch import Handler
from diptych.errors import ReactionError
from diptych.ports import EventStore, Failure
from diptych.react.walker import Walker

_reacting: ContextVar[bool] = ContextVar("reacting", default=False)


class Inline:
    """Let all subscribers handle everything that is in the log, one after the other, in the task of the caller."""

    def __init__(self, walkers: Sequence[Walker], store: EventStore) -> None:
        self._walkers, self._store = walkers, store
        self._turn = asyncio.Lock()

    def around(self, handler: Handler) -> Handler:
        """Wrap the handler of a command: subscribers react before it returns."""

        async def handle(command: Any, context: Any) -> Any:
            result = await handler(command, context)
            await self.react()
            return result

        return handle

    async def react(self) -> None:
        """Return when everything is handled, also what handlers recorded meanwhile; then raise what failed first."""
        if _reacting.get():  # a handler sends a command: whoever called the handler goes on to its events
            return
        async with self._turn:
            token = _reacting.set(True)
            try:
                await self._rounds()
            finally:
                _reacting.reset(token)

    async def _rounds(self) -> None:
        head, failed = -1, None
        while head < await self._store.head():
            head = await self._store.head()
            for walker in self._walkers:
                try:
                    await self._advance(walker)
                except ReactionError as error:
                    failed = failed or error
        if failed is not None:
            raise failed

    async def _advance(self, walker: Walker) -> None:
        name = walker.subscriber.name
        if not await walker.keep():
            raise ReactionError(name, walker.position, "another process runs it")

        async def refuse(failure: Failure, wrong: BaseException) -> None:
            raise ReactionError(name, walker.position, failure.error.partition("\n")[0]) from wrong

        await walker.advance(refuse)
