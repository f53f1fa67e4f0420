"""Handlers may be classes, made once or for every message, and may block in threads of the application's own."""

import asyncio
import contextvars
import re
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Protocol, TypeVar
from uuid import UUID

import pytest

from diptych import (
    Accepted,
    Aggregate,
    Application,
    Cached,
    Command,
    Context,
    Decider,
    Envelope,
    Forbidden,
    Module,
    NotFound,
    Projection,
    Query,
    Refused,
    Repository,
    Result,
    Rows,
    Subscriber,
    Tag,
    Threads,
    WiringError,
    blocking,
    event,
    evolves,
    per_message,
)
from diptych.model.fields import place_of


@dataclass(frozen=True)
class Greet(Command[Any]):
    name: str


@dataclass(frozen=True)
class Part(Command[str]):
    name: str


@dataclass(frozen=True)
class Ask(Query[str]):
    name: str


@dataclass
class Mailer:
    sent: list[str]


M = TypeVar("M", contravariant=True)
R = TypeVar("R", covariant=True)


class Handles(Protocol[M, R]):
    async def handle(self, message: M, /) -> R: ...


def app_of(module: Module, *provided: Any) -> Application:
    return Application(module, provide=provided)


async def test_a_class_is_made_once_of_what_lives_as_long_as_the_application() -> None:
    module, mailer = Module("greetings"), Mailer([])
    made: list[object] = []

    @module.command
    class GreetHandler(Handles[Greet, str]):
        def __init__(self, mailer: Mailer, *, greeting: str = "hello") -> None:
            made.append(self)
            self._mailer, self._greeting = mailer, greeting

        async def handle(self, command: Greet) -> str:
            self._mailer.sent.append(command.name)
            return f"{self._greeting} {command.name}"

    async with app_of(module, mailer) as app:
        first, second = await app.send(Greet("ada")), await app.send(Greet("bob"))

    assert (first.unwrap(), second.unwrap()) == ("hello ada", "hello bob")
    assert mailer.sent == ["ada", "bob"]
    assert len(made) == 1
    assert isinstance(GreetHandler(mailer), GreetHandler)


async def test_a_class_that_handles_several_messages_has_one_instance() -> None:
    module = Module("greetings")

    @module.command
    class Counting:
        def __init__(self) -> None:
            self.count = 0

        def handle(self, command: Greet | Part) -> str:
            self.count += 1
            return f"{type(command).__name__} {self.count}"

    async with app_of(module) as app:
        found = [(await app.send(each)).unwrap() for each in (Greet("a"), Part("b"), Greet("c"))]
    async with app_of(module) as other:
        anew = (await other.send(Greet("a"))).unwrap()

    assert found == ["Greet 1", "Part 2", "Greet 3"]
    assert anew == "Greet 1"


class Session:
    def __init__(self) -> None:
        self.closed = False


async def test_a_class_is_made_for_every_message_of_what_each_message_has_of_its_own() -> None:
    module = Module("greetings")
    seen: list[tuple[Session, UUID]] = []

    async def session() -> AsyncIterator[Session]:
        opened = Session()
        yield opened
        opened.closed = True

    @module.query
    class AskHandler:
        def __init__(self, session: Session, context: Context) -> None:
            self._session, self._context = session, context

        async def handle(self, query: Ask, session: Session) -> str:
            assert session is self._session
            assert not session.closed
            seen.append((session, self._context.command_id))
            return query.name

    async with app_of(module, per_message(session)) as app:
        assert await app.ask(Ask("a")) == "a"
        assert await app.ask(Ask("b")) == "b"

    (one, first), (two, second) = seen
    assert one is not two
    assert first != second
    assert one.closed
    assert two.closed


