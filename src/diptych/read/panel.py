"""The right panel: answers queries from read models that its runtime, or that of another process, folds."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import CoroutineType, MappingProxyType, TracebackType
from typing import Any, Literal, Self

from diptych.codec import EventCodec, refuse_unsound
from diptych.dispatch import Handler, Middleware, compile_handlers, compose, sources_of, unhandled, unopened
from diptych.errors import ElsewhereError, Error, StatementError, WiringError
from diptych.injection import Injector, Source
from diptych.model.caching import Cached
from diptych.model.fields import place_of
from diptych.model.folds import parameters_of
from diptych.model.meta import Context
from diptych.model.projections import Projection
from diptych.module import Module
from diptych.ports import Checkpoint, Clock, EventStore, RowReader, RowStore
from diptych.read.bound_views import bind
from diptych.read.cache import CACHE_BYTES, AnswerCache, CacheKey, Kept, Written
from diptych.read.cacheable import refuse_uncacheable
from diptych.read.cached import CachedQuery, Reading
from diptych.read.coverage import Coverage
from diptych.read.fingerprint import fingerprint_of
from diptych.read.flights import Flights
from diptych.read.followed_views import FollowedViews
from diptych.read.guarding import QueryGuards
from diptych.read.lending import Lending
from diptych.read.mistakes import forgotten, unawaited, unfit
from diptych.read.ownership import Only, Ownership
from diptych.read.past import Refolding
from diptych.read.progress import LiveProgress
from diptych.read.reach import Reach, Reaching, told_to_readers
from diptych.read.refreshing import Refreshing
from diptych.read.resolver import RowsResolver
from diptych.read.rows import Asking, Shelf, asking
from diptych.read.runtime import Runtime
from diptych.read.views import Views

Guards = Mapping[type, Sequence[Callable[..., Any]]]
"""The guards of each query that has any."""
_NOBODY: Guards = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold the answer of a query, the position that it holds everything up to, and a number for its ETag.

    `changed` grows with every change, and every rebuild, of any read model that the query may read. `written` is the
    answer as JSON, where the cache has it.
    """

    value: Any
    position: int
    changed: int
    written: Written | None = None


@dataclass(eq=False)
class _Route:
    function: Any
    sources: tuple[Source, ...]
    projections: tuple[str, ...]
    named: tuple[str, ...]
    guards: QueryGuards
    cached: Cached | None = None
    handle: Handler | None = None

    def __post_init__(self) -> None:
        self.models = frozenset(self.named)


