"""Dispatch in memory: the compiled handler beside a dictionary of handlers, and `app.send` with nothing to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from benchmarks.logs import Logs
from benchmarks.rows import Goal, Row, Size
from benchmarks.timing import interleaved, nanoseconds_each
from diptych import Application, Command, Context, Module
from diptych.dispatch import Handler, compile_handler, compose, sources_of
from diptych.injection import Injector


@dataclass(frozen=True, slots=True)
class Noop(Command[None]):
    """Ask for nothing."""


class Mailer:
    """Stand for a value that is injected."""


async def nothing(command: Noop) -> None:
    """Do nothing."""


async def nothing_with_mailer(command: Noop, mailer: Mailer) -> None:
    """Do nothing with an injected value."""


def passing(handler: Handler) -> Handler:
    """Stand for a middleware: one more call around the handler."""

    async def passed(message: Any, context: Context) -> Any:
        return await handler(message, context)

    return passed


async def dispatch(size: Size, _: Logs) -> list[Row]:
    """Measure the dispatcher, bare and dressed, beside `dict[type]`, and `app.send`."""
    context, message, count = Context(datetime.now(UTC), UUID(int=1)), Noop(), size.of(200_000)
    raw: dict[type, Callable[[Any], Awaitable[Any]]] = {Noop: nothing}
    injector = Injector([Mailer()])
    bare: dict[type, Handler] = {Noop: compile_handler(nothing, ())}
    compiled = compile_handler(nothing_with_mailer, sources_of(nothing_with_mailer, injector))
    dressed: dict[type, Handler] = {Noop: compose(compiled, [passing, passing, passing])}
    found = await interleaved(
        {
            "raw": lambda: nanoseconds_each(lambda: raw[type(message)](message), count),
            "bare": lambda: nanoseconds_each(lambda: bare[type(message)](message, context), count),
            "dressed": lambda: nanoseconds_each(lambda: dressed[type(message)](message, context), count),
        },
        size.rounds,
    )
    beside = "dict[type] of async functions"
    return [
        Row("dispatch", "bare dispatcher, no-op handler", "ns", found["bare"], found["raw"], beside, Goal("<=", 3)),
        Row("dispatch", "3 middlewares, 1 injected value", "ns", found["dressed"], found["raw"], beside, Goal("<=", 8)),
        await _send(size),
    ]


async def _send(size: Size) -> Row:
    module = Module("noop")
    module.command(nothing)
    async with Application(module) as app:
        message, count = Noop(), size.of(20_000)
        await nanoseconds_each(lambda: app.send(message), 500)

        async def measure() -> float:
            return await nanoseconds_each(lambda: app.send(message), count) / 1000

        found = await interleaved({"send": measure}, size.rounds)
    return Row("dispatch", "app.send of a no-op command, memory store", "us", found["send"], goal=Goal("<=", 6))
