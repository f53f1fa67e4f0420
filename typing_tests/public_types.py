"""What a reader of an application's code may rely on, pinned."""

from collections.abc import Callable, Generator, Mapping
from decimal import Decimal
from typing import Any, assert_never, assert_type
from uuid import UUID

import sqlalchemy as sa

from diptych import (
    Accepted,
    Answer,
    Application,
    Conflict,
    Context,
    Decider,
    Envelope,
    Every,
    FoldStop,
    Forbidden,
    Invalid,
    Meta,
    NotFound,
    Page,
    Query,
    ReadModel,
    Refreshed,
    Refused,
    Result,
    RowDiff,
    Rows,
    Subscriber,
    Trial,
    TriedEvent,
    ViewStanding,
    computed,
)
from diptych.testing import FixedClock, Outcome, Scenario, SequentialIds
from typing_tests.shop import (
    CancelOrder,
    FindOrders,
    GetOrder,
    LineView,
    Order,
    OrderCancelled,
    OrderEvent,
    OrderPlaced,
    OrderView,
    PlaceOrder,
    ProductSold,
    Sell,
    cancelled,
    decide,
    decider,
    find_orders,
    get_order,
    line_views,
    order_views,
    orders,
    placed,
    sell,
    views,
)

ORDER = UUID(int=1)
app = Application(orders, views, events="sqlite:///shop.db", clock=FixedClock(), ids=SequentialIds())


async def a_command_answers_with_a_result_of_its_type() -> None:
    assert_type(await app.send(PlaceOrder(lines=())), Result[UUID])
    assert_type(await app.send(CancelOrder(ORDER)), Result[None])
    assert_type(await app.send(Sell(()), key="k", principal="ann"), Result[int])
    assert_type(await app.receive("PlaceOrder", b"{}"), Result[Any])


async def a_command_that_is_tried_answers_with_a_trial_of_its_type() -> None:
    trial = await app.try_(PlaceOrder(lines=()), key="k", principal="ann", expected=7)

    assert_type(trial, Trial[UUID])
    assert_type(trial.result, Result[UUID])
    assert_type(trial.events, tuple[TriedEvent, ...])
    assert_type(trial.changes, tuple[RowDiff, ...])
    assert_type(trial.stops, tuple[FoldStop, ...])


async def a_query_answers_with_its_type() -> None:
    result = await app.send(PlaceOrder(lines=()))

    assert_type(await app.ask(GetOrder(ORDER), after=result), OrderView | None)
    assert_type(await app.ask(FindOrders(), after=7), Page[OrderView])
    assert_type(await app.answer(FindOrders()), Answer)
    assert_type([row.total for row in await app.ask(FindOrders())], list[Decimal])


async def messages_of_the_wrong_kind_are_refused() -> None:
    await app.send(GetOrder(ORDER))  # type: ignore[arg-type]  # a query is asked
    await app.ask(CancelOrder(ORDER))  # type: ignore[arg-type]  # a command is sent
    await app.send(OrderCancelled(ORDER, ""))  # type: ignore[arg-type]  # an event is neither


async def a_result_has_one_face_whatever_it_is() -> None:
    result = await app.send(PlaceOrder(lines=()))

    assert_type(result.value, UUID | None)
    assert_type(result.unwrap(), UUID)
    assert_type(result.position, int | None)
    assert_type(result.error, str | None)
    assert_type(result.errors, Mapping[str, tuple[str, ...]])
    assert_type(result.is_success, bool)


async def a_result_narrows_by_is_success() -> None:
    result = await app.send(PlaceOrder(lines=()))

    if result.is_success:
        assert_type(result, Accepted[UUID])
        assert_type(result.value, UUID)
        assert_type(result.position, int)
    else:
        assert_type(result.error, str)
        assert_type(result.value, None)
    if result.is_failure:
        assert_type(result, Invalid | Refused | NotFound | Conflict | Forbidden)


async def a_result_narrows_by_status_and_by_class() -> None:
    result = await app.send(PlaceOrder(lines=()))

    if result.status == "invalid":
        assert_type(result, Invalid)
    if isinstance(result, Accepted):
        assert_type(result.value, UUID)


