"""Injection by type: what handlers ask for beside their message, resolved once, before the first message.

Two lifetimes: the application's (values, and factories called once at start) and the message's (`per_message`
factories, called for every message and closed after it).
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from diptych.errors import WiringError
from diptych.model.fields import hints_of, place_of
from diptych.model.folds import Parameter, parameters_of
from diptych.model.meta import Context
from diptych.model.rows import RowsOf, row_type_of
from diptych.threads import Threads


@dataclass(frozen=True, slots=True)
class per_message:  # noqa: N801 (reads as a verb where it is used)
    """Give a factory the lifetime of a message: called for each one, closed after it.

    The factory returns a value, or yields it once (async generator function). It may take what is provided, and
    Context.
    """

    factory: Callable[..., Any]


@dataclass(eq=False)
class Source:
    """Say where a parameter's value comes from: a constant, the context, or something opened per message."""

    value: Any = None
    from_context: Callable[[Context], Any] | None = None
    opened: Opened | None = None

    @property
    def is_constant(self) -> bool:
        """Say whether the value is the same for every message."""
        return self.from_context is None and self.opened is None


class Scope:
    """Hold what is opened for one message: each thing once, whoever asks for it, and all closed with the stack."""

    def __init__(self, context: Context, stack: AsyncExitStack) -> None:
        self.context, self.stack = context, stack
        self._made: dict[Source, Any] = {}

    async def value(self, source: Source) -> Any:
        """Return the value of a source for this message."""
        if source.opened is None:
            return source.value if source.from_context is None else source.from_context(self.context)
        if source not in self._made:
            self._made[source] = await source.opened(self)
        return self._made[source]


Opened = Callable[[Scope], Awaitable[Any]]

Resolver = Callable[[Parameter, Callable[..., Any]], Source | None]
"""Provide a parameter of a function by more than its plain type (`Rows[V]`); None where it is not this resolver's."""


class Injector:
    """Resolve parameters against what an application provides.

    Sources of application-lifetime factories are filled by `open`; until then only wiring can be checked.
    """

    def __init__(self, provided: Iterable[Any] = (), resolvers: Iterable[Resolver] = ()) -> None:
        self._resolvers = tuple(resolvers)
        self._sources: dict[Any, Source] = {
            Context: Source(from_context=lambda context: context),
            Threads: Source(value=Threads()),
        }
        self._factories: list[tuple[Source, Callable[..., Any]]] = []
        self._per_message: list[Callable[..., Any]] = []
        for each in provided:
            self._add(each)
        self._check()

    def resolving(self, *resolvers: Resolver) -> Injector:
        """Return an injector over the same sources, opened with this one, that asks these resolvers first."""
        view = Injector((), (*resolvers, *self._resolvers))
        view._sources = self._sources
        return view

    def source(self, parameter: Parameter, function: Callable[..., Any]) -> Source:
        """Return the source of a parameter; raise WiringError when nobody provides its type."""
        found = (
            self._sources.get(parameter.type) or self._resolved(parameter, function) or self._derived(parameter.type)
        )
        if found is None and parameter.default is not inspect.Parameter.empty:
            found = Source(value=parameter.default)
        if found is None:
            raise self._unprovided(parameter, function)
        return found

    async def open(self, stack: AsyncExitStack) -> None:
        """Call every application-lifetime factory, in the order given; close them, and the threads, with the stack."""
        threads = self._sources[Threads].value
        if threads is not None:
            await stack.enter_async_context(threads)
        for source, factory in self._factories:
            arguments = [self.source(parameter, factory).value for parameter in parameters_of(factory)]
            made = factory(*arguments)
            source.value = await _entered(made, stack)

    def _add(self, provided: Any) -> None:
        if isinstance(provided, per_message):
            self._per_message.append(provided.factory)
            self._sources[_product(provided.factory)] = Source(opened=self._opener(provided.factory))
        elif isinstance(provided, type) or inspect.isfunction(provided) or inspect.ismethod(provided):
            source = Source()
            self._sources[_product(provided)] = source
            self._factories.append((source, provided))
        else:
            self._sources[type(provided)] = Source(value=provided)

    def _check(self) -> None:
        """Refuse factories that ask for what nobody provides, or what is not there when they are called."""
        for factory in self._per_message:
            for parameter in parameters_of(factory):
                self.source(parameter, factory)
        later = [source for source, _ in self._factories]
        for own, factory in self._factories:
            for parameter in parameters_of(factory):
                source = self.source(parameter, factory)
                if source in later or not source.is_constant:
                    raise _too_early(parameter, factory, of_message=not source.is_constant)
            later.remove(own)

    def _opener(self, factory: Callable[..., Any]) -> Opened:
        async def opened(scope: Scope) -> Any:
            sources = [self.source(parameter, factory) for parameter in parameters_of(factory)]
            return await _entered(factory(*[await scope.value(source) for source in sources]), scope.stack)

        return opened

    def _resolved(self, parameter: Parameter, function: Callable[..., Any]) -> Source | None:
        return next((found for resolve in self._resolvers if (found := resolve(parameter, function)) is not None), None)

    def _derived(self, wanted: Any) -> Source | None:
        """Return the only thing provided whose class derives from the one wanted; a built-in type is never meant so."""
        if not isinstance(wanted, type) or wanted.__module__ == "builtins":
            return None
        found = [source for tp, source in self._sources.items() if isinstance(tp, type) and wanted in tp.__mro__]
        return found[0] if len(found) == 1 else None

    def _unprovided(self, parameter: Parameter, function: Callable[..., Any]) -> WiringError:
        fix = f"pass one to the application: Application(..., provide=[...]); provided now: {self._known()}"
        if isinstance(parameter.type, type) and issubclass(parameter.type, RowsOf):
            fix = f"name the type of the rows: {parameter.name}: Rows[YourRow]"
        return WiringError(
            f"nobody provides {parameter.name}: {_shown(parameter.type)} of {function.__qualname__}",
            where=place_of(function),
            fix=fix,
        )

    def _known(self) -> str:
        return ", ".join(sorted(_shown(tp) for tp in self._sources if tp is not Threads)) or "nothing"


