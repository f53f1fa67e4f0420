"""An application is called without async: the same names, answers and errors, from as many threads as there are."""

import asyncio
import contextvars
import inspect
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import traceback
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest

from diptych import (
    Accepted,
    Application,
    BlockingApplication,
    BlockingError,
    Command,
    Context,
    Decider,
    History,
    Module,
    Projection,
    Query,
    RebuildingError,
    Refusal,
    Refused,
    Rows,
    StoreError,
    Tag,
    Threads,
    UnknownMessageError,
    WiringError,
    blocking,
    event,
)
from diptych.application.blocking_history import BlockingHistory

Name = Annotated[str, Tag("counter")]


@event("counter.raised")
@dataclass(frozen=True)
class Raised:
    name: Name


@dataclass(frozen=True)
class Raise(Command[None]):
    name: Name


@dataclass(frozen=True)
class Who(Command[str]):
    pass


@dataclass(frozen=True)
class Break(Query[int]):
    pass


@dataclass(frozen=True)
class Count(Query[int]):
    name: str


@dataclass(frozen=True)
class Counter:
    name: str
    count: int


class TooMany(Refusal):
    """No counter goes beyond 1000."""


def evolve(count: int, event: Raised) -> int:
    return count + 1


def decide(command: Raise, count: int) -> Iterator[Raised]:
    if count >= 1000 or command.name == "full":
        raise TooMany
    yield Raised(command.name)


class Facade:
    """What a handler calls back, in tests of what happens then."""

    shop: BlockingApplication
    reached: threading.Event
    waiting: asyncio.Future[None]


asking: contextvars.ContextVar[str] = contextvars.ContextVar("asking", default="nobody")


def counters(facade: Facade | None = None, url: str = "memory://", **settings: Any) -> Application:
    module = Module("counters")
    module.decider(Decider(decide, evolve, initial=int))
    counted = Projection("counted")
    rows = counted.read_model(Counter, key="name", history=True)

    @rows.on
    def raised(row: Counter | None, event: Raised) -> Counter:
        return Counter(event.name, row.count + 1 if row else 1)

    @module.query
    async def count(query: Count, rows: Rows[Counter]) -> int:
        found = await rows.get(query.name)
        return found.count if found else 0

    @module.query
    async def break_(query: Break) -> int:
        return await asyncio.sleep(0, 1 // int(asking.get() == "somebody"))

    @module.command
    async def who(command: Who, context: Context, facade: Facade) -> str:
        return await answer_of(facade, context)

    provided = (facade or Facade(),)
    return Application(module, counted, events=url, provide=provided, **settings)


async def answer_of(facade: Facade, context: Context) -> str:
    match context.principal:
        case "itself":
            facade.shop.head()
        case "waiting":
            facade.waiting = asyncio.get_running_loop().create_future()
            facade.reached.set()
            await facade.waiting
    return f"{asking.get()} {context.principal}"


def test_the_same_names_answer_without_async() -> None:
    with counters().blocking() as shop:
        result = shop.send(Raise("a"), key="k")
        again = shop.send(Raise("a"), key="k")
        received = shop.receive("Raise", b'{"name":"a"}')

        assert isinstance(result, Accepted)
        assert again == result
        assert isinstance(shop.send(Raise("full")), Refused)
        assert shop.ask(Count("a"), after=received) == 2
        assert shop.ask(Count("a"), as_of=result.position) == 1
        assert shop.answer(Count("a")).position == shop.head() == 2
        assert shop.try_(Raise("a")).result.is_success
        record = shop.outcome(result.command_id)
        assert record is not None
        assert record.position == result.position
        shop.caught_up()
        shop.reacted()
        assert shop.check("counted").is_right
        assert shop.checkpoints()["counted"].position == 2
        assert shop.views() == {}
        assert shop.history.blame("counter", "a").position == 2
        assert len(shop.history.versions("counter", "a")) == 2
        assert shop.history.diff("counter", "a", 1, 2).key == ("a",)
        assert shop.history.cost("counter", "a").events == 0
        assert shop.history.position_of(2) == 2
        assert shop.history.model("counter") is shop.history.models["counter"]
        assert shop.history.key_of("counter", "a") == ("a",)
        assert shop.call(shop.application.store.head) == 2
        assert shop.trace(result.command_id).command is not None


def twins(of: type, waiting: type) -> dict[str, tuple[Any, Any]]:
    names = [name for name, each in vars(of).items() if inspect.iscoroutinefunction(each) and not name.startswith("_")]
    return {name: (vars(of)[name], vars(waiting).get(name)) for name in names}


@pytest.mark.parametrize(
    ("name", "awaited", "waited"),
    [
        (name, *pair)
        for of, waiting in ((Application, BlockingApplication), (History, BlockingHistory))
        for name, pair in twins(of, waiting).items()
    ],
)
def test_each_coroutine_method_has_a_twin_that_waits(name: str, awaited: Any, waited: Any) -> None:
    assert waited is not None, f"{name} is missing"
    assert inspect.signature(waited) == inspect.signature(awaited)


def test_many_threads_call_it_at_once() -> None:
    with counters().blocking() as shop, ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda number: shop.send(Raise(f"c{number % 5}")), range(200)))
        last = max(result.position or 0 for result in results)

        assert last == 200
        assert [shop.ask(Count(f"c{number}"), after=last) for number in range(5)] == [40] * 5


