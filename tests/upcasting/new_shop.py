"""The shop of old_shop.py two years later: events renamed, split, extended and dropped; it reads the log as it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, Any

from diptych import (
    Application,
    Command,
    Decider,
    Meta,
    Module,
    Projection,
    Query,
    Refusal,
    RowChange,
    Rows,
    Scale,
    Subscriber,
    Tag,
    event,
)

Order = Annotated[str, Tag("order")]
Product = Annotated[str, Tag("product")]
Money = Annotated[Decimal, Scale(2)]


@event("order.placed", version=1)
@dataclass(frozen=True, slots=True)
class PlacedV1:
    order: Order
    buyer: str
    total: Money


@event("order.placed", version=2)
@dataclass(frozen=True, slots=True)
class PlacedV2:
    order: Order
    customer: str
    total: Money


@event("order.submitted")
@dataclass(frozen=True, slots=True)
class OrderSubmitted:
    order: Order
    customer: str
    total: Money
    channel: str


@event("payment.taken")
@dataclass(frozen=True, slots=True)
class PaymentTaken:
    order: Order
    amount: Money
    method: str


@event("order.confirmed", version=2)
@dataclass(frozen=True, slots=True)
class OrderConfirmed:
    order: Order


@event("order.noted", version=2)
@dataclass(frozen=True, slots=True)
class OrderNoted:
    order: Order
    text: str


@event("stock.moved", version=2, since=1)
@dataclass(frozen=True, slots=True)
class StockMoved:
    product: Product
    by: int
    reason: str = "sale"


shop = Module("shop")


@shop.upcasts
def name_the_customer(old: PlacedV1) -> PlacedV2:
    return PlacedV2(old.order, old.buyer.title(), old.total)


@shop.upcasts
def submit(old: PlacedV2) -> OrderSubmitted:
    return OrderSubmitted(old.order, old.customer, old.total, channel="web")


@shop.upcasts("order.confirmed", version=1)
def split(old: Mapping[str, Any]) -> tuple[PaymentTaken, OrderConfirmed]:
    return PaymentTaken(old["order"], Decimal(old["paid"]), old["method"]), OrderConfirmed(old["order"])


@shop.upcasts("order.noted", version=1)
def drop_what_is_empty(old: Mapping[str, Any]) -> OrderNoted | None:
    return OrderNoted(old["order"], old["text"]) if old["text"] else None


@shop.upcasts("cart.viewed", version=1)
def forget(old: Mapping[str, Any]) -> tuple[()]:
    return ()


@dataclass(frozen=True, slots=True)
class Submit(Command[None]):
    order: Order
    customer: str
    total: Money


@dataclass(frozen=True, slots=True)
class Pay(Command[None]):
    order: Order
    amount: Money
    method: str


@dataclass(frozen=True, slots=True)
class Ship(Command[None]):
    order: Order


@dataclass(frozen=True, slots=True)
class Move(Command[None]):
    product: Product
    by: int


@dataclass(frozen=True, slots=True)
class State:
    due: Decimal | None = None
    paid: Decimal = Decimal(0)


@event("order.shipped")
@dataclass(frozen=True, slots=True)
class OrderShipped:
    order: Order


class Unpaid(Refusal):
    pass


Sold = OrderSubmitted | PaymentTaken | OrderShipped


def decide(command: Submit | Pay | Ship, state: State) -> Iterator[Sold]:
    match command:
        case Submit():
            if state.due is not None:
                raise Refusal("submitted before")
            yield OrderSubmitted(command.order, command.customer, command.total, "web")
        case Pay():
            yield PaymentTaken(command.order, command.amount, command.method)
        case Ship():
            if state.due is None or state.paid < state.due:
                raise Unpaid(f"{state.paid} of {state.due} is paid")
            yield OrderShipped(command.order)


def evolve(state: State, event: Sold) -> State:
    match event:
        case OrderSubmitted():
            return replace(state, due=event.total)
        case PaymentTaken():
            return replace(state, paid=state.paid + event.amount)
        case OrderShipped():
            return state


def decide_move(command: Move, stock: int) -> Iterator[StockMoved]:
    if stock + command.by < 0:
        raise Refusal(f"only {stock} there")
    yield StockMoved(command.product, command.by, "sale")


def evolve_stock(stock: int, event: StockMoved) -> int:
    return stock + event.by


shop.decider(Decider(decide, evolve, initial=State))
shop.decider(Decider(decide_move, evolve_stock, initial=int))


@dataclass(frozen=True, slots=True)
class OrderView:
    order: str
    customer: str
    total: Money
    paid: Money = Decimal("0.00")
    status: str = "submitted"


@dataclass(frozen=True, slots=True)
class LedgerLine:
    order: str
    text: str
    part: int


@dataclass(frozen=True, slots=True)
class StatusCount:
    status: str
    orders: int


@dataclass(frozen=True, slots=True)
class StockView:
    product: str
    stock: int
    last_reason: str


views = Projection("views", version=2)
orders = views.read_model(OrderView, key="order")
ledger = views.append_only(LedgerLine)
statuses = views.read_model(StatusCount, key="status")
stocks = views.read_model(StockView, key="product", history=True)


@orders.on
def submitted(row: OrderView | None, event: OrderSubmitted) -> OrderView:
    return OrderView(event.order, event.customer, event.total)


@orders.on
def paid(row: OrderView, event: PaymentTaken) -> OrderView:
    return replace(row, paid=row.paid + event.amount, status="paid")


@orders.on
def confirmed(row: OrderView, event: OrderConfirmed) -> OrderView:
    return replace(row, status=f"{row.status} and confirmed")


@ledger.on
def booked(event: OrderSubmitted | PaymentTaken | OrderConfirmed | OrderNoted, meta: Meta) -> LedgerLine:
    text = event.text if isinstance(event, OrderNoted) else type(event).__name__
    return LedgerLine(event.order, text, meta.index)


@statuses.rollup(orders)
def counted(row: StatusCount | None, change: RowChange[OrderView]) -> StatusCount | None:
    view = change.after or change.before
    assert view is not None
    count = (row.orders if row else 0) + (change.after is not None) - (change.before is not None)
    return StatusCount(view.status, count)


@stocks.on
def moved(row: StockView | None, event: StockMoved) -> StockView:
    return StockView(event.product, (row.stock if row else 0) + event.by, event.reason)


@dataclass(frozen=True, slots=True)
class GetOrder(Query[OrderView | None]):
    order: str


@shop.query
async def get_order(query: GetOrder, rows: Rows[OrderView]) -> OrderView | None:
    return await rows.get(query.order)


def application(*more: Subscriber, events: str = "memory://", **settings: Any) -> Application:
    return Application(shop, views, *more, events=events, **settings)


app = application(events="sqlite:///shop.db")