def refuse_rows(parameter: Parameter, function: Callable[..., Any]) -> None:
    """Raise WiringError for a parameter that reads rows: a decision on rows would be a decision on what once was."""
    row = row_type_of(parameter.type)
    if row is not None:
        raise WiringError(
            f"command handler {function.__qualname__} takes {parameter.name}: Rows[{_shown(row)}]; rows may be older "
            f"than the command that they would judge",
            where=place_of(function),
            fix="decide on events: DecisionModel(fold, initial=..., tag=...) and @module.decides(...)",
        )


async def _entered(made: Any, stack: AsyncExitStack) -> Any:
    if inspect.isasyncgen(made):
        return await stack.enter_async_context(contextlib.asynccontextmanager(lambda: made)())
    if isinstance(made, AbstractAsyncContextManager):
        return await stack.enter_async_context(made)
    return await made if isinstance(made, Awaitable) else made


def _too_early(parameter: Parameter, factory: Callable[..., Any], *, of_message: bool) -> WiringError:
    made = "for each message" if of_message else "only after it"
    return WiringError(
        f"{factory.__qualname__} is called at start and takes {parameter.name}: {_shown(parameter.type)}, made {made}",
        where=place_of(factory),
        fix="write per_message(...) around it" if of_message else "provide what it takes before it",
    )


def _product(factory: Callable[..., Any]) -> Any:
    hint = factory if isinstance(factory, type) else hints_of(factory).get("return")
    if hint is None:
        raise WiringError(
            f"factory {factory.__qualname__} does not say what it provides",
            where=place_of(factory),
            fix="give it a return type, such as -> Mailer or -> AsyncIterator[Session]",
        )
    origin = get_origin(hint)
    if inspect.isasyncgenfunction(inspect.unwrap(factory)) and origin is not None:
        return get_args(hint)[0]
    return hint


def _shown(tp: Any) -> str:
    return tp.__qualname__ if isinstance(tp, type) and not get_args(tp) else f"{tp!s:.200}".replace("typing.", "")