def test_the_context_of_the_caller_goes_along() -> None:
    with counters().blocking() as shop:
        asking.set("somebody")
        try:
            found = shop.send(Who(), principal="eve")
        finally:
            asking.set("nobody")

        assert found.unwrap() == "somebody eve"


def test_what_is_raised_is_that_of_the_application_with_the_place_of_both_sides() -> None:
    with counters().blocking() as shop:
        with pytest.raises(ZeroDivisionError) as caught:
            shop.ask(Break())
        shown = "".join(traceback.format_exception(caught.value))
        with pytest.raises(UnknownMessageError):
            shop.receive("Unheard", b"{}")
        with pytest.raises(RebuildingError):
            counting_of(shop)

    assert "break_" in shown
    assert "shop.ask(Break())" in shown


def counting_of(shop: BlockingApplication) -> None:
    follower = shop.application.configured(projections="follow")
    with follower.blocking() as late:
        late.ask(Count("a"), after=late.send(Raise("a")), wait=0.01)


def test_it_is_used_between_opening_and_closing_only() -> None:
    shop = counters().blocking()
    with pytest.raises(BlockingError, match="not open yet"):
        shop.head()
    with shop:
        assert shop.head() == 0
        with pytest.raises(BlockingError, match="open already"):
            shop.application.blocking().open()
    with pytest.raises(BlockingError, match="it is closed"):
        shop.head()
    shop.close()
    with pytest.raises(BlockingError, match="opened before"):
        shop.open()

    assert not any(each.name == "diptych-background" for each in threading.enumerate())


def test_of_threads_that_open_one_application_at_once_one_does(tmp_path: Path) -> None:
    app, together = counters(url=f"sqlite:///{tmp_path}/log.db"), threading.Barrier(8)

    def opened() -> BlockingApplication:
        shop = app.blocking()
        together.wait(10)
        return shop.open()

    with ThreadPoolExecutor(8) as threads:
        tries = [threads.submit(opened) for _ in range(8)]
        errors = [each.exception(timeout=10) for each in tries]
    (shop,) = [each.result() for each in tries if each.exception() is None]

    assert shop.send(Raise("a")).is_success
    shop.close()
    assert {type(error) for error in errors if error is not None} <= {BlockingError, StoreError}


async def test_an_application_is_not_entered_twice() -> None:
    app = counters()

    async with app:
        with pytest.raises(StoreError, match="open already"):
            async with app:
                pass
        assert (await app.send(Raise("a"))).is_success
    async with app:
        assert (await app.send(Raise("a"))).is_success


def test_an_application_is_opened_again_by_another_one(tmp_path: Path) -> None:
    app = counters(url=f"sqlite:///{tmp_path}/c.db")
    with app.blocking() as shop:
        shop.send(Raise("a"))

    with app.blocking() as again:
        assert again.ask(Count("a"), after=1) == 1


class Unopened:
    """A thing whose opening fails."""


async def unopened() -> AsyncIterator[Unopened]:
    raise ConnectionError("no such host")
    yield Unopened()


async def unclosed() -> AsyncIterator[Unopened]:
    yield Unopened()
    raise ConnectionError("lost on the way out")


@pytest.mark.parametrize(("factory", "words"), [(unopened, "no such host"), (unclosed, "lost on the way out")])
def test_what_opening_and_closing_raise_is_raised(factory: Any, words: str) -> None:
    def opened_and_closed() -> None:
        with Application(Module("none"), provide=[factory]).blocking() as shop:
            assert shop.head() == 0

    with pytest.raises(ConnectionError, match=words):
        opened_and_closed()

    assert not any(each.name == "diptych-background" for each in threading.enumerate())


def test_a_handler_that_would_wait_for_its_own_loop_is_told_so() -> None:
    facade = Facade()
    with counters(facade).blocking() as facade.shop, pytest.raises(BlockingError, match="the very event loop"):
        facade.shop.send(Who(), principal="itself")