def a_match_over_a_result_is_exhaustive(result: Result[UUID]) -> str:
    match result:
        case Accepted(value=value, position=position):
            assert_type(value, UUID)
            assert_type(position, int)
            return str(value)
        case Invalid(errors=errors):
            return ", ".join(errors)
        case Refused(code=code, error=error):
            return f"{code}: {error}"
        case NotFound() | Forbidden() | Conflict():
            return result.error
        case _:
            assert_never(result)


def decorators_return_the_function_unchanged() -> None:
    assert_type(decider, Decider[Order])
    assert_type(placed(None, OrderPlaced(ORDER, ()), Meta(1, FixedClock().now())), OrderView)
    assert_type(cancelled(OrderView(ORDER, Decimal(0)), OrderCancelled(ORDER, "")), OrderView)
    assert_type(sell(Sell(()), {}), Generator[ProductSold, None, int])
    named: Callable[[Sell, Mapping[str, int]], object] = sell
    context = Context(FixedClock().now(), ORDER)
    assert_type(decide(CancelOrder(ORDER), Order(), context), Generator[OrderEvent, None, UUID | None])
    assert named is sell


mail = Subscriber("mail", since="beginning", backoff=(1, 60))


@mail.on
async def mailed(event: OrderPlaced | OrderCancelled, envelope: Envelope) -> int:
    return envelope.position


@mail.on("order.placed", "order.cancelled")
def indexed(event: Mapping[str, Any]) -> str:
    return str(event["order"])


async def a_subscribers_handlers_stay_what_they_are(envelope: Envelope) -> None:
    assert_type(await mailed(OrderCancelled(ORDER, ""), envelope), int)
    assert_type(indexed({"order": "1"}), str)
    assert_type(envelope.id, UUID)
    assert_type(envelope.command_id, UUID | None)
    Application(orders, mail, subscribers="inline")
    Application(orders, mail, subscribers="sometimes")  # type: ignore[arg-type]  # run, inline or off
    Subscriber("mail", since="yesterday")  # type: ignore[arg-type]  # now or beginning


async def handlers_stay_callable(rows: Rows[OrderView]) -> None:
    assert_type(await get_order(GetOrder(ORDER), rows), OrderView | None)
    assert_type(await find_orders(FindOrders(), rows), Page[OrderView])


async def rows_are_of_their_type(rows: Rows[OrderView]) -> None:
    assert_type(await rows.get(ORDER), OrderView | None)
    assert_type(await rows.many([ORDER]), dict[Any, OrderView])
    assert_type(await rows.find(cancelled=True), Page[OrderView])
    assert_type((await rows.find()).items, tuple[OrderView, ...])
    assert_type(await rows.count(), int)


def read_models_are_of_their_type() -> None:
    assert_type(order_views, ReadModel[OrderView])
    assert_type(line_views, ReadModel[LineView])
    assert_type(OrderView(ORDER, Decimal(0)).is_large, bool)
    assert_type(OrderView.is_large, computed[bool])


def a_specification_keeps_types() -> None:
    spec = Scenario(orders, views)

    assert_type(spec.given().when(CancelOrder(ORDER)), Outcome)
    assert_type(spec.given().row(OrderView, ORDER), OrderView | None)
    assert_type(spec.given().row(order_views, ORDER), OrderView | None)
    assert_type(spec.rows().ask(GetOrder(ORDER)), OrderView | None)


class GetNumber(Query[int]):
    """A query need not be a dataclass to have an answer."""


async def an_application_opens_as_itself() -> None:
    async with Application(orders) as opened:
        assert_type(opened, Application)
        assert_type(await opened.ask(GetNumber()), int)


def order_totals(rows: Rows[OrderView]) -> sa.Select[Any]:
    return sa.select(rows.table.c.total)


async def a_view_leaves_its_function_as_it_is(rows: Rows[OrderView]) -> None:
    declared = orders.materialised(OrderView, key="order", refresh=Every(minutes=5), name="totals")(order_totals)
    assert_type(declared(rows), sa.Select[Any])
    assert_type(await app.refresh("totals"), Refreshed)
    assert_type(await app.views(), Mapping[str, ViewStanding])
