"""A small application written strictly: the sketches of the design as a user types them."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import msgspec

from diptych import (
    NEW,
    Bounds,
    Command,
    Context,
    Decider,
    DecisionModel,
    Generated,
    Indexed,
    Meta,
    Missing,
    Module,
    NotBlank,
    Page,
    Projection,
    Query,
    Refusal,
    Rows,
    Scale,
    Tag,
    change,
    computed,
    event,
)

OrderId = Annotated[UUID, Tag("order")]
ProductCode = Annotated[str, Tag("product")]
Money = Annotated[Decimal, Scale(4, ge=0)]


@dataclass(frozen=True, slots=True)
class Line:
    product: Annotated[str, NotBlank]
    quantity: Annotated[int, Bounds(gt=0)]
    price: Money


@event("order.placed", version=1)
@dataclass(frozen=True, slots=True)
class OrderPlaced:
    order: OrderId
    lines: tuple[Line, ...]


@event("order.cancelled")
class OrderCancelled(msgspec.Struct, frozen=True):
    order: OrderId
    reason: str


@event("product.sold")
@dataclass(frozen=True, slots=True)
class ProductSold:
    product: ProductCode
    quantity: int


OrderEvent = OrderPlaced | OrderCancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder(Command[UUID]):
    order: Annotated[OrderId, Generated] = NEW
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class CancelOrder(Command[None]):
    order: OrderId
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Sell(Command[int]):
    lines: tuple[Line, ...]


class AlreadyPlaced(Refusal):
    """This order was placed before."""


@dataclass(frozen=True, slots=True)
class Order:
    placed: bool = False


def evolve(order: Order, event: OrderEvent) -> Order:
    match event:
        case OrderPlaced():
            return replace(order, placed=True)
        case OrderCancelled():
            return Order()


def decide(
    command: PlaceOrder | CancelOrder, order: Order, context: Context
) -> Generator[OrderEvent, None, UUID | None]:
    match command:
        case PlaceOrder():
            if order.placed:
                raise AlreadyPlaced(f"order {command.order} was placed", at=context.now.isoformat())
            yield OrderPlaced(command.order, command.lines)
            return command.order
        case CancelOrder():
            if not order.placed:
                raise Missing(f"there is no order {command.order}")
            yield OrderCancelled(command.order, command.reason)
            return None


orders = Module("orders")
decider = orders.decider(Decider(decide, evolve, initial=Order))


def sold(quantity: int, event: ProductSold) -> int:
    return quantity + event.quantity


def codes(sale: Sell) -> list[str]:
    return [line.product for line in sale.lines]


sales = Module("sales")
stock = DecisionModel(sold, initial=int, tag="product")
selection = stock.of(codes)


@sales.decides(products=selection)
def sell(command: Sell, products: Mapping[str, int]) -> Generator[ProductSold, None, int]:
    for line in command.lines:
        yield ProductSold(line.product, line.quantity)
    return sum(products.values())


@dataclass(frozen=True, slots=True)
class OrderView:
    order: UUID
    total: Annotated[Decimal, Scale(4), Indexed()]
    cancelled: bool = False
    changed_by: str | None = None

    @computed
    def is_large(self) -> Annotated[bool, Indexed()]:
        return self.total > 100


@dataclass(frozen=True, slots=True)
class LineView:
    product: str
    quantity: int


views = Projection("orders", version=2)
order_views = views.read_model(OrderView, key="order", history=True)
line_views = views.append_only(LineView)


@order_views.on
def placed(row: OrderView | None, event: OrderPlaced, meta: Meta) -> OrderView:
    total = sum((line.price * line.quantity for line in event.lines), Decimal(0))
    return OrderView(event.order, total, changed_by=meta.actor)


@order_views.on(key="order")
def cancelled(row: OrderView, event: OrderCancelled) -> OrderView:
    return change(row, cancelled=True)


@line_views.on
def lines_placed(event: OrderPlaced) -> Iterator[LineView]:
    return (LineView(line.product, line.quantity) for line in event.lines)


@dataclass(frozen=True, slots=True)
class GetOrder(Query[OrderView | None]):
    order: UUID


@dataclass(frozen=True, slots=True)
class FindOrders(Query[Page[OrderView]]):
    cancelled: bool = False


@orders.query
async def get_order(query: GetOrder, rows: Rows[OrderView]) -> OrderView | None:
    return await rows.get(query.order)


@orders.query
async def find_orders(query: FindOrders, rows: Rows[OrderView]) -> Page[OrderView]:
    return await rows.find(rows.table.c.total > 0, cancelled=query.cancelled, order=("-total",), limit=20)
