"""Handlers get what they ask for by type; what nobody provides is found at start."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, NewType, Protocol, Self
from uuid import UUID

import pytest

from diptych.dispatch import compile_handler, sources_of
from diptych.errors import WiringError
from diptych.injection import Injector, Source, per_message, refuse_rows
from diptych.model.folds import Parameter
from diptych.model.meta import Context
from diptych.read.rows import Rows
from diptych.testing import NOON

CONTEXT = Context(NOON, UUID(int=1), "ann")


class Mailer(Protocol):
    def send(self) -> str: ...


class Fake(Mailer):
    def send(self) -> str:
        return "sent"


Street = NewType("Street", str)


@dataclass
class Settings:
    name: str = "shop"


class Service:
    def __init__(self, settings: Settings, *rest: Any, level: int = 3) -> None:
        self.settings, self.level, self.rest = settings, level, rest


class Resource:
    def __init__(self) -> None:
        self.open = False

    async def __aenter__(self) -> Self:
        self.open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self.open = False


@dataclass(eq=False)
class Session:
    number: int
    closed: bool = False


@dataclass
class Repository:
    session: Session


class Sessions:
    """Open numbered sessions and remember them."""

    def __init__(self) -> None:
        self.made: list[Session] = []

    async def session(self, context: Context) -> AsyncIterator[Session]:
        assert context.principal == "ann"
        made = Session(len(self.made))
        self.made.append(made)
        yield made
        made.closed = True


async def answer_of(function: Any, *provided: Any) -> Any:
    injector = Injector(provided)
    async with AsyncExitStack() as stack:
        sources = sources_of(function, injector)
        await injector.open(stack)
        return await compile_handler(function, sources)("message", CONTEXT)


async def test_a_handler_may_take_only_its_message() -> None:
    async def handle(message: str) -> str:
        return message

    def handle_now(message: str) -> str:
        return message

    assert await answer_of(handle) == await answer_of(handle_now) == "message"


async def test_values_are_injected_by_their_type() -> None:
    async def handle(message: str, settings: Settings, number: int) -> tuple[str, str, int]:
        return message, settings.name, number

    assert await answer_of(handle, Settings("x"), 7) == ("message", "x", 7)


async def test_the_last_value_of_a_type_is_the_one() -> None:
    def handle(message: str, number: int) -> int:
        return number

    assert await answer_of(handle, 7, 8) == 8


async def test_a_value_is_found_by_the_class_that_it_derives_from_when_it_is_the_only_one() -> None:
    def handle(message: str, mailer: Mailer) -> str:
        return mailer.send()

    class Other(Fake): ...

    assert await answer_of(handle, Fake()) == "sent"
    with pytest.raises(WiringError, match="nobody provides mailer: Mailer"):
        await answer_of(handle, Fake(), Other())


async def test_a_built_in_type_is_never_meant_by_a_class_that_derives_from_it() -> None:
    class Name(str):
        __slots__ = ()

    def handle(message: str, name: str) -> str:
        return name

    with pytest.raises(WiringError, match="nobody provides name: str"):
        await answer_of(handle, Name("x"))


async def test_the_context_is_injected() -> None:
    def now(message: str, context: Context) -> Any:
        return context.principal

    async def later(message: str, context: Context, number: int) -> Any:
        return context.now, number

    assert await answer_of(now) == "ann"
    assert await answer_of(later, 7) == (NOON, 7)


async def test_a_default_stands_in_for_what_nobody_provides() -> None:
    def handle(message: str, number: int = 5) -> int:
        return number

    assert (await answer_of(handle), await answer_of(handle, 7)) == (5, 7)


async def test_a_class_is_a_factory_by_its_constructor() -> None:
    def handle(message: str, service: Service) -> Any:
        return service.settings.name, service.level

    assert await answer_of(handle, Settings("x"), Service) == ("x", 3)


async def test_factories_of_the_application_are_called_once_and_closed_with_it() -> None:
    events = []

    async def resource() -> AsyncIterator[Settings]:
        events.append("opened")
        yield Settings("made")
        events.append("closed")

    @contextlib.asynccontextmanager
    async def number() -> AsyncIterator[int]:
        yield 7

    async def text(number: int) -> str:
        return f"text {number}"

    def handle(message: str, settings: Settings, text: str, opened: Resource) -> Any:
        return settings.name, text, opened.open

    injector = Injector([resource, number, text, Resource])
    async with AsyncExitStack() as stack:
        await injector.open(stack)
        call = compile_handler(handle, sources_of(handle, injector))
        answers = {await call("message", CONTEXT) for _ in range(3)}

    assert answers == {("made", "text 7", True)}
    assert events == ["opened", "closed"]


async def test_factories_of_a_message_are_called_for_each_and_closed_after_it() -> None:
    sessions = Sessions()

    async def handle(message: str, session: Session) -> Session:
        assert not session.closed
        return session

    first = await answer_of(handle, per_message(sessions.session))
    second = await answer_of(handle, per_message(sessions.session))

    assert (first.number, second.number) == (0, 1)
    assert first.closed
    assert second.closed


async def test_everything_in_one_message_shares_what_was_opened_for_it() -> None:
    sessions = Sessions()

    def handle(message: str, repository: Repository, session: Session, settings: Settings) -> bool:
        return repository.session is session

    assert await answer_of(handle, per_message(sessions.session), per_message(Repository), Settings())
    assert len(sessions.made) == 1


async def test_what_was_opened_for_a_message_is_closed_when_its_handler_fails() -> None:
    resource = Resource()

    def opened() -> Resource:
        return resource

    async def handle(message: str, resource: Resource) -> None:
        assert resource.open
        raise KeyError

    with pytest.raises(KeyError):
        await answer_of(handle, per_message(opened))
    assert not resource.open


def test_what_nobody_provides_is_named_with_its_place() -> None:
    def handle(message: str, settings: Settings, numbers: list[int]) -> None: ...

    with pytest.raises(WiringError) as caught:
        sources_of(handle, Injector([Settings()]))

    assert str(caught.value).splitlines() == [
        f"nobody provides numbers: list[int] of {handle.__qualname__}",
        f"  at   {__file__}:{handle.__code__.co_firstlineno}",
        "  fix  pass one to the application: Application(..., provide=[...]); provided now: Context, Settings",
    ]


@pytest.mark.parametrize("lifetime", [lambda factory: factory, per_message])
def test_a_factory_that_asks_for_what_nobody_provides_is_found_at_start(lifetime: Any) -> None:
    def text(number: int) -> str:
        return f"text {number}"

    with pytest.raises(WiringError, match="nobody provides number: int"):
        Injector([lifetime(text)])


def test_a_factory_that_comes_before_what_it_takes_is_found_at_start() -> None:
    def number() -> int:
        return 7

    def text(number: int) -> str:
        return f"text {number}"

    Injector([number, text])
    with pytest.raises(
        WiringError, match=r"takes number: int, made only after it\n.*\n  fix  provide what it takes before"
    ):
        Injector([text, number])


def test_a_factory_of_the_application_takes_nothing_that_a_message_has() -> None:
    def text(context: Context) -> str:
        return str(context.principal)

    with pytest.raises(WiringError, match=r"made for each message\n.*\n  fix  write per_message"):
        Injector([text])


def test_a_factory_says_what_it_provides() -> None:
    def made():
        return 7

    with pytest.raises(WiringError, match=r"does not say what it provides"):
        Injector([made])


def test_a_resolver_provides_by_more_than_the_type() -> None:
    def resolve(parameter: Parameter, function: Any) -> Source | None:
        return Source(value=parameter.name) if parameter.type == list[int] else None

    def handle(message: str, numbers: list[int], settings: Settings) -> None: ...

    injector = Injector([Settings("x")]).resolving(resolve)

    assert [source.value for source in sources_of(handle, injector)] == ["numbers", Settings("x")]


def test_a_command_handler_takes_no_rows() -> None:
    def handle(message: str, rows: Rows[Settings]) -> None: ...

    with pytest.raises(WiringError, match=r"command handler .*handle takes rows: Rows\[Settings\]"):
        sources_of(handle, Injector([], [refuse_rows]))


async def test_a_new_type_is_injected_by_its_own_name() -> None:
    def street() -> Street:
        return Street("Main Street")

    async def tell(message: int, where: Street) -> str:
        return f"{message} {where}"

    injector = Injector([street])
    async with AsyncExitStack() as stack:
        await injector.open(stack)
        handler = compile_handler(tell, sources_of(tell, injector))

        assert await handler(7, CONTEXT) == "7 Main Street"