class ReadPanel:
    """Answer queries, and fold the projections that `folds` names, all if it is None, as far as nobody else does.

    The constructor checks the wiring; opening raises WiringError or ForeignLogError for rows that do not fit.
    """

    _open: AsyncExitStack | None = None

    def __init__(
        self,
        modules: Iterable[Module],
        projections: Sequence[Projection],
        *,
        store: EventStore,
        rows: RowStore,
        codec: EventCodec,
        injector: Injector,
        middleware: Sequence[Middleware] = (),
        clock: Clock,
        mode: Literal["production", "dev"] = "production",
        folds: Collection[str] | None = None,
        only: Only | None = None,
        cache_bytes: int = CACHE_BYTES,
        guards: Guards = _NOBODY,
    ) -> None:
        self.rows, self._store, self._codec, self._clock, self._folds = rows, store, codec, clock, folds
        self._projections, self._middleware, self._mode, self._only = _distinct(projections), middleware, mode, only
        self._shelf, self._live = Shelf(rows), LiveProgress()
        self.ownership, self._flights = Ownership(self._live, only), Flights[CacheKey, Kept]()
        self._fingerprints = {each.name: fingerprint_of(each, codec.lineage) for each in self._projections}
        modules, resolver = tuple(modules), RowsResolver(projections, self._shelf)
        self.views, self._routes = self._made_views(modules, resolver), _routes(modules, resolver, injector, guards)
        self.cache, self.lending = AnswerCache(cache_bytes), Lending(resolver, self._shelf)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.rows)
            self._shelf.reader = await stack.enter_async_context(self.rows.reader())
            reader, lineage, live = self._shelf.reader, self._codec.lineage, told_to_readers(self._live, self.rows)
            reach = Reach(self._projections, self._fingerprints, live, self._store, reader, lineage=lineage)
            self.views.reach_of_rows = reach
            self.views.reader = self.ownership.reader = reader
            await stack.enter_async_context(self.views)
            self._shelf.reach = Coverage(reach, self.views)
            stack.callback(self.cache.clear)
            stack.push_async_callback(self._flights.close)
            handlers = compile_handlers((route.function, route.sources) for route in self._routes.values())
            for route in self._routes.values() if self._only != "commands" else ():
                handler = self._handler(route, handlers[route.function])
                route.handle = compose(route.guards.before(handler), self._middleware)
            if folded := [each for each in self._projections if self._folds is None or each.name in self._folds]:
                self.ownership.runtime = runtime = self._made_runtime(folded)
                stack.push_async_callback(runtime.stop)
                await runtime.start()
                if self.views.bound:
                    await stack.enter_async_context(Refreshing(self.views, monotonic=time.monotonic))
            self._open = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open is not None:
            opened, self._open = self._open, None
            await opened.__aexit__(kind, error, trace)

    @property
    def reach(self) -> Reaching:
        """Return what waits for projections, the port Progress."""
        return self._shelf.reach

    @property
    def reader(self) -> RowReader:
        """Return what reads rows for queries."""
        return self._shelf.reader

    def refolds(self, refold: Refolding) -> None:
        """Take what knows the past of rows of which the store keeps none."""
        self._shelf.refold = refold

    async def answer(
        self, query: Any, context: Context, *, after: int | None = None, wait: float = 2.0, as_of: int | None = None
    ) -> Answer:
        """Answer a query from rows that hold everything up to `after`, or as they were at the position `as_of`.

        Waits at most `wait` seconds for them. Raises PositionError, StaleError, RebuildingError, FoldError,
        UnknownMessageError, InvalidMessageError, StatementError; as of a position also HistoryError.
        """
        route = self._routes.get(type(query))
        if route is None or route.handle is None:
            raise self._unopened() if route else unhandled(query, "query", [each.__name__ for each in self._routes])
        refuse_unsound(type(query), query)
        after = max(after or 0, as_of or 0)
        await self._shelf.reach.reach(route.projections, after, timeout=wait)
        position = await self._shelf.reach.position(route.projections)
        changed = await self._shelf.reader.changed(route.named)
        flight = Asking(after, wait, route.models, position, changed, as_of)
        token = asking.set(flight)
        try:
            value = await route.handle(query, context)
        except StatementError as wrong:
            raise unfit(route.function, wrong) from wrong
        finally:
            asking.reset(token)
        if type(value) is CoroutineType:
            raise forgotten(route.function, value)
        return _answer(value, flight)

    async def checkpoints(self) -> Mapping[str, Checkpoint]:
        """Return every projection's checkpoint as stored."""
        return await self._shelf.reader.checkpoints()

    async def caught_up(self, head: int, *, timeout: float = 60) -> None:  # noqa: ASYNC109 (raises StaleError)
        """Return once every projection holds everything up to `head`, rebuilds included."""
        await self._shelf.reach.caught_up(tuple(each.name for each in self._projections), head, timeout=timeout)

    def _unopened(self) -> Error:
        return ElsewhereError("query", "commands") if self._only == "commands" else unopened()

    def _handler(self, route: _Route, handler: Handler) -> Handler:
        if route.cached is None:
            return handler
        reading = Reading(route.models, route.projections)
        return CachedQuery(
            route.cached,
            handler,
            reading,
            shelf=self._shelf,
            cache=self.cache,
            flights=self._flights,
            clock=self._clock,
        )

    def _made_views(self, modules: Sequence[Module], resolver: RowsResolver) -> Views:
        store = self.rows.views()
        code = {each.name: (each.version, self._fingerprints[each.name]) for each in self._projections}
        bound = bind(modules, resolver, self._shelf, code, store)
        made = FollowedViews if self._only == "queries" else Views
        return made(bound, code, store=store, log=self._store, live=self._live, clock=self._clock)

    def _made_runtime(self, folded: Sequence[Projection]) -> Runtime:
        return Runtime(
            folded,
            self._fingerprints,
            store=self._store,
            rows=self.rows,
            codec=self._codec,
            live=self._live,
            mode=self._mode,
            declared=[each.name for each in self._projections],
        )


def _answer(value: Any, flight: Asking) -> Answer:
    if flight.as_of is not None:
        return Answer(value, flight.as_of, flight.as_of)
    kept = flight.kept
    # Middleware may have answered otherwise than the cache.
    known = kept.written if kept is not None and kept.value is value else None
    return Answer(value, flight.position, flight.changed, known)


def _routes(
    modules: Iterable[Module], resolver: RowsResolver, injector: Injector, guards: Guards
) -> dict[type, _Route]:
    seeing = injector.resolving(resolver)
    routes: dict[type, _Route] = {}
    for module in modules:
        for query, function in module.queries.items():
            _refuse_second(query, function, routes.get(query))
            asked = QueryGuards(guards.get(query, ()), resolver, seeing)
            route = routes[query] = _route(function, resolver, seeing, asked, module.caches.get(query))
            if route.cached is not None:
                reads = bool(route.models)
                refuse_uncacheable(query, function, route.sources, policy=route.cached, reads=reads)
    return routes


def _refuse_second(query: type, function: Any, taken: _Route | None) -> None:
    if taken is not None:
        raise WiringError(
            f"{query.__qualname__} has two handlers: {taken.function.__qualname__} ({place_of(taken.function)}) and "
            f"{function.__qualname__}",
            where=place_of(function),
            fix="remove one of them",
        )


def _route(
    function: Any, resolver: RowsResolver, injector: Injector, guards: QueryGuards, cached: Cached | None
) -> _Route:
    models = resolver.models_of(parameters_of(function))
    if models and not inspect.iscoroutinefunction(function):
        raise unawaited(function)
    projections = tuple(dict.fromkeys((*(model.projection for model in models), *guards.projections)))
    named = tuple(dict.fromkeys(model.name for model in models))
    return _Route(function, sources_of(function, injector), projections, named, guards, cached)


def _distinct(projections: Iterable[Projection]) -> tuple[Projection, ...]:
    """Return the projections; raise WiringError where two read models share a name."""
    projections = tuple(projections)
    owners: dict[str, Projection] = {}
    for projection in projections:
        for model in projection.models:
            owner = owners.setdefault(model.name, projection)
            if owner is not projection or sum(each.name == model.name for each in projection.models) > 1:
                raise WiringError(
                    f"two read models are named {model.name!r}, in {owner.name!r} and {projection.name!r}",
                    where=place_of(model.row),
                    fix="name one of them otherwise: read_model(..., name='...')",
                )
    return projections
