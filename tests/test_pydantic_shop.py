"""An application whose commands, events, rows, queries and answers are pydantic models."""

from collections.abc import Generator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from uuid import UUID

import pydantic
import pytest

from diptych import (
    NEW,
    Accepted,
    Application,
    Cached,
    Command,
    Decider,
    Generated,
    Indexed,
    Invalid,
    Meta,
    Module,
    Page,
    Projection,
    Query,
    Refusal,
    Refused,
    Rows,
    Scale,
    Tag,
    WiringError,
    change,
    event,
)
from tests.models import Frozen

OrderId = Annotated[UUID, Tag("order")]
Money = Annotated[Decimal, Scale(2)]


class Line(Frozen):
    product: str
    quantity: int = pydantic.Field(gt=0)
    price: Money


@event("order.created")
class OrderCreated(Frozen):
    order: OrderId
    customer: str
    lines: tuple[Line, ...]


@event("order.closed")
class OrderClosed(Frozen):
    order: OrderId


class CreateOrder(Frozen, Command[UUID]):
    order: Annotated[OrderId, Generated] = NEW
    customer: Annotated[str, pydantic.StringConstraints(strip_whitespace=True, min_length=1)]
    lines: tuple[Line, ...]


class CloseOrder(Frozen, Command[None]):
    order: OrderId


class AlreadyClosed(Refusal):
    code = "already-closed"


class State(Frozen):
    created: bool = False
    closed: bool = False


def evolve(state: State, event: OrderCreated | OrderClosed) -> State:
    return change(state, created=True) if isinstance(event, OrderCreated) else change(state, closed=True)


def decide(command: CreateOrder | CloseOrder, state: State) -> Generator[OrderCreated | OrderClosed, None, UUID | None]:
    if state.closed:
        raise AlreadyClosed
    if isinstance(command, CreateOrder):
        yield OrderCreated(order=command.order, customer=command.customer, lines=command.lines)
        return command.order
    yield OrderClosed(order=command.order)
    return None


class OrderRow(Frozen):
    order: UUID
    customer: Annotated[str, Indexed]
    lines: tuple[Line, ...]
    total: Money
    at: datetime
    closed: bool = False

    @pydantic.computed_field  # type: ignore[prop-decorator]  # pydantic's own way
    @property
    def count(self) -> Annotated[int, Indexed]:
        return sum(line.quantity for line in self.lines)


class ListOrders(Frozen, Query[Page[OrderRow]]):
    customer: str
    limit: int = pydantic.Field(10, ge=1, le=100)


class Summary(Frozen):
    order: UUID
    total: Money
    at: datetime


class GetOrder(Frozen, Query[Summary | None]):
    order: UUID


def shop(url: str = "memory://", *, history: bool = False) -> Application:
    orders = Module("orders")
    orders.decider(Decider(decide, evolve, initial=State))
    listed = Projection("listed")
    rows = listed.read_model(OrderRow, key="order", history=history)

    @rows.on
    def created(row: OrderRow | None, event: OrderCreated, meta: Meta) -> OrderRow:
        total = sum((line.price * line.quantity for line in event.lines), Decimal(0))
        at = meta.recorded_at
        return OrderRow(order=event.order, customer=event.customer, lines=event.lines, total=total, at=at)

    @rows.on
    def closed(row: OrderRow, event: OrderClosed) -> OrderRow:
        return change(row, closed=True)

    @orders.query
    async def list_orders(query: ListOrders, rows: Rows[OrderRow]) -> Page[OrderRow]:
        return await rows.find(customer=query.customer, order="-count", limit=query.limit)

    @orders.query(cache=Cached(until_change=True))
    async def get_order(query: GetOrder, rows: Rows[OrderRow]) -> Summary | None:
        row = await rows.get(query.order)
        return None if row is None else Summary(order=row.order, total=row.total, at=row.at)

    return Application(orders, listed, events=url)


