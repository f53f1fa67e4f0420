"""A trace tells a command's events, the rows that they changed, who reacts to them, and what they caused."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated
from uuid import UUID

import pytest

from diptych import (
    Application,
    Command,
    Context,
    Envelope,
    Module,
    Projection,
    Refusal,
    RowChange,
    Subscriber,
    Tag,
    Trace,
    UnknownCommandError,
    event,
)
from diptych.cli.tracing import sign
from diptych.codec import encode
from diptych.history.trace import Traces
from diptych.history.traced import ChangedRow, TracedEvent, told_trace

Order = Annotated[str, Tag("order")]
Bill = Annotated[str, Tag("bill")]


@event("order.placed")
@dataclass(frozen=True)
class Placed:
    order: Order
    city: str


@event("city.renamed")
@dataclass(frozen=True)
class Renamed:
    city: str
    to: str


@event("bill.sent")
@dataclass(frozen=True)
class Billed:
    order: Order
    bill: Bill


@dataclass(frozen=True)
class Place(Command[None]):
    orders: tuple[str, ...]
    city: str = "Lodz"


@dataclass(frozen=True)
class Rename(Command[None]):
    city: str
    to: str


@dataclass(frozen=True)
class SendBill(Command[None]):
    order: str


@dataclass(frozen=True)
class Ring(Command[None]):
    pass


class Unpayable(Refusal):
    pass


@dataclass(frozen=True)
class OrderView:
    order: str
    city: str
    billed: bool = False


@dataclass(frozen=True)
class CityView:
    city: str
    orders: int


@dataclass(frozen=True)
class Slip:
    order: str
    bill: str | None = None


@dataclass(frozen=True)
class Line:
    order: str


shop = Module("shop")


@shop.decides()
def place(command: Place) -> Iterator[Placed]:
    for order in command.orders:
        yield Placed(order, command.city)


@shop.decides()
def rename(command: Rename) -> Iterator[Renamed]:
    yield Renamed(command.city, command.to)


@shop.decides()
def bill(command: SendBill) -> Iterator[Billed]:
    if command.order == "free":
        raise Unpayable("it costs nothing")
    yield Billed(command.order, f"b-{command.order}")


def projection(*, history: bool) -> Projection:
    made = Projection("orders")
    orders = made.read_model(OrderView, key="order", history=history)
    cities = made.read_model(CityView, key="city")

    @orders.on
    def placed(row: OrderView | None, event: Placed) -> OrderView:
        return OrderView(event.order, event.city)

    @orders.on
    def billed(row: OrderView | None, event: Billed) -> OrderView | None:
        return None if row is None else replace(row, billed=True)

    @orders.where(city="city").on
    def renamed(row: OrderView, event: Renamed) -> OrderView:
        return replace(row, city=event.to)

    @cities.rollup(orders)
    def count(row: CityView | None, change: RowChange[OrderView]) -> CityView | None:
        city = (change.after or change.before).city  # type: ignore[union-attr]  # one of the two is there
        step = (change.after is not None) - (change.before is not None)
        total = (0 if row is None else row.orders) + step
        return CityView(city, total) if total else None

    return made


billing = Subscriber("billing")


class Office:
    """Where a subscriber finds the application that it sends commands to."""

    app: Application


@billing.on
async def bill_it(event: Placed, envelope: Envelope, office: Office) -> None:
    await office.app.send(
        SendBill(event.order),
        key=str(envelope.id),
        principal="billing",
        causation=envelope.id,
        correlation=envelope.correlation or envelope.command_id,
    )


@pytest.fixture(params=["history", "no history"])
async def app(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Application]:
    made = projection(history=request.param == "history")
    office = Office()
    async with Application(shop, made, billing, provide=[office], events=f"sqlite:///{tmp_path}/shop.db") as app:
        office.app = app
        yield app


async def settled(app: Application, command: Command[None], **how: object) -> UUID:
    result = await app.send(command, principal="ann", **how)  # type: ignore[arg-type]  # as they are given
    await app.reacted()
    await app.caught_up()
    await app.audit.written()
    assert result.is_success
    return result.command_id  # type: ignore[union-attr]  # it is a success


def rows(traced: TracedEvent) -> dict[tuple[str, str], dict[str, tuple[object, object]] | None]:
    return {(told.model, row.key[0]): fields(row) for told in traced.changes for row in told.rows}


def fields(row: ChangedRow) -> dict[str, tuple[object, object]] | None:
    return None if row.fields is None else {each.field: (each.before, each.after) for each in row.fields}


async def test_a_trace_goes_from_the_command_to_what_its_events_caused(app: Application) -> None:
    command = await settled(app, Place(("o1", "free")))

    trace = await app.trace(command)

    first, second = trace.events
    assert (trace.command.name, trace.command.outcome, trace.command.principal) == ("Place", "accepted", "ann")
    assert [(each.position, each.name) for each in trace.events] == [(1, "order.placed"), (2, "order.placed")]
    assert rows(first) == {
        ("order_view", "o1"): {"order": (None, "o1"), "city": (None, "Lodz"), "billed": (None, False)},
        ("city_view", "Lodz"): {"city": (None, "Lodz"), "orders": (None, 1)},
    }
    assert rows(second)["city_view", "Lodz"] == {"orders": (1, 2)}
    assert [(each.subscriber, each.standing) for each in first.subscribers] == [("billing", "passed")]
    (sent,) = first.caused
    assert (sent.command.name, sent.command.outcome, sent.command.correlation) == ("SendBill", "accepted", command)
    assert rows(sent.events[0]) == {("order_view", "o1"): {"billed": (False, True)}}
    (refused,) = second.caused
    assert (refused.command.outcome, refused.command.reason) == ("refused", "unpayable: it costs nothing")
    assert trace.whole


async def test_a_row_whose_empty_field_is_filled_is_changed_and_not_added() -> None:
    slips = Projection("slips")
    model = slips.read_model(Slip, key="order")

    @model.on
    def placed(row: Slip | None, event: Placed) -> Slip:
        return Slip(event.order)

    @model.on
    def billed(row: Slip, event: Billed) -> Slip:
        return replace(row, bill=event.bill)

    async with Application(shop, slips) as app:
        placing, billing = await settled(app, Place(("o1",))), await settled(app, SendBill("o1"))

        assert [changed(await app.trace(each)) for each in (placing, billing)] == [("+", True), ("~", False)]


def changed(trace: Trace) -> tuple[str, bool]:
    (row,) = trace.events[0].changes[0].rows
    return sign(row), told_trace(trace)["events"][0]["changes"][0]["rows"][0]["added"]


async def test_it_is_named_by_the_position_of_any_of_its_events(app: Application) -> None:
    command = await settled(app, Place(("o1", "o2")))

    assert await app.trace(1) == await app.trace(2) == await app.trace(command)
    assert (await app.trace(3)).command.name == "SendBill"


async def test_rows_that_a_fan_out_changed_are_told_and_whether_they_are_all(app: Application) -> None:
    await settled(app, Place(("o1", "o2")))
    command = await settled(app, Rename("Lodz", "Łódź"))

    (renamed,) = (await app.trace(command)).events

    told = {each.model: each for each in renamed.changes}
    assert rows(renamed)["order_view", "o1"] == rows(renamed)["order_view", "o2"] == {"city": ("Lodz", "Łódź")}
    assert told["order_view"].whole == app.history.model("order_view").history


async def test_what_was_changed_again_since_is_told_as_it_was_then(app: Application) -> None:
    command = await settled(app, Place(("o1",)))
    await settled(app, Place(("o1",), "Wien"))

    assert rows((await app.trace(command)).events[0])["order_view", "o1"] == {
        "order": (None, "o1"),
        "city": (None, "Lodz"),
        "billed": (None, False),
    }


async def test_a_command_without_events_is_told_alone(app: Application) -> None:
    await settled(app, Place(("o1",)))
    command = await settled(app, Place(()))

    trace = await app.trace(command)

    assert (trace.command.outcome, trace.events, trace.caused) == ("accepted", (), ())


async def test_a_command_that_was_not_accepted_is_told_with_its_reason(app: Application) -> None:
    await app.send(SendBill("free"), principal="ann")
    await app.audit.written()
    (sent,) = (await app.audit.page()).commands

    assert await app.trace(sent.command_id) == Trace(sent)


async def test_a_handler_without_state_is_told_with_what_it_sent_before_it_was_recorded(tmp_path: Path) -> None:
    bell, office = Module("bell"), Office()

    @bell.command
    async def ring(command: Ring, context: Context, office: Office) -> None:
        await office.app.send(SendBill("o9"), causation=context.command_id)

    async with Application(shop, bell, provide=[office], events=f"sqlite:///{tmp_path}/shop.db") as app:
        office.app = app
        result = await app.send(Ring())
        trace = await app.trace(result.command_id)  # type: ignore[union-attr]  # it is accepted

        assert (trace.command.name, trace.events) == ("Ring", ())
        assert [(each.command.name, each.events[0].position) for each in trace.caused] == [("SendBill", 1)]


async def test_nothing_known_is_an_error_that_says_so(app: Application) -> None:
    with pytest.raises(UnknownCommandError, match="nothing is known of command"):
        await app.trace(UUID(int=7))
    with pytest.raises(UnknownCommandError, match="the log ends at 0"):
        await app.trace(1)


async def test_a_projection_that_is_behind_is_told_to_be(tmp_path: Path) -> None:
    parts, url = (shop, projection(history=False)), f"sqlite:///{tmp_path}/shop.db"
    async with Application(*parts, events=url):
        pass
    async with Application(*parts, events=url, projections="follow") as app:
        await app.send(Place(("o1",)))
        (placed,) = (await app.trace(1)).events

    assert {(each.model, each.folded, each.rows) for each in placed.changes} == {
        ("order_view", False, ()),
        ("city_view", False, ()),
    }


async def test_append_only_rows_are_told() -> None:
    made = Projection("lines")
    lines = made.append_only(Line)

    @lines.on
    def placed(event: Placed) -> tuple[Line, Line]:
        return (Line(event.order), Line(event.order.upper()))

    async with Application(shop, made) as app:
        command = await settled(app, Place(("o1", "o2")))
        first, second = (await app.trace(command)).events

    assert [(row.key, fields(row)) for row in first.changes[0].rows] == [
        ((1, 0), {"order": (None, "o1")}),
        ((1, 1), {"order": (None, "O1")}),
    ]
    assert [row.key for row in second.changes[0].rows] == [(2, 0), (2, 1)]


@event("order.paid_and_packed")
@dataclass(frozen=True)
class PaidAndPacked:
    order: Order


@event("order.paid")
@dataclass(frozen=True)
class Paid:
    order: Order


@event("order.packed")
@dataclass(frozen=True)
class Packed:
    order: Order


@dataclass(frozen=True)
class Finish(Command[None]):
    order: str


async def test_what_any_event_of_a_split_one_caused_is_told(tmp_path: Path) -> None:
    log, before, now = f"sqlite:///{tmp_path}/shop.db", Module("before"), Module("now")
    office, billing = Office(), Subscriber("billing", since="beginning")

    @before.decides()
    def finish(command: Finish) -> Iterator[PaidAndPacked]:
        yield PaidAndPacked(command.order)

    @now.upcasts
    def split(old: PaidAndPacked) -> tuple[Paid, Packed]:
        return Paid(old.order), Packed(old.order)

    @billing.on
    async def told(event: Paid | Packed, envelope: Envelope, office: Office) -> None:
        await office.app.send(SendBill(type(event).__name__), causation=envelope.id)
        await office.app.send(SendBill("free"), causation=envelope.id)

    async with Application(before, events=log) as app:
        command = await settled(app, Finish("a"))
    async with Application(now, shop, billing, provide=[office], events=log) as app:
        office.app = app
        await app.reacted()
        await app.audit.written()
        (event,) = (await app.trace(command)).events

    assert sorted(caused.command.outcome for caused in event.caused) == ["accepted", "accepted", "refused", "refused"]


async def test_circles_of_causes_end(app: Application) -> None:
    first, second = UUID(int=1), UUID(int=2)
    await settled(app, SendBill("a"), causation=first)
    await settled(app, SendBill("b"), causation=second)
    one = await settled(app, SendBill("c"))
    two = await settled(app, SendBill("d"), causation=one)
    await settled(app, SendBill("e"), causation=two)

    trace = await app.trace(one)

    assert [each.command.position for each in trace.caused] == [4]
    assert [each.command.position for each in trace.caused[0].caused] == [5]


async def test_more_than_a_trace_tells_is_said_to_be_there(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diptych.history.trace.MOST", 5)
    root = await settled(app, SendBill("root"))
    for number in range(9):
        await app.send(SendBill(f"{number}"), causation=root)

    trace = await app.trace(root)

    assert (len(trace.caused), trace.whole) == (4, False)


async def test_of_an_import_only_the_first_events_are_told(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diptych.history.trace.MOST_EVENTS", 3)
    command = await settled(app, Place(tuple(f"o{number}" for number in range(7))))

    trace = await app.trace(command)

    assert ([each.position for each in trace.events], trace.whole) == ([1, 2, 3], False)


async def test_what_lies_too_far_behind_is_said_not_to_be_looked_at(app: Application) -> None:
    root = await settled(app, SendBill("root"))
    for number in range(20):
        await app.send(SendBill(f"{number}"))
    await app.send(SendBill("late"), causation=root)
    traces: Traces = app.traces

    near, far = await asyncio.gather(traces.trace(root, looked_at=10), traces.trace(root))

    assert (near.caused, near.whole) == ((), False)
    assert (len(far.caused), far.whole) == (1, True)


async def test_a_trace_can_be_written_as_json(app: Application) -> None:
    command = await settled(app, Place(("o1", "free")))

    written = encode(told_trace(await app.trace(command)))

    assert b'"reason":"unpayable: it costs nothing"' in written
    assert b'"subscribers":{"billing":"passed"}' in written