async def test_a_dataclass_is_a_handler_too_and_may_inherit_its_handle() -> None:
    module = Module("greetings")
    Message = TypeVar("Message")

    class Template(Generic[Message]):
        async def handle(self, message: Message) -> str:
            return self.say(message)

        def say(self, message: Message) -> str:
            raise NotImplementedError

    @module.command
    @dataclass(frozen=True)
    class GreetHandler(Template[Greet]):
        mailer: Mailer

        def say(self, message: Greet) -> str:
            return f"{message.name} {len(self.mailer.sent)}"

    async with app_of(module, Mailer(["x"])) as app:
        assert (await app.send(Greet("ada"))).unwrap() == "ada 1"


async def test_a_handler_may_return_its_failure() -> None:
    module = Module("greetings")

    @module.command
    class GreetHandler:
        async def handle(self, command: Greet) -> str | Refused | NotFound | Forbidden:
            match command.name:
                case "":
                    return NotFound("there is no such guest")
                case "eve":
                    return Refused("not-invited", "eve is not invited", {"name": "eve"})
            return command.name

    async with app_of(module) as app:
        kinds = [await app.send(Greet(name), key=name or "nobody") for name in ("", "eve", "ada")]
        again = await app.send(Greet("eve"), key="eve")

        assert kinds[:2] == [NotFound("there is no such guest"), again]
        assert isinstance(kinds[2], Accepted)
        assert not isinstance(again, Accepted)


@event("guest.came")
@dataclass(frozen=True)
class Came:
    name: str


@dataclass(frozen=True)
class Guest:
    name: str


GuestName = Annotated[str, Tag("guest")]


@event("guest.arrived")
@dataclass(frozen=True)
class Arrived:
    guest: GuestName


@dataclass(frozen=True)
class Arrive(Command[int]):
    guest: GuestName


class Visits(Aggregate[int], tag="guest"):
    def arrive(self, guest: str) -> int:
        self.record(Arrived(guest))
        return self.state

    @evolves
    def arrived(self, _event: Arrived) -> int:
        return self.state + 1


async def test_a_class_made_with_a_repository_is_made_for_every_message_and_saves_what_it_records() -> None:
    module, made = Module("visits"), []

    @module.command
    class ArriveHandler:
        def __init__(self, visits: Repository[Visits]) -> None:
            made.append(self)
            self._visits = visits

        async def handle(self, command: Arrive) -> int | Refused:
            found = await self._visits.find(command.guest) or Visits()
            visits = found.arrive(command.guest)
            if visits == 1:
                self._visits.add(found)
            return Refused("too-many", "twice is enough") if visits > 2 else visits

    async with app_of(module) as app:
        results = [await app.send(Arrive("ada")) for _ in range(4)]
        head = await app.head()

    assert [each.value for each in results] == [1, 2, None, None]
    assert [each.status for each in results[2:]] == ["refused", "refused"]
    assert (head, len(made)) == (2, 4)


async def test_a_query_class_reads_rows_that_it_was_made_with() -> None:
    guests = Projection("guests")
    rows = guests.read_model(Guest, key="name")

    @rows.on
    def came(row: Guest | None, event: Came) -> Guest:
        return Guest(event.name)

    module = Module("greetings")

    def come(command: Greet, state: None) -> Iterator[Came]:
        yield Came(command.name)

    @module.query(cache=Cached(until_change=True))
    class AskHandler:
        def __init__(self, guests: Rows[Guest]) -> None:
            self._guests = guests

        async def handle(self, query: Ask) -> str:
            return "here" if await self._guests.get(query.name) else "gone"

    application = Application(module, guests)

    assert application.queries == {"Ask": Ask}
    async with application as app:
        assert await app.ask(Ask("ada")) == "gone"


def wrong(register: Callable[[Module], object]) -> WiringError:
    module = Module("greetings")
    try:
        register(module)
        Application(module)
    except WiringError as error:
        return error
    raise AssertionError("it is taken")