LINES = (Line(product="a", quantity=2, price=Decimal("1.50")), Line(product="b", quantity=1, price=Decimal(4)))


@pytest.fixture(params=["memory", "sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/shop.db"


async def test_models_go_the_whole_way(url: str) -> None:
    async with shop(url) as app:
        created = await app.send(CreateOrder(customer=" Ada ", lines=LINES), key="1")
        again = await app.send(CreateOrder(customer=" Ada ", lines=LINES), key="1")
        assert isinstance(created, Accepted)
        assert isinstance(again, Accepted)
        assert again.replayed
        assert again.value == created.value
        closed = await app.send(CloseOrder(order=created.value))
        late = await app.send(CloseOrder(order=created.value))

        page = await app.ask(ListOrders(customer="Ada"), after=closed)
        got = await app.ask(GetOrder(order=created.value), after=closed)

        assert isinstance(late, Refused)
        (row,) = page.items
        assert (row.total, row.count, row.closed, row.lines) == (Decimal("7.00"), 3, True, LINES)
        assert got == Summary(order=created.value, total=Decimal("7.00"), at=row.at)
        assert row.at.tzinfo is UTC
        assert not (await app.check("listed")).differences


async def test_wrong_values_are_invalid_results_with_their_paths() -> None:
    async with shop() as app:
        result = await app.receive(
            "CreateOrder", b'{"customer":"  ","lines":[{"product":"a","quantity":0,"price":"1.005"}]}'
        )

        assert isinstance(result, Invalid)
        assert result.errors == {
            "customer": ("string should have at least 1 character",),
            "lines[0].quantity": ("expected more than 0",),
            "lines[0].price": ("expected at most 2 decimal places, found 1.005",),
        }


async def test_a_projection_of_models_is_rebuilt_from_a_stored_log(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    async with shop(url, history=True) as app:
        sent = await app.send(CreateOrder(customer="Ada", lines=LINES))
        order = sent.unwrap()
        first = await app.ask(GetOrder(order=order), after=sent)

    async with shop(url, history=True) as app:
        assert await app.ask(GetOrder(order=order)) == first
        then = await app.ask(ListOrders(customer="Ada"), as_of=sent.position)
        assert [row.total for row in then.items] == [Decimal("7.00")]


def test_mutable_models_are_refused_where_dataclasses_are() -> None:
    class Loose(pydantic.BaseModel):
        order: UUID

    @event("order.loosened")
    class Loosened(pydantic.BaseModel):
        order: OrderId

    projection = Projection("loose")
    with pytest.raises(WiringError, match=r"rows of type .*Loose are mutable \(row: Loose is not frozen\)"):
        projection.read_model(Loose, key="order")

    strict = Projection("strict")
    kept = strict.read_model(Summary, key="order")

    @kept.on
    def loosened(row: Summary | None, event: Loosened) -> Summary:
        return Summary(order=event.order, total=Decimal(0), at=datetime.now(UTC))

    with pytest.raises(WiringError, match=r"Loosened are mutable \(event: Loosened is not frozen\)"):
        Application(Module("none"), strict)


class Leaking(Frozen):
    name: str
    password_hash: str = pydantic.Field("", exclude=True)


class WhoIs(Frozen, Query[Page[Leaking] | None]):
    name: str


def test_an_answer_that_could_not_be_shown_as_its_model_says_is_refused_at_start() -> None:
    module = Module("people")

    @module.query
    def who_is(query: WhoIs) -> Page[Leaking] | None:
        return None

    with pytest.raises(WiringError, match=r"Leaking.password_hash is excluded from JSON"):
        Application(module)


def test_a_change_of_a_model_is_judged_by_its_validators() -> None:
    line = LINES[0]

    assert change(line, quantity=5) == Line(product="a", quantity=5, price=Decimal("1.50"))
    with pytest.raises(ValueError, match="greater than 0"):
        change(line, quantity=0)
    with pytest.raises(TypeError, match="Line has no field 'colour'"):
        change(line, colour="red")
