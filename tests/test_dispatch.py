"""A handler, what it asks for and its middleware become one callable."""

import inspect
from typing import Any
from uuid import UUID

import pytest

from diptych.dispatch import Handler, compile_handler, compose
from diptych.injection import Source
from diptych.model.meta import Context
from diptych.testing import NOON

CONTEXT = Context(NOON, UUID(int=1), "ann")


async def awaited(message: str, *values: Any) -> Any:
    return (message, *values)


def called(message: str, *values: Any) -> Any:
    return (message, *values)


@pytest.mark.parametrize("function", [awaited, called])
@pytest.mark.parametrize(
    ("sources", "values"),
    [
        ([], ()),
        ([Source(1), Source("two")], (1, "two")),
        ([Source(1), Source(from_context=lambda context: context.principal)], (1, "ann")),
    ],
)
async def test_a_handler_is_called_with_its_message_and_what_it_asks_for(
    function: Any, sources: list[Source], values: tuple[Any, ...]
) -> None:
    handler = compile_handler(function, sources)

    assert await handler("message", CONTEXT) == ("message", *values)


@pytest.mark.parametrize("function", [awaited, called])
async def test_what_a_message_needs_is_opened_when_it_is_handled(function: Any) -> None:
    opened = []

    async def open_it(scope: Any) -> str:
        opened.append(scope.context)
        return "session"

    handler = compile_handler(function, [Source(opened=open_it)])
    assert opened == []

    assert await handler("message", CONTEXT) == ("message", "session")
    assert opened == [CONTEXT]


async def test_a_handler_without_dependencies_costs_no_coroutine_of_its_own() -> None:
    waiting = compile_handler(awaited, [])("message", CONTEXT)

    assert inspect.iscoroutine(waiting)
    assert waiting.__name__ == "awaited"
    assert await waiting == ("message",)


async def test_what_a_handler_raises_comes_through() -> None:
    def failing(message: str) -> None:
        raise KeyError(message)

    with pytest.raises(KeyError, match="message"):
        await compile_handler(failing, [])("message", CONTEXT)


async def test_middleware_wraps_the_handler_the_first_one_outermost() -> None:
    seen = []

    def named(name: str) -> Any:
        def wrap(handler: Handler) -> Handler:
            async def call(message: Any, context: Context) -> Any:
                seen.append(name)
                return f"{name}({await handler(message, context)})"

            return call

        return wrap

    async def handle(message: str, context: Context) -> str:
        return message

    assert await compose(handle, [named("a"), named("b")])("x", CONTEXT) == "a(b(x))"
    assert seen == ["a", "b"]
    assert compose(handle, []) is handle