def test_what_is_wrong_with_a_class_is_told_at_start_with_its_place() -> None:
    class Lonely:
        def __init__(self, mailer: Mailer) -> None: ...
        def handle(self, command: Greet) -> str: ...

    class Handless: ...

    class Untyped:
        def handle(self, command): ...

    class Empty:
        def handle(self) -> None: ...

    class Second:
        def handle(self, command: Greet) -> str: ...

    def twice(module: Module) -> None:
        module.command(Second)
        module.command(Lonely)

    found = {
        Lonely: (wrong(lambda module: module.command(Lonely)), "nobody provides mailer: Mailer of"),
        Handless: (wrong(lambda module: module.command(Handless)), "has no method handle"),
        Untyped.handle: (wrong(lambda module: module.command(Untyped)), "parameter 'command' of .* has no type hint"),
        Empty.handle: (wrong(lambda module: module.command(Empty)), "takes no message"),
        Second: (wrong(lambda module: module.query(Second)), "the first parameter of .*Second is not a query"),
        Lonely.handle: (wrong(twice), f"Greet has two handlers: .*Second \\({re.escape(place_of(Second))}\\)"),
    }

    for thing, (error, words) in found.items():
        assert re.search(words, str(error))
        if thing is not Lonely.handle:
            assert place_of(thing) in str(error)


asking: contextvars.ContextVar[str] = contextvars.ContextVar("asking")


async def test_a_blocking_handler_runs_in_a_thread_and_the_loop_goes_on() -> None:
    module, ended = Module("greetings"), threading.Event()
    begun, loop = asyncio.Event(), asyncio.get_running_loop()

    @module.command
    @blocking
    def greet(command: Greet, context: Context) -> str:
        loop.call_soon_threadsafe(begun.set)
        assert ended.wait(30)
        return f"{threading.current_thread().name[:16]} {asking.get()} {context.principal}"

    asking.set("from the caller")
    async with app_of(module) as app:
        sent = asyncio.create_task(app.send(Greet("ada"), principal="eve"))
        await begun.wait()
        assert not sent.done()
        ended.set()
        assert (await sent).unwrap() == "diptych-blocking from the caller eve"

    names = {thread.name for thread in threading.enumerate()}
    assert not any(name.startswith("diptych-blocking") for name in names)


async def test_classes_block_too_and_take_what_is_provided() -> None:
    module = Module("greetings")

    @module.query
    class AskHandler:
        def __init__(self, mailer: Mailer) -> None:
            self._mailer, self._thread = mailer, threading.get_ident()

        @blocking
        def handle(self, query: Ask) -> str:
            assert threading.get_ident() != self._thread
            return " ".join([*self._mailer.sent, query.name])

    @module.command
    class GreetHandler:
        def __init__(self, context: Context) -> None:
            self._principal = context.principal

        @blocking
        def handle(self, command: Greet, mailer: Mailer) -> str | Refused:
            mailer.sent.append(command.name)
            return f"{self._principal}: {command.name}" if self._principal else Refused("nobody", "who are you?")

    async with app_of(module, Mailer([])) as app:
        assert (await app.send(Greet("ada"), principal="eve")).unwrap() == "eve: ada"
        assert await app.send(Greet("bob")) == Refused("nobody", "who are you?")
        assert await app.ask(Ask("cyd")) == "ada bob cyd"


async def test_more_than_the_limit_of_blocking_handlers_wait_for_their_turn() -> None:
    module, threads, at_once = Module("greetings"), Threads(2), []
    lock, both = threading.Lock(), threading.Barrier(2)
    running = 0

    @module.command
    @blocking
    def greet(command: Greet) -> str:
        nonlocal running
        with lock:
            running += 1
            at_once.append(running)
        both.wait(30)
        with lock:
            running -= 1
        return command.name

    async with app_of(module, threads) as app:
        results = await asyncio.gather(*(app.send(Greet(str(number))) for number in range(6)))

    assert sorted(result.unwrap() for result in results) == list("012345")
    assert max(at_once) == 2


