"""Module: a bounded context, the explicit registry of its handlers, like a router."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from diptych.errors import WiringError
from diptych.handlers import handler_function, refuse_blocking
from diptych.model.aggregates import Aggregate, decider_of
from diptych.model.caching import Cached
from diptych.model.decisions import (
    Decider,
    Decision,
    Selection,
    commands_of,
    decisions_of_decider,
    decisions_of_function,
)
from diptych.model.fields import members_of, place_of
from diptych.model.folds import parameters_of
from diptych.model.gates import Gate, gate_of
from diptych.model.messages import is_query
from diptych.model.upcasting import Upcaster, upcaster_of_json, upcasters_of
from diptych.model.views import MaterialisedView, Refresh, view_of

if TYPE_CHECKING:  # quicker to import without
    from sqlalchemy import MetaData

F = TypeVar("F", bound=Callable[..., Any])
D = TypeVar("D", bound=Decider[Any])
A = TypeVar("A", bound=type[Aggregate[Any]])


class Module:
    """Register deciders, decisions and handlers by the types of their parameters.

    Decorators return what they are given. A second handler for one command or query raises WiringError at once.
    `tables` are those that its units of work write: made at start, in the log's database, where they are missing.
    """

    def __init__(self, name: str, *, tables: MetaData | None = None) -> None:
        if tables is not None and not hasattr(tables, "sorted_tables"):
            raise _misplaced("tables", tables, "MetaData, such as OrmBase.metadata")
        self.name, self.tables = name, tables
        self.decisions: dict[type, Decision] = {}
        self.commands: dict[type, Callable[..., Any]] = {}
        self.queries: dict[type, Callable[..., Any]] = {}
        self.caches: dict[type, Cached] = {}
        self.views: list[MaterialisedView[Any]] = []
        self.upcasters: list[Upcaster] = []
        self.gates: list[Gate] = []

    def decider(self, decider: D) -> D:
        """Register a decider for every command of its union."""
        if not isinstance(decider, Decider):
            raise _misplaced("decider", decider, "Decider(decide, evolve, initial=...)")
        refuse_blocking(decider.decide, "a decision")
        for decision in decisions_of_decider(decider):
            self._claim(decision.command, decision.function)
            self.decisions[decision.command] = decision
        return decider

    def aggregate(self, aggregate: A) -> A:
        """Register an aggregate for every command that its `@handles` methods name; usable as a decorator."""
        if not isinstance(aggregate, type):
            raise _misplaced("aggregate", aggregate, type(aggregate).__qualname__)
        self.decider(decider_of(aggregate))
        return aggregate

    def decides(self, **selections: Selection[Any]) -> Callable[[F], F]:
        """Register a decision over entities: each argument names the parameter that takes a decision model's state."""

        def register(function: F) -> F:
            refuse_blocking(function, "a decision")
            for decision in decisions_of_function(function, selections):
                self._claim(decision.command, function)
                self.decisions[decision.command] = decision
            return function

        return register

    def command(self, function: F) -> F:
        """Register a handler that may have effects; what it returns is the value of the result, or its failure.

        It may take a `Repository` or a `UnitOfWork`: what it records is saved when it returns. A key is answered from
        its record once that is written; sent again before then, it runs the handler again.
        """
        registered = handler_function(function)
        for command in commands_of(registered):
            self._claim(command, registered)
            self.commands[command] = registered
        return function

    @overload
    def query(self, function: F) -> F: ...
    @overload
    def query(self, *, cache: Cached) -> Callable[[F], F]: ...
    def query(self, function: F | None = None, *, cache: Cached | None = None) -> F | Callable[[F], F]:
        """Register a query handler; it changes nothing and answers None or an empty page when there is nothing.

        `@module.query(cache=Cached(ttl=300))` keeps its answers.
        """

        def register(function: F) -> F:
            for query in self._claim_queries(handler_function(function)):
                if cache is not None:
                    self.caches[query] = cache
            return function

        return register if function is None else register(function)

    def guards(self, function: F) -> F:
        """Register a guard: called before its messages are handled, it returns, or raises NotAllowed for who may not.

        The first parameter says which: messages, or Command[Any], Query[Any] or any other base for all of this module.
        What else it takes is injected, as into handlers. All guards of a message must return.
        """
        refuse_blocking(function, "a guard")
        self.gates.append(gate_of(function))
        return function

    def materialised(
        self,
        row: type[Any],
        *,
        key: str | tuple[str, ...],
        refresh: Refresh,
        name: str | None = None,
        indexes: Iterable[Any] = (),  # Any: what read_model takes
    ) -> Callable[[F], F]:
        """Register a view: the rows that the function's `select()` over `Rows[...]` returns, kept and refreshed whole.

        The name is that of the row type in snake case. Raises WiringError for what cannot be kept.
        """

        def register(function: F) -> F:
            self.views.append(view_of(function, row, key=key, refresh=refresh, name=name, indexes=indexes))
            return function

        return register

    @property
    def messages(self) -> tuple[type, ...]:
        """Return the commands and queries that it handles."""
        return (*self.decisions, *self.commands, *self.queries)

    @overload
    def upcasts(self, function: F, /) -> F: ...
    @overload
    def upcasts(self, name: str, /, *, version: int) -> Callable[[F], F]: ...
    def upcasts(self, given: Any, /, *, version: int = 1) -> Any:
        """Register what makes of events in an older form what they are today: `(old: PlacedV1) -> OrderPlaced`.

        It takes the old class, or by `@module.upcasts("order.placed", version=1)` the JSON object. It answers one
        event, several of them, in order (`tuple[A, B]`, `Iterator[A | B]`), or none (`A | None`, an empty answer). It
        is pure: every reader of the log calls it again. What it makes may be upcast further.
        """
        if callable(given):
            self.upcasters.extend(upcasters_of(given))
            return given

        def register(function: F) -> F:
            self.upcasters.append(upcaster_of_json(function, given, version))
            return function

        return register

    def handler_of(self, message: type) -> Callable[..., Any] | None:
        """Return the function registered for a command or query, or None."""
        decision = self.decisions.get(message)
        return decision.function if decision is not None else self.commands.get(message) or self.queries.get(message)

    def _claim_queries(self, function: Callable[..., Any]) -> tuple[type, ...]:
        parameters = parameters_of(function)
        classes = members_of(parameters[0].type) if parameters else ()
        if not classes or not all(is_query(cls) for cls in classes):
            raise WiringError(
                f"the first parameter of {function.__qualname__} is not a query",
                where=place_of(function),
                fix="write (query: YourQuery, ...), where YourQuery subclasses Query[its answer type]",
            )
        for query in classes:
            self._claim(query, function)
            self.queries[query] = function
        return classes

    def _claim(self, message: type, function: Callable[..., Any]) -> None:
        taken = self.handler_of(message)
        if taken is not None:
            raise WiringError(
                f"{message.__qualname__} has two handlers: {taken.__qualname__} ({place_of(taken)}) "
                f"and {function.__qualname__}",
                where=place_of(function),
                fix="remove one of them",
            )


def _misplaced(method: str, found: object, wanted: str) -> WiringError:
    return WiringError(
        f"{method} of a module was given {getattr(found, '__qualname__', None) or f'{found!r:.60}'}; it takes {wanted}",
        where=place_of(found),
        fix=f"pass {wanted}",
    )


def refuse_twice(parts: Iterable[object]) -> None:
    """Raise WiringError for a module that is among the parts of an application twice."""
    seen: list[Module] = []
    for module in (part for part in parts if isinstance(part, Module)):
        if any(module is each for each in seen):
            raise WiringError(f"module {module.name!r} is passed twice", fix="pass it once")
        seen.append(module)
