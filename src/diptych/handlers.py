"""Handlers: functions, or classes with a method `handle`, all registered as functions; and those that block."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MethodType
from typing import Annotated, Any, TypeVar, get_args, get_origin

from diptych.errors import WiringError
from diptych.model.fields import hints_of, place_of
from diptych.model.folds import Parameter, parameters_of
from diptych.threads import Threads

F = TypeVar("F", bound=Callable[..., Any])
Call = Callable[..., Any]
_BLOCKING, _HANDLING = "__diptych_blocking__", "__diptych_handling__"


def blocking(function: F) -> F:
    """Mark a handler of commands, queries or events that blocks: it is called in a thread, and the event loop goes on.

    It may take what is provided and Context, not what is awaited, such as Rows. The function stays as it is. Raises
    WiringError for an async one.
    """
    if inspect.iscoroutinefunction(function):
        raise WiringError(
            f"{function.__qualname__} is async and @blocking; what awaits needs no thread",
            where=place_of(function),
            fix="leave @blocking out; take `threads: Threads` and `await threads.run(...)` the one call that blocks",
        )
    setattr(function, _BLOCKING, True)
    return function


@dataclass(frozen=True, eq=False)
class Handling:
    """A handler as the function that is registered for it: what its class is made of, what `handle` takes beside."""

    cls: type | None
    call: Call
    making: tuple[Parameter, ...]
    taking: tuple[Parameter, ...]
    blocks: bool

    def made(self, values: Sequence[Any]) -> Call:
        """Return the `handle` of an instance made of these values."""
        cls: Any = self.cls
        handle: Call = cls(**{each.name: value for each, value in zip(self.making, values, strict=True)}).handle
        return _in_thread(handle) if self.blocks else handle

    def function(self) -> Call:
        """Return a function of the message, of what `handle` takes beside it, and of what the class is made of."""
        if self.cls is None:
            return _in_thread(self.call)
        count = len(self.taking)
        made = self.made
        if inspect.iscoroutinefunction(self.call) or self.blocks:

            async def awaited(message: Any, *values: Any) -> Any:
                own = values[count:-1] if self.blocks else values[count:]
                rest = (*values[:count], values[-1]) if self.blocks else values[:count]
                return await made(own)(message, *rest)

            return awaited
        return lambda message, *values: made(values[count:])(message, *values[:count])


def handler_function(handler: F) -> Call:
    """Return the function to register for a handler: itself, unless it is a class or `@blocking`.

    Raises WiringError for a class without `handle`, and for a `@blocking` handler that takes what must be awaited.
    """
    if not isinstance(handler, type):
        if not callable(handler):
            raise WiringError(
                f"a handler is a function or a class with a method handle, found {handler!r:.60}",
                where=place_of(handler),
                fix=f"register the class {type(handler).__qualname__}; what its constructor takes is injected",
            )
        return _registered(handler, (), parameters_of(handler), handler) if is_blocking(handler) else handler
    handle = inspect.getattr_static(handler, "handle", None)
    if not inspect.isfunction(handle):
        raise WiringError(
            f"class {handler.__qualname__} has no method handle",
            where=place_of(handler),
            fix="write async def handle(self, message: YourMessage, ...), or register a function",
        )
    bound = _known_types(handler)
    given = tuple(replace(each, type=bound.get(each.type, each.type)) for each in parameters_of(_method(handle)))
    if not given:
        raise WiringError(
            f"{handle.__qualname__} takes no message",
            where=place_of(handle),
            fix="write async def handle(self, message: YourMessage, ...)",
        )
    return _registered(handler, parameters_of(handler), given, handle)


def handling_of(function: Call) -> Handling | None:
    """Return the handling that a registered function stands for; None for a function that stands for itself."""
    found: Handling | None = getattr(function, _HANDLING, None)
    return found


def is_blocking(function: Any) -> bool:
    """Say whether a function is marked as `@blocking`."""
    return bool(getattr(function, _BLOCKING, False))


def refuse_blocking(function: Call, what: str) -> None:
    """Raise WiringError for a `@blocking` function where none can be."""
    if is_blocking(function):
        raise WiringError(
            f"{function.__qualname__} is {what} and @blocking",
            where=place_of(function),
            fix="leave @blocking out; do what blocks in a handler of a command, query or event, before or after it",
        )


def _registered(handler: Any, making: tuple[Parameter, ...], given: tuple[Parameter, ...], call: Call) -> Call:
    blocks = is_blocking(call) or is_blocking(handler)
    handling = Handling(handler if isinstance(handler, type) else None, call, making, given[1:], blocks)
    if blocks:
        _refuse_awaited(handler, (*given, *making))
    function: Any = handling.function()
    named = {each.name for each in given}
    own = tuple(replace(each, name=f"{each.name}_" if each.name in named else each.name) for each in making)
    threads = (Parameter("threads", Threads),) if blocks else ()
    parameters = (*given, *own, *threads)
    function.__signature__ = inspect.Signature([_signed(each, beside=at > 0) for at, each in enumerate(parameters)])
    function.__annotations__ = {each.name: _hint(each) for each in parameters}
    function.__annotations__["return"] = hints_of(call).get("return", Any)
    function.__name__, function.__qualname__ = handler.__name__, handler.__qualname__
    function.__module__, function.__doc__ = handler.__module__, handler.__doc__
    function.__wrapped__ = handler
    setattr(function, _HANDLING, handling)
    checked: Call = function
    return checked


def _refuse_awaited(handler: Any, parameters: Sequence[Parameter]) -> None:
    for each in parameters:
        origin = get_origin(each.type) or each.type
        ours = isinstance(origin, type) and origin.__module__.startswith("diptych.")
        if ours and any(inspect.iscoroutinefunction(method) for method in vars(origin).values()):
            raise WiringError(
                f"{handler.__qualname__} is @blocking and takes {each.name}: {origin.__name__}, which is awaited on "
                "the event loop",
                where=place_of(handler),
                fix="make it async, take `threads: Threads`, and `await threads.run(...)` the one call that blocks",
            )


def _in_thread(call: Call) -> Call:
    async def called(message: Any, *values: Any) -> Any:
        return await values[-1].run(call, message, *values[:-1])

    return called


def _known_types(cls: Any) -> Mapping[Any, Any]:
    """Return what the type variables of generic bases stand for: `class PlaceOrderHandler(Handler[PlaceOrder])`."""
    found: dict[Any, Any] = {}
    for ancestor in cls.__mro__:
        for base in getattr(ancestor, "__orig_bases__", ()):
            names = getattr(get_origin(base), "__parameters__", ())
            given = (found.get(each, each) for each in get_args(base))
            found.update((name, each) for name, each in zip(names, given, strict=False) if name != each)
    return found


def _method(handle: Any) -> Call:
    return MethodType(handle, object())


def _signed(parameter: Parameter, *, beside: bool) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY if beside else inspect.Parameter.POSITIONAL_OR_KEYWORD  # in any order
    return inspect.Parameter(parameter.name, kind, default=parameter.default)


def _hint(parameter: Parameter) -> Any:
    return Annotated[parameter.type, *parameter.marks] if parameter.marks else parameter.type
