"""The left panel as a whole: every command's route, compiled once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from diptych.codec import EventCodec, fingerprint
from diptych.dispatch import Handler, Middleware, compile_handler, compose, sources_of
from diptych.errors import InvalidMessageError, Refusal, UnknownMessageError
from diptych.injection import Injector, Source
from diptych.model.results import Accepted, Invalid, Result
from diptych.module import Module
from diptych.ports import Appended, Clock, EventStore, Ids, Recorded
from diptych.write.deciding import Decided, Deciding, failure_of
from diptych.write.execution import Execution
from diptych.write.loading import Loader
from diptych.write.recording import Recorder
from diptych.write.requests import Request, canonical, command_id_of, filler
from diptych.write.states import StateCache


class Route(NamedTuple):
    """The way of one type of command: how its generated fields are filled, and what handles it."""

    name: str
    fill: Callable[[Any, UUID], Any] | None
    handle: Handler


class WritePanel:
    """Take commands to their decisions.

    The constructor checks the wiring and raises WiringError; `open` compiles the routes once values are provided.
    """

    def __init__(  # noqa: PLR0913 (the composition root passes each port by name)
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
        self._clock, self._ids, self._store = clock, ids, store
        self._middleware = tuple(middleware)
        self._recorder = Recorder(store, codec, clock)
        self.states = StateCache(state_bytes)
        self._loader = Loader(store, codec, self.states)
        self._executions: dict[type, Execution] = {}
        self._plain: dict[type, tuple[Callable[..., Any], tuple[Source, ...]]] = {}
        self._routes: dict[type, Route] = {}
        for module in modules:
            self._wire(module, injector)

    @property
    def commands(self) -> Mapping[str, type]:
        """Return the commands by name."""
        return {cls.__name__: cls for cls in (*self._executions, *self._plain)}

    def open(self) -> None:
        """Compile every route; call it once, after the injector is open."""
        for command, execution in self._executions.items():
            self._route(command, execution.handle)
        for command, (function, sources) in self._plain.items():
            self._route(command, self._recorded(compile_handler(function, sources)))

    async def send(  # noqa: PLR0913 (all of them keywords)
        self,
        command: Any,
        request_json: bytes | None = None,
        *,
        key: str | None = None,
        principal: str | None = None,
        correlation: UUID | None = None,
        causation: UUID | None = None,
        expected: int | None = None,
    ) -> Result[Any]:
        """Send a command down its route.

        `request_json` is its canonical JSON when its shape was checked already. Raises UnknownMessageError when nobody
        handles it, KeyReusedError when the key came with another request before.
        """
        route = self._routes.get(type(command))
        if route is None:
            raise UnknownMessageError(f"no module handles the command {type(command).__qualname__}")
        try:
            data = canonical(command) if request_json is None else request_json
        except InvalidMessageError as invalid:
            return Invalid(invalid.errors)
        command_id = self._ids.new() if key is None else command_id_of(principal, key)
        if route.fill is not None:
            command = route.fill(command, command_id)
        print_of = fingerprint(route.name, data)
        now = self._clock.now()
        request = Request(now, command_id, principal, print_of, key is not None, expected, correlation, causation)
        return await route.handle(command, request)  # type: ignore[no-any-return]  # what every route returns

    def _wire(self, module: Module, injector: Injector) -> None:
        for command, decision in module.decisions.items():
            deciding = Deciding(decision, injector)
            self._executions[command] = Execution(
                deciding, recorder=self._recorder, loader=self._loader, states=self.states
            )
        for command, function in module.commands.items():
            self._plain[command] = (function, sources_of(function, injector))

    def _route(self, command: type, handler: Callable[[Any, Any], Any]) -> None:
        self._routes[command] = Route(command.__name__, filler(command), compose(handler, self._middleware))

    def _recorded(self, handler: Handler) -> Handler:
        """Wrap a handler that needs no state: what it returns is recorded as the command's answer."""

        async def handle(command: Any, request: Any) -> Result[Any]:
            if request.keyed and (replayed := await self._recorder.replay(command, request)) is not None:
                return replayed
            try:
                value = await handler(command, request)
            except Refusal as refusal:
                return failure_of(refusal, None)
            head = await self._store.head()
            outcome = await self._recorder.append(command, request, Decided((), value), position=head)
            if isinstance(outcome, Recorded):
                return self._recorder.answer(outcome.record, command, request)
            last = outcome.last if isinstance(outcome, Appended) else head
            return Accepted(value, last, request.command_id)

        return handle
