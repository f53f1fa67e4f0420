"""The background: an event loop in a thread of its own, for callers who have none."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, InvalidStateError
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, ParamSpec, TypeVar

from diptych.errors import BlockingError

P = ParamSpec("P")
R = TypeVar("R")


class Background:
    """Keep an application open on an event loop in a thread, and call it from any other thread.

    It is opened once and closed once. Calls that have begun are waited for when it closes.
    """

    def __init__(self, application: AbstractAsyncContextManager[Any]) -> None:
        self._application = application
        self._started: Future[asyncio.AbstractEventLoop] = Future()
        self._ended = asyncio.Event()
        self._running: set[asyncio.Task[Any]] = set()
        self._calls: dict[Future[Any], Coroutine[Any, Any, Any]] = {}
        self._gate = threading.Lock()  # who got through it before `close` did is still answered
        self._thread: threading.Thread | None = None
        self._closed = self._interrupted = self._is_over = False
        self._failure: BaseException | None = None
        self._process = 0

    def open(self) -> None:
        """Start the thread and return once the application is open; raise what opening it raised."""
        with self._gate:
            if self._thread is not None:
                raise BlockingError("it was opened before; call app.blocking() for another one")
            run, self._process = contextvars.copy_context().run, os.getpid()
            self._thread = threading.Thread(target=run, args=(self._run,), name="diptych-background", daemon=True)
            self._thread.start()
        try:
            self._started.result()
        except BaseException:  # also of who is interrupted while it opens
            self.close(interrupted=True)
            raise

    def close(self, *, interrupted: bool = False) -> None:
        """Close the application and end the thread; calls are waited for, or cancelled where this was interrupted.

        Closing again does nothing. Raises what closing raised.
        """
        self._refuse_own_thread()
        with self._gate:
            closed, self._closed, self._interrupted = self._closed, True, interrupted
            thread = self._thread
        if closed or thread is None or self._process != os.getpid():
            return
        self._started.add_done_callback(self._end)
        thread.join()
        if self._failure is not None:
            raise self._failure

    def call(self, function: Callable[P, Coroutine[Any, Any, R]], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a coroutine function on the loop and return what it returns, or raise what it raises."""
        self._refuse_own_thread()
        with self._gate:
            loop = self._open_loop()
            call = self._tracked(partial(function, *args, **kwargs))
            try:
                future = asyncio.run_coroutine_threadsafe(call, loop)
            except RuntimeError:  # the loop is closed
                call.close()
                raise _over() from None
            self._calls[future] = call
        future.add_done_callback(self._calls.pop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # of who is interrupted while waiting; nothing where the call itself raised
            raise

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as wrong:  # noqa: BLE001 (whoever opens or closes is told)
            if self._started.done():
                self._failure = wrong
            else:
                self._started.set_exception(wrong)
        self._leave_nobody_waiting()

    def _leave_nobody_waiting(self) -> None:
        """Answer the calls that came when the loop had ended by itself, such as by a `sys.exit()` in a handler."""
        with self._gate:
            self._is_over, left = True, tuple(self._calls.items())
        for each, call in left:
            with contextlib.suppress(InvalidStateError):  # it is answered
                each.set_exception(_over())
                call.close()

    async def _serve(self) -> None:
        async with self._application:
            self._started.set_result(asyncio.get_running_loop())
            await self._ended.wait()
            while self._running:
                if self._interrupted:
                    for each in self._running:
                        each.cancel()
                await asyncio.wait(self._running)

    async def _tracked(self, function: Callable[[], Coroutine[Any, Any, R]]) -> R:
        task = asyncio.current_task()
        if task is not None:
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await function()

    def _end(self, started: Future[asyncio.AbstractEventLoop]) -> None:
        if started.exception() is None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                started.result().call_soon_threadsafe(self._ended.set)

    def _open_loop(self) -> asyncio.AbstractEventLoop:
        if self._closed:
            raise BlockingError("it is closed: use it inside of `with app.blocking() as shop:`")
        if self._thread is None:
            raise BlockingError("it is not open yet: write `with app.blocking() as shop:`, or call open() first")
        if self._process != os.getpid():
            raise BlockingError("this process was forked from the one that opened it: open one in every worker process")
        if self._is_over:
            raise _over()
        return self._started.result()

    def _refuse_own_thread(self) -> None:
        if self._thread is threading.current_thread():
            raise BlockingError(
                "it was called on the very event loop that it would wait for: await the application instead, or mark "
                "the handler as @blocking"
            )


def _over() -> BlockingError:
    return BlockingError("its event loop has ended: a handler ended it, by sys.exit() perhaps; open another blocking()")
