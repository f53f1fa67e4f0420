"""What older releases stored, and what that is today: every reader of the log sees the events of `events.py` only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

import msgspec

from diptych import Module, event
from orders.events import ItemAdded, OrderCreated, StatusUpdated
from orders.values import Address, CustomerId, Money, OrderId, Payment


class LineV1(msgspec.Struct, frozen=True):
    """An item, when items came with their order and prices were per item."""

    product: UUID
    quantity: int
    price: Money


@event("order.created", version=1)
class OrderCreatedV1(msgspec.Struct, frozen=True):
    """A draft with all of its items, and one address for goods and bill."""

    order: OrderId
    customer: CustomerId
    address: Address
    lines: tuple[LineV1, ...]
    payment: Payment = "invoice"


upcasting = Module("upcasting")


@upcasting.upcasts
def split(old: OrderCreatedV1) -> Iterator[OrderCreated | ItemAdded]:
    """Make a draft, and an item of each line; all of them stand at the position of the one that was stored."""
    yield OrderCreated(old.order, old.customer, old.address, old.address, old.payment)
    for line in old.lines:
        yield ItemAdded(old.order, line.product, line.quantity, line.price)


@upcasting.upcasts("order.moved_on", version=1)
def renamed(old: Mapping[str, Any]) -> StatusUpdated:  # Any: JSON
    """Rename the event, and its note, which was empty where nobody gave a reason."""
    return StatusUpdated(UUID(old["order"]), old["from"], old["to"], old["note"] or None)
