"""The left panel as a whole: every command's route, compiled once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from diptych.codec import EventCodec, decode_message, encode, fingerprint
from diptych.dispatch import (
    Handler,
    Middleware,
    compile_handlers,
    compose,
    likely,
    sources_of,
    unhandled,
    unopened,
)
from diptych.errors import Error, InvalidMessageError, MalformedError, UnknownMessageError, WiringError
from diptych.injection import Injector, Source, refuse_rows
from diptych.model.fields import place_of
from diptych.model.results import Invalid, Result
from diptych.module import Module
from diptych.ports import Clock, EventStore, Ids
from diptych.write.auditing import Auditing
from diptych.write.deciding import Deciding
from diptych.write.execution import Execution
from diptych.write.guarding import CommandGuards, Guards
from diptych.write.means import means_of
from diptych.write.repository import aggregates_of, repositories
from diptych.write.requests import Delivery, Request, canonical_of, command_id_of, filler
from diptych.write.snapshots import Snapshotter
from diptych.write.units import refuse_units, takes_unit, units_of_work
from diptych.write.withheld import UNSENT

_NOBODY: Guards = MappingProxyType({})


class Route(NamedTuple):
    """The way of one type of command: how its generated fields are filled, how it is checked, and what handles it."""

    name: str
    fill: Callable[[Any, UUID], Any] | None
    canonical: Callable[[Any], tuple[bytes, Any]]
    handle: Handler


class WritePanel:
    """Take commands to their decisions.

    The constructor checks the wiring and raises WiringError; `open` compiles the routes once values are provided.
    """

    elsewhere: Callable[[], Error] | None = None
    """Makes what is raised for commands that another process takes: then this is not opened."""

    def __init__(
        self,
        modules: Iterable[Module],
        *,
        store: EventStore,
        codec: EventCodec,
        injector: Injector,
        middleware: Iterable[Middleware],
        clock: Clock,
        ids: Ids,
        state_bytes: int,
        snapshots: Snapshotter,
        guards: Guards = _NOBODY,
        audit: Auditing | None = None,
        uow_limit: float = 2.0,
    ) -> None:
        self._clock, self._ids, self._middleware, self._audit = clock, ids, tuple(middleware), audit
        self._means = means = means_of(store, codec, snapshots, clock, state_bytes=state_bytes, uow_limit=uow_limit)
        self.states, self.snapshots, self._lineage = means.states, snapshots, codec.lineage
        self._named, self._routes = dict[str, type](), dict[type, Route]()
        self._executions: dict[type, Execution] = {}
        self._plain: dict[type, tuple[Callable[..., Any], tuple[Source, ...]]] = {}
        self._guards = CommandGuards(guards, injector.resolving(refuse_rows), means.recorder)
        self._wire_all(tuple(modules), injector)

    @property
    def commands(self) -> Mapping[str, type]:
        """Return the commands by name."""
        return self._named

    def open(self) -> None:
        """Compile every route; call it after the injector and the log are open. It may be another log than before."""
        self.states.clear()
        for command, execution in self._executions.items():
            self._route(command, execution.handle)
        handlers = compile_handlers(self._plain.values())
        for command, (function, _) in self._plain.items():
            self._route(command, self._way_of(function)(handlers[function]))

    def send(self, command: Any, delivery: Delivery) -> Awaitable[Result[Any]]:
        """Check the shape of a command and send it down its route.

        Raises UnknownMessageError when nobody handles it, KeyReusedError when its key came with another request before.
        """
        route = self._route_of(command)
        command, command_id = self._identified(route, command, delivery)
        try:
            data, command = route.canonical(command)
        except InvalidMessageError as invalid:
            return _answered(self._invalid(route.name, command, command_id, delivery, invalid))
        return self._handle(route, command, command_id, data, delivery)

    async def receive(self, name: str, body: bytes, delivery: Delivery) -> Result[Any]:
        """Send the command of this name whose JSON is `body`; as `send`, and MalformedError for what is no JSON."""
        cls = self._named.get(name)
        if cls is None:
            raise UnknownMessageError(f"no module handles a command named {name!r}{likely(name, self._named)}")
        if self.elsewhere is not None:
            raise self.elsewhere()
        try:
            command = decode_message(cls, body)
        except InvalidMessageError as invalid:
            found = self._invalid(name, None, self._command_id(delivery), delivery, invalid)
            if isinstance(invalid, MalformedError):
                raise
            return found
        return await self._send_checked(command, delivery)

    def _way_of(self, function: Callable[..., Any]) -> Middleware:
        """Return what a handler is run in: a unit of work, a work, or, where it takes neither, as good as nothing."""
        if takes_unit(function):
            return self._means.units.around
        return self._means.working.around if aggregates_of(function) else self._means.working.plain

    def _send_checked(self, command: Any, delivery: Delivery) -> Awaitable[Result[Any]]:
        """Send a command whose shape was checked when it was decoded; otherwise as `send`."""
        route = self._route_of(command)
        command, command_id = self._identified(route, command, delivery)
        data = b"" if delivery.key is None else encode(command)
        return self._handle(route, command, command_id, data, delivery)

    def _invalid(
        self, name: str, command: Any, command_id: UUID, delivery: Delivery, wrong: InvalidMessageError
    ) -> Invalid:
        if self._audit is not None:
            self._audit.misshapen(name, command, command_id, delivery, wrong)
        return Invalid(wrong.errors)

    def _route_of(self, command: Any) -> Route:
        route = self._routes.get(type(command))
        if route is None:
            if type(command) in self._named.values():
                raise unopened() if self.elsewhere is None else self.elsewhere()
            raise unhandled(command, "command", self._named)
        return route

    def _identified(self, route: Route, command: Any, delivery: Delivery) -> tuple[Any, UUID]:
        command_id = self._command_id(delivery)
        return command if route.fill is None else route.fill(command, command_id), command_id

    def _command_id(self, delivery: Delivery) -> UUID:
        if delivery.key is not None:
            return command_id_of(delivery.principal, delivery.key)
        return self._ids.new() if delivery.withheld is None else UNSENT

    def _handle(
        self, route: Route, command: Any, command_id: UUID, data: bytes, delivery: Delivery
    ) -> Awaitable[Result[Any]]:
        key, principal, correlation, causation, expected, withheld = delivery
        if expected is not None and not isinstance(expected, int):
            raise TypeError(f"expected is a position, found {expected!r:.60}; write expected=result.position")
        # Only a key can bring a request back, so only then there is anything to compare.
        seen = b"" if key is None else fingerprint(route.name, data)
        now = self._clock.now()
        keyed = key is not None
        request = Request(now, command_id, principal, seen, keyed, expected, correlation, causation, withheld)
        return route.handle(command, request)

    def _wire_all(self, modules: Sequence[Module], injector: Injector) -> None:
        loading = partial(repositories, lineage=self._lineage)
        for module in modules:
            pure = injector.resolving(refuse_rows, refuse_units)
            self._wire(module, pure, injector.resolving(refuse_rows, loading, units_of_work))
        self._means.units.declare(modules)

    def _wire(self, module: Module, injector: Injector, working: Injector) -> None:
        for command in (*module.decisions, *module.commands):
            self._claim(command, module)
            self._named[command.__name__] = command
        means = self._means
        for command, decision in module.decisions.items():
            deciding = Deciding(decision, injector, self._lineage)
            self._executions[command] = Execution(
                deciding, recorder=means.recorder, loader=means.loader, appending=means.appending, turns=means.turns
            )
        for command, function in module.commands.items():
            self._plain[command] = (function, sources_of(function, working))

    def _claim(self, command: type, module: Module) -> None:
        taken = self._executions.get(command)
        other = taken.decision.function if taken is not None else self._plain.get(command, (None,))[0]
        if other is not None:
            raise WiringError(
                f"{command.__qualname__} has two handlers: {other.__qualname__} ({place_of(other)}) and the one of "
                f"module {module.name!r}",
                where=place_of(module.handler_of(command)),
                fix="remove one of them",
            )

    def _route(self, command: type, handler: Callable[[Any, Any], Any]) -> None:
        wrapped = compose(self._guards.before(command, handler), self._middleware)
        self._routes[command] = Route(command.__name__, filler(command), canonical_of(command), wrapped)


async def _answered(result: Result[Any]) -> Result[Any]:
    return result