@dataclass(frozen=True)
class Twice(Command[int]):
    name: str


@dataclass(frozen=True)
class Shout(Command[str]):
    name: str


def test_a_blocking_handler_may_call_back() -> None:
    module, facade = Module("more"), Facade()

    @module.command
    @blocking
    def twice(command: Twice, facade: Facade) -> int:
        facade.shop.send(Raise(command.name))
        return facade.shop.send(Raise(command.name)).position or 0

    module.decider(Decider(decide, evolve, initial=int))
    with Application(module, provide=[facade]).blocking() as facade.shop:
        assert facade.shop.send(Twice("a")).unwrap() == 2


def test_blocking_handlers_that_all_call_back_do_not_wait_for_each_others_threads() -> None:
    module, facade = Module("more"), Facade()
    all_are_here = threading.Barrier(2)

    @module.command
    @blocking
    def twice(command: Twice, facade: Facade) -> str:
        all_are_here.wait(10)
        return facade.shop.send(Shout(command.name)).unwrap()

    @module.command
    @blocking
    def shout(command: Shout) -> str:
        return command.name.upper()

    with (
        Application(module, provide=[facade, Threads(2)]).blocking() as facade.shop,
        ThreadPoolExecutor(2) as threads,
    ):
        answers = [threads.submit(facade.shop.send, Twice(name)) for name in ("ada", "bob")]

        assert [each.result(10).unwrap() for each in answers] == ["ADA", "BOB"]


async def test_it_works_where_another_event_loop_runs_and_holds_it() -> None:
    with counters().blocking() as shop:
        assert shop.send(Raise("a")).position == 1


def test_calls_that_have_begun_are_answered_before_it_closes() -> None:
    facade = Facade()
    facade.reached = threading.Event()
    with counters(facade).blocking() as shop, ThreadPoolExecutor(1) as thread:
        pending = thread.submit(shop.send, Who(), principal="waiting")
        assert facade.reached.wait(30)
        closing = threading.Thread(target=shop.close)
        closing.start()
        while not refused(shop):
            time.sleep(0)
        assert not pending.done()
        facade.waiting.get_loop().call_soon_threadsafe(facade.waiting.set_result, None)
        closing.join(30)

        assert pending.result(30).unwrap() == "nobody waiting"


def refused(shop: BlockingApplication) -> bool:
    try:
        shop.head()
    except BlockingError:
        return True
    return False


def test_an_interrupt_ends_the_call_and_closes_everything() -> None:
    facade = Facade()
    facade.reached = threading.Event()

    def interrupt() -> None:
        assert facade.reached.wait(30)
        os.kill(os.getpid(), signal.SIGINT)

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()

    def waiting() -> None:
        with counters(facade).blocking() as shop:
            shop.send(Who(), principal="waiting")

    with pytest.raises(KeyboardInterrupt):
        waiting()
    interrupting.join(30)

    assert not any(each.name == "diptych-background" for each in threading.enumerate())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_handler_that_ends_the_event_loop_leaves_nobody_waiting() -> None:
    module = Module("doors")

    @module.command
    async def leave(command: Who) -> str:
        sys.exit(3)

    shop = Application(module).blocking().open()
    with pytest.raises(SystemExit):
        shop.send(Who())
    with ThreadPoolExecutor(4) as threads:
        calls = [threads.submit(shop.head) for _ in range(40)]
        errors = [call.exception(timeout=10) for call in calls]
    with pytest.raises(SystemExit):
        shop.close()

    assert type(errors[-1]) is BlockingError
    assert "event loop has ended" in str(errors[-1])


def test_a_forked_process_is_told_to_open_its_own() -> None:
    script = """
        import os, sys
        from tests.application.test_blocking import counters
        from diptych import BlockingError
        shop = counters().blocking().open()
        child = os.fork()
        if child == 0:
            try:
                shop.head()
            except BlockingError as told:
                shop.close()
                os._exit(7 if "forked" in str(told) else 1)
            os._exit(2)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shop.head())
        shop.close()
    """

    assert run(script) == "7 0\n"


def test_a_script_that_never_closes_it_ends_all_the_same() -> None:
    script = """
        import atexit
        from tests.application.test_blocking import Raise, counters
        shop = counters().blocking().open()
        closed = counters().blocking().open()
        atexit.register(closed.close)
        print(shop.send(Raise("a")).position)
    """

    assert run(script) == "1\n"


def run(script: str) -> str:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(script)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_wiring_errors_come_before_anything_is_opened() -> None:
    module = Module("wrong")

    @module.command
    async def who(command: Who, facade: Facade) -> str: ...

    with pytest.raises(WiringError):
        Application(module).blocking()
