"""Dispatch: a handler, its dependencies and the middleware, compiled once into one callable. Both panels use it."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from typing import Any

from diptych.errors import StoreError, UnknownMessageError
from diptych.handlers import handling_of
from diptych.injection import Injector, Scope, Source
from diptych.model.folds import parameters_of
from diptych.model.messages import is_command, is_query
from diptych.model.meta import Context

Handler = Callable[[Any, Context], Awaitable[Any]]
"""Handle a message: `await handler(message, context)`."""

Middleware = Callable[[Handler], Handler]
"""Wrap a handler: called once, at start, with the next handler; what it returns is called for every message."""


def compose(handler: Handler, middleware: Iterable[Middleware]) -> Handler:
    """Wrap a handler by middleware; the first one given is the outermost."""
    for wrap in reversed(tuple(middleware)):
        handler = wrap(handler)
    return handler


def guarded(handler: Handler, guards: Iterable[Handler]) -> Handler:
    """Wrap a handler by guards: all are asked before it is called, one after the other, and each may raise.

    A guard that answers anything raises TypeError: `return False` must not let anybody in.
    """
    asked = tuple(guards)

    async def call(message: Any, context: Context) -> Any:
        for ask in asked:
            said = await ask(message, context)
            if said is not None:
                raise TypeError(f"a guard of {type(message).__qualname__} returned {said!r:.40}; raise NotAllowed")
        return await handler(message, context)

    return call if asked else handler


def sources_of(function: Callable[..., Any], injector: Injector, *, beside: int = 1) -> tuple[Source, ...]:
    """Return the sources of a handler's parameters after the first `beside`; raise WiringError where one has none."""
    return tuple(injector.source(parameter, function) for parameter in parameters_of(function)[beside:])


def compile_handlers(wired: Iterable[tuple[Callable[..., Any], Sequence[Source]]]) -> dict[Callable[..., Any], Handler]:
    """Compile handlers by their functions, each once, however many messages it handles."""
    return {function: compile_handler(function, sources) for function, sources in dict(wired).items()}


def compile_handler(function: Callable[..., Any], sources: Sequence[Source]) -> Handler:
    """Compile a handler function into `(message, context) -> awaitable`; constants are bound now, not per call.

    A sync function runs on the loop; it must be pure and short. A class is made into its one instance here, unless it
    takes what each message has of its own: then for every message.
    """
    function, sources = _settled(function, sources)
    if any(source.opened is not None for source in sources):
        return _opening(function, sources)
    if any(source.from_context is not None for source in sources):
        return _contextual(function, sources)
    return _constant(function, tuple(source.value for source in sources))


def _settled(function: Callable[..., Any], sources: Sequence[Source]) -> tuple[Callable[..., Any], Sequence[Source]]:
    handling = handling_of(function)
    if handling is None or handling.cls is None:
        return function, sources
    first, last = len(handling.taking), len(handling.taking) + len(handling.making)
    making = sources[first:last]
    if not all(source.is_constant for source in making):
        return function, sources
    return handling.made([source.value for source in making]), (*sources[:first], *sources[last:])


def _constant(function: Callable[..., Any], values: tuple[Any, ...]) -> Handler:
    if inspect.iscoroutinefunction(function):
        if not values:
            return lambda message, _: function(message)
        return lambda message, _: function(message, *values)

    async def call(message: Any, _: Context) -> Any:
        return function(message, *values)

    return call


def _contextual(function: Callable[..., Any], sources: Sequence[Source]) -> Handler:
    waits = inspect.iscoroutinefunction(function)

    async def call(message: Any, context: Context) -> Any:
        answer = function(
            message, *[each.value if each.from_context is None else each.from_context(context) for each in sources]
        )
        return await answer if waits else answer

    return call


def _opening(function: Callable[..., Any], sources: Sequence[Source]) -> Handler:
    waits = inspect.iscoroutinefunction(function)

    async def call(message: Any, context: Context) -> Any:
        async with AsyncExitStack() as stack:
            scope = Scope(context, stack)
            answer = function(message, *[await scope.value(each) for each in sources])
            return await answer if waits else answer

    return call


def unhandled(message: object, kind: str, known: Iterable[str]) -> UnknownMessageError:
    """Return the error of a message that nobody handles, with what may have been meant."""
    cls = type(message)
    if isinstance(message, type):
        hint = f"expected a {kind}, found the class {message.__qualname__}; make one of it: {message.__name__}(...)"
    elif is_query(cls) and kind == "command":
        hint = f"{cls.__qualname__} is a query: it is asked, not sent"
    elif is_command(cls) and kind == "query":
        hint = f"{cls.__qualname__} is a command: it is sent, not asked"
    else:
        hint = f"no module of the application handles the {kind} {cls.__qualname__}{likely(cls.__name__, known)}"
    return UnknownMessageError(hint)


def likely(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown name: what may have been meant, or nothing."""
    close = difflib.get_close_matches(name[:80], known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def unopened() -> StoreError:
    """Return the error of a message that comes before the application is open."""
    return StoreError("the application is not open; enter it with `async with` before anything is sent or asked")
