"""Guards judge who may send a message and who may ask it, before anything is decided or answered."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from diptych import (
    Accepted,
    Application,
    Cached,
    Command,
    Context,
    Forbidden,
    Invalid,
    Missing,
    Module,
    NotAllowed,
    NotBlank,
    NotFound,
    Projection,
    Query,
    Rows,
    Tag,
    WiringError,
    event,
)
from diptych.testing import Scenario
from tests.web.shop import client_of

Order = Annotated[str, Tag("order")]


@event("order.placed")
@dataclass(frozen=True)
class Placed:
    order: Order
    customer: str


@dataclass(frozen=True)
class Place(Command[None]):
    order: Annotated[str, Tag("order"), NotBlank]


@dataclass(frozen=True)
class Ring(Command[str]):
    """A command whose handler has an effect of its own."""


@dataclass(frozen=True)
class OrderView:
    order: str
    customer: str


@dataclass(frozen=True)
class GetOrder(Query[OrderView | None]):
    order: str


@dataclass(frozen=True)
class CountOrders(Query[int]):
    pass


class Staff:
    """Who is employed, and how often that was asked."""

    def __init__(self, *names: str) -> None:
        self.names, self.asked = set(names), 0

    def has(self, name: str | None) -> bool:
        self.asked += 1
        return name in self.names


class Shop:
    """A shop of its own for each test, with guards as the test wants them."""

    def __init__(self) -> None:
        self.rung: list[str] = []
        self.loaded = 0
        self.module = Module("shop")
        self.projection = Projection("orders")
        views = self.projection.read_model(OrderView, key="order")

        @views.on
        def placed(row: OrderView | None, event: Placed) -> OrderView:
            return OrderView(event.order, event.customer)

        @self.module.decides()
        def place(command: Place, context: Context) -> Iterator[Placed]:
            yield Placed(command.order, context.principal or "")

        @self.module.command
        async def ring(command: Ring, context: Context) -> str:
            self.rung.append(context.principal or "")
            return "rung"

        @self.module.query(cache=Cached(until_change=True))
        async def get(query: GetOrder, orders: Rows[OrderView]) -> OrderView | None:
            self.loaded += 1
            return await orders.get(query.order)

        @self.module.query
        async def count(query: CountOrders, orders: Rows[OrderView]) -> int:
            return len((await orders.find()).items)

    def application(self, *more: Module, **settings: Any) -> Application:
        return Application(self.module, self.projection, *more, **settings)


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def staffed(shop: Shop) -> Shop:
    @shop.module.guards
    def staff_only(message: Place | Ring | GetOrder, context: Context, staff: Staff) -> None:
        if not staff.has(context.principal):
            raise NotAllowed("only staff may do this")

    return shop


async def test_a_command_of_who_may_not_is_forbidden_and_nothing_happens(staffed: Shop) -> None:
    async with staffed.application(provide=[Staff("ann")]) as app:
        results = [await app.send(command, principal="eve") for command in (Place("o1"), Ring())]
        allowed = [await app.send(command, principal="ann") for command in (Place("o1"), Ring())]

        assert results == [Forbidden("only staff may do this")] * 2
        assert [each.is_success for each in allowed] == [True, True]
        assert (await app.head(), staffed.rung) == (1, ["ann"])


async def test_the_shape_is_judged_before_the_guard(staffed: Shop) -> None:
    staff = Staff()
    async with staffed.application(provide=[staff]) as app:
        assert isinstance(await app.send(Place(" "), principal="eve"), Invalid)
        assert staff.asked == 0


async def test_a_dry_run_is_guarded_alike(staffed: Shop) -> None:
    async with staffed.application(provide=[Staff("ann")]) as app:
        assert (await app.try_(Place("o1"), principal="eve")).result == Forbidden("only staff may do this")
        assert (await app.try_(Place("o1"), principal="ann")).result.is_success


async def test_a_query_of_who_may_not_raises_and_is_not_answered_from_the_cache(staffed: Shop) -> None:
    async with staffed.application(provide=[Staff("ann")]) as app:
        placed = await app.send(Place("o1"), principal="ann")
        for _ in range(2):
            assert await app.ask(GetOrder("o1"), after=placed, principal="ann") == OrderView("o1", "ann")
        for as_of in (None, 1, 0):
            with pytest.raises(NotAllowed, match="only staff"):
                await app.ask(GetOrder("o1"), principal="eve", as_of=as_of)

        assert staffed.loaded == 1


async def test_over_http_both_are_403_of_one_type(staffed: Shop) -> None:
    async with client_of(staffed.application(provide=[Staff("ann")])) as client:
        eve = {"x-diptych-user": "eve"}
        answers = [
            await client.post("/commands/Place", json={"order": "o1"}, headers=eve),
            await client.post("/commands/Place?dry_run=true", json={"order": "o1"}, headers=eve),
            await client.get("/queries/GetOrder?order=o1", headers=eve),
            await client.get("/queries/GetOrder?order=o1&as_of=0", headers=eve),
        ]

        assert [(each.status_code, each.json()["type"]) for each in answers] == [(403, "/problems/forbidden")] * 4
        assert {each.json()["detail"] for each in answers} == {"only staff may do this"}


async def test_all_guards_of_a_message_must_let_it_pass_in_their_order(shop: Shop) -> None:
    asked: list[str] = []

    @shop.module.guards
    def first(message: Place, context: Context) -> None:
        asked.append("first")
        if context.principal == "eve":
            raise NotAllowed("first")

    @shop.module.guards
    async def second(message: Command[Any]) -> None:
        asked.append("second")
        if isinstance(message, Place):
            raise NotAllowed("second")

    async with shop.application() as app:
        assert await app.send(Place("o1"), principal="eve") == Forbidden("first")
        assert await app.send(Place("o1"), principal="ann") == Forbidden("second")
        assert (await app.send(Ring())).is_success
        assert asked == ["first", "first", "second", "second"]


@pytest.mark.parametrize("wide", [Any, object, Command[Any] | Query[Any]])
async def test_a_wide_type_stands_for_every_message_of_the_module(shop: Shop, wide: Any) -> None:
    def nobody(message: object) -> None:
        raise NotAllowed("closed")

    nobody.__annotations__["message"] = wide
    shop.module.guards(nobody)
    async with shop.application(unguarded="refuse") as app:
        assert [await app.send(each) for each in (Place("o1"), Ring())] == [Forbidden("closed")] * 2
        with pytest.raises(NotAllowed):
            await app.ask(CountOrders())


async def test_a_wide_type_leaves_other_modules_alone(shop: Shop) -> None:
    other = Module("other")

    @dataclass(frozen=True)
    class Other(Command[None]):
        pass

    @other.command
    def handle(command: Other) -> None: ...

    @other.guards
    def nobody(message: Command[Any]) -> None:
        raise NotAllowed("closed")

    async with shop.application(other) as app:
        assert (await app.send(Ring())).is_success
        assert await app.send(Other()) == Forbidden("closed")


async def test_a_module_of_guards_alone_guards_the_messages_that_it_names(shop: Shop) -> None:
    security = Module("security")

    @security.guards
    def nobody(message: Ring) -> None:
        raise NotAllowed("closed")

    async with shop.application(security) as app:
        assert await app.send(Ring()) == Forbidden("closed")


async def test_a_guard_may_hide_that_something_is_there(shop: Shop) -> None:
    @shop.module.guards
    def hide(message: Place | GetOrder) -> None:
        raise Missing("no such order")

    async with shop.application() as app:
        assert await app.send(Place("o1")) == NotFound("no such order")
        with pytest.raises(Missing):
            await app.ask(GetOrder("o1"))


async def test_a_guard_of_queries_sees_rows_of_now_also_for_a_question_about_the_past(shop: Shop) -> None:
    @shop.module.guards
    async def own(message: GetOrder, context: Context, orders: Rows[OrderView]) -> None:
        found = await orders.get(message.order)
        if found is None or found.customer != context.principal:
            raise NotAllowed("somebody else's")

    async with shop.application() as app:
        placed = await app.send(Place("o1"), principal="ann")

        assert await app.ask(GetOrder("o1"), principal="ann", after=placed) == OrderView("o1", "ann")
        assert await app.ask(GetOrder("o1"), principal="ann", as_of=0) is None
        with pytest.raises(NotAllowed):
            await app.ask(GetOrder("o1"), principal="eve")


async def test_a_retry_of_what_was_accepted_is_answered_though_the_right_is_gone(staffed: Shop) -> None:
    staff = Staff("ann")
    async with staffed.application(provide=[staff]) as app:
        first = await app.send(Place("o1"), key="k", principal="ann")
        staff.names.clear()
        again = await app.send(Place("o1"), key="k", principal="ann")
        other = await app.send(Place("o1"), key="other", principal="ann")

        assert (again, isinstance(again, Accepted) and again.replayed) == (first, True)
        assert isinstance(other, Forbidden)


async def test_a_guard_that_answers_lets_nobody_in(shop: Shop) -> None:
    def unsure(message: Ring):  # type: ignore[no-untyped-def]
        return False

    shop.module.guards(unsure)
    async with shop.application() as app:
        with pytest.raises(TypeError, match="raise NotAllowed"):
            await app.send(Ring())
        assert shop.rung == []


async def test_a_bug_in_a_guard_lets_nobody_in(shop: Shop) -> None:
    @shop.module.guards
    def broken(message: Ring) -> None:
        raise ZeroDivisionError

    async with shop.application() as app:
        with pytest.raises(ZeroDivisionError):
            await app.send(Ring())
        assert shop.rung == []


def test_a_guard_that_returns_something_is_refused_at_once(shop: Shop) -> None:
    with pytest.raises(WiringError, match="returns something"):

        @shop.module.guards
        def yes(message: Ring) -> bool:
            return True


def test_a_guard_without_a_message_is_refused_at_once(shop: Shop) -> None:
    with pytest.raises(WiringError, match="does not say which messages"):

        @shop.module.guards
        def vague() -> None: ...


def test_a_guard_of_what_the_application_has_not_is_refused_at_start() -> None:
    lonely = Module("lonely")

    @lonely.guards
    def staff(message: Ring) -> None: ...

    with pytest.raises(WiringError, match=r"guard \S*staff guards Ring, and no message of the application is one"):
        Application(lonely)


def test_what_nobody_provides_is_refused_at_start(staffed: Shop) -> None:
    with pytest.raises(WiringError, match="nobody provides staff"):
        staffed.application()


def test_a_guard_of_a_command_takes_no_rows(shop: Shop) -> None:
    @shop.module.guards
    async def by_rows(message: Ring | GetOrder, orders: Rows[OrderView]) -> None: ...

    with pytest.raises(WiringError, match=r"takes orders: Rows\[OrderView\]"):
        shop.application()


def test_an_application_may_refuse_messages_without_a_guard(staffed: Shop) -> None:
    with pytest.raises(WiringError, match="no guard is asked about CountOrders") as caught:
        staffed.application(provide=[Staff()], unguarded="refuse")

    assert "@module.guards" in caught.value.fix


def test_an_application_configured_anew_keeps_what_it_was_told(staffed: Shop) -> None:
    @staffed.module.guards
    def anybody(message: CountOrders) -> None: ...

    guarded = staffed.application(provide=[Staff()], unguarded="refuse", audit=None).configured(mode="dev")
    staffed.module.gates.pop()

    with pytest.raises(WiringError, match="no guard is asked about CountOrders"):
        guarded.configured(mode="production")


def test_another_word_than_allow_or_refuse_is_refused(shop: Shop) -> None:
    with pytest.raises(WiringError, match="unguarded of the application is 'deny'"):
        shop.application(unguarded="deny")


def test_a_scenario_asks_the_guards_too(staffed: Shop) -> None:
    spec = Scenario(staffed.module, provide=[Staff("ann")])

    assert spec.given().when(Place("o1"), principal="ann").result.is_success
    assert spec.given().when(Place("o1"), principal="eve").result == Forbidden("only staff may do this", 0)