async def test_who_is_cancelled_waits_for_the_thread_before_anything_is_closed() -> None:
    module, threads = Module("greetings"), Threads(1)
    go_on, closed, found = threading.Event(), [], []
    begun, loop = asyncio.Event(), asyncio.get_running_loop()

    async def session() -> AsyncIterator[Session]:
        opened = Session()
        try:
            yield opened
        finally:
            opened.closed = True
            closed.append(opened)

    @module.command
    @blocking
    def greet(command: Greet, session: Session) -> str:
        loop.call_soon_threadsafe(begun.set)
        assert go_on.wait(30)
        found.append(session.closed)
        return command.name

    async with app_of(module, threads, per_message(session)) as app:
        sent = asyncio.create_task(app.send(Greet("ada")))
        await begun.wait()
        queued = asyncio.create_task(app.send(Greet("never begun")))
        await asyncio.sleep(0)
        for _ in range(3):
            sent.cancel()
            queued.cancel()
            await asyncio.sleep(0)
        assert closed == closed[:1]  # at most that of the one that never began
        assert not sent.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await sent
        with pytest.raises(asyncio.CancelledError):
            await queued
        after = await app.send(Greet("bob"))

        assert found == [False, False]
        assert after.unwrap() == "bob"
        assert len(closed) == 3


async def test_an_error_in_a_thread_is_that_of_the_caller() -> None:
    module = Module("greetings")

    @module.query
    @blocking
    def ask(query: Ask) -> str:
        return str(sqlite3.connect(":memory:").execute(query.name).fetchone())

    async with app_of(module) as app:
        with pytest.raises(sqlite3.OperationalError, match="syntax error"):
            await app.ask(Ask("no sql"))


async def test_a_thread_that_raises_stop_iteration_leaves_nobody_waiting() -> None:
    module = Module("greetings")

    @module.query
    @blocking
    def ask(query: Ask) -> str:
        return next(iter(()))

    async with app_of(module) as app, asyncio.timeout(10):
        with pytest.raises(RuntimeError, match="raised StopIteration"):
            await app.ask(Ask("nobody"))


async def test_a_subscriber_may_block_and_the_loop_goes_on() -> None:
    module, mail, loop = Module("greetings"), Subscriber("mail"), threading.get_ident()

    @module.decides()
    def come(command: Greet) -> Iterator[Came]:
        yield Came(command.name)

    @mail.on
    @blocking
    def welcome(event: Came, envelope: Envelope, mailer: Mailer) -> None:
        assert threading.get_ident() != loop
        mailer.sent.append(f"{envelope.position} {event.name}")

    mailer = Mailer([])
    async with Application(module, mail, provide=[mailer]) as app:
        await app.send(Greet("ada"))
        await app.reacted()

    assert mailer.sent == ["1 ada"]


def test_what_cannot_block_is_told_with_its_place() -> None:
    with pytest.raises(WiringError, match="is async and @blocking"):

        @blocking
        async def ask(query: Ask) -> str: ...

    module = Module("greetings")

    @blocking
    def rows(query: Ask, guests: Rows[Guest]) -> str: ...

    @blocking
    def decide(command: Greet, state: None) -> list[Came]: ...

    @blocking
    def guard(command: Greet) -> None: ...

    def evolve(state: None, event: Came) -> None: ...

    with pytest.raises(WiringError, match=r"@blocking and takes guests: Rows, which is awaited") as caught:
        module.query(rows)
    assert place_of(rows) in str(caught.value)
    with pytest.raises(WiringError, match="decide is a decision and @blocking"):
        module.decider(Decider(decide, evolve, initial=lambda: None, tag="guest"))
    with pytest.raises(WiringError, match="guard is a guard and @blocking"):
        module.guards(guard)


def test_results_are_what_they_were() -> None:
    def kept(found: Result[str]) -> Result[str]:
        return found

    assert kept(Refused("a", "b")) == Refused("a", "b")
