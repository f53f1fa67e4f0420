"""Upcasters keep their types: the decorators return what they are given."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, assert_type

from diptych import Module, Tag, event

OrderId = Annotated[str, Tag("order")]


@event("order.placed", version=1)
@dataclass(frozen=True, slots=True)
class PlacedV1:
    order: OrderId


@event("order.placed", version=3, since=2)
@dataclass(frozen=True, slots=True)
class OrderPlaced:
    order: OrderId
    channel: str = "web"


@event("order.noted")
@dataclass(frozen=True, slots=True)
class OrderNoted:
    order: OrderId


orders = Module("orders")


@orders.upcasts
def to_current(old: PlacedV1) -> OrderPlaced:
    return OrderPlaced(old.order)


@orders.upcasts("order.taken", version=1)
def split(old: Mapping[str, Any]) -> Iterator[OrderPlaced | OrderNoted]:
    yield OrderPlaced(old["order"])
    yield OrderNoted(old["order"])


@orders.upcasts("order.viewed", version=1)
def forget(old: Mapping[str, Any]) -> tuple[()]:
    return ()


made: Callable[[PlacedV1], OrderPlaced] = to_current
assert_type(to_current(PlacedV1("a1")), OrderPlaced)
assert_type(split({"order": "a1"}), Iterator[OrderPlaced | OrderNoted])
