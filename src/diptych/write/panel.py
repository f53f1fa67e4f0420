"""The left panel as a whole: every command's route, compiled once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from diptych.codec import EventCodec, decode_message, encode, fingerprint
from diptych.dispatch import Handler, Middleware, compile_handler, compose, sources_of
from diptych.errors import InvalidMessageError, MalformedError, UnknownMessageError, WiringError
from diptych.injection import Injector, Source, refuse_rows
from diptych.model.fields import place_of
from diptych.model.results import Invalid, Result
from diptych.module import Module
from diptych.ports import Clock, EventStore, Ids
from diptych.write.appending import Appending
from diptych.write.deciding import Deciding
from diptych.write.execution import Execution
from diptych.write.loading import Loader
from diptych.write.recording import Recorder
from diptych.write.repository import repositories
from diptych.write.requests import Delivery, Request, canonical, command_id_of, filler
from diptych.write.states import StateCache
from diptych.write.turns import Turns
from diptych.write.withheld import UNSENT
from diptych.write.working import Working


class Route(NamedTuple):
    """The way of one type of command: how its generated fields are filled, and what handles it."""

    name: str
    fill: Callable[[Any, UUID], Any] | None
    handle: Handler


class WritePanel:
    """Take commands to their decisions.

    The constructor checks the wiring and raises WiringError; `open` compiles the routes once values are provided.
    """

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
    ) -> None:
        self._clock, self._ids = clock, ids
        self._middleware = tuple(middleware)
        self._recorder = Recorder(store, codec, clock)
        self.states = StateCache(state_bytes)
        self._loader = Loader(store, codec, self.states)
        self._appending = Appending(self._recorder, self.states)
        self._working = Working(self._recorder, self._loader, self._appending, store)
        self._turns, self._named = Turns(), dict[str, type]()
        self._executions: dict[type, Execution] = {}
        self._plain: dict[type, tuple[Callable[..., Any], tuple[Source, ...]]] = {}
        self._routes: dict[type, Route] = {}
        self._lineage = codec.lineage
        working = partial(repositories, lineage=codec.lineage)
        for module in modules:
            self._wire(module, injector.resolving(refuse_rows), injector.resolving(refuse_rows, working))

    @property
    def commands(self) -> Mapping[str, type]:
        """Return the commands by name."""
        return self._named

    def open(self) -> None:
        """Compile every route; call it once, after the injector is open."""
        for command, execution in self._executions.items():
            self._route(command, execution.handle)
        for command, (function, sources) in self._plain.items():
            self._route(command, self._working.around(compile_handler(function, sources)))

    async def send(self, command: Any, delivery: Delivery) -> Result[Any]:
        """Check the shape of a command and send it down its route.

        Raises UnknownMessageError when nobody handles it, KeyReusedError when its key came with another request before.
        """
        route = self._route_of(command)
        command, command_id = self._identified(route, command, delivery)
        try:
            data = canonical(command)
        except InvalidMessageError as invalid:
            return Invalid(invalid.errors)
        return await self._handle(route, command, command_id, data, delivery)

    async def receive(self, name: str, body: bytes, delivery: Delivery) -> Result[Any]:
        """Send the command of this name whose JSON is `body`; as `send`, and MalformedError for what is no JSON."""
        cls = self._named.get(name)
        if cls is None:
            raise UnknownMessageError(f"no module handles a command named {name!r}")
        try:
            command = decode_message(cls, body)
        except MalformedError:
            raise
        except InvalidMessageError as invalid:
            return Invalid(invalid.errors)
        return await self._send_checked(command, delivery)

    async def _send_checked(self, command: Any, delivery: Delivery) -> Result[Any]:
        """Send a command whose shape was checked when it was decoded; otherwise as `send`."""
        route = self._route_of(command)
        command, command_id = self._identified(route, command, delivery)
        data = b"" if delivery.key is None else encode(command)
        return await self._handle(route, command, command_id, data, delivery)

    def _route_of(self, command: Any) -> Route:
        route = self._routes.get(type(command))
        if route is None:
            raise UnknownMessageError(f"no module handles the command {type(command).__qualname__}")
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
        # Only a key can bring a request back, so only then there is anything to compare.
        seen = b"" if key is None else fingerprint(route.name, data)
        now = self._clock.now()
        keyed = key is not None
        request = Request(now, command_id, principal, seen, keyed, expected, correlation, causation, withheld)
        return route.handle(command, request)

    def _wire(self, module: Module, injector: Injector, working: Injector) -> None:
        for command in (*module.decisions, *module.commands):
            self._claim(command, module)
            self._named[command.__name__] = command
        for command, decision in module.decisions.items():
            deciding = Deciding(decision, injector, self._lineage)
            self._executions[command] = Execution(
                deciding, recorder=self._recorder, loader=self._loader, appending=self._appending, turns=self._turns
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
        self._routes[command] = Route(command.__name__, filler(command), compose(handler, self._middleware))
