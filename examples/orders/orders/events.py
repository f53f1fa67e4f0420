"""What can have happened. Both write models record these events, and nothing else."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from diptych import event
from orders.values import Address, CustomerId, EmailAddress, Money, OrderId, Payment, ProductId, Status


@event("customer.registered")
class CustomerRegistered(msgspec.Struct, frozen=True, gc=False):
    """A customer was registered."""

    customer: CustomerId
    name: str
    email: EmailAddress


@event("product.listed")
class ProductListed(msgspec.Struct, frozen=True, gc=False):
    """A product can be ordered from now on."""

    product: ProductId
    name: str
    category: str
    price: Money


@event("order.created", version=2)
class OrderCreated(msgspec.Struct, frozen=True):
    """A draft of an order was begun."""

    order: OrderId
    customer: CustomerId
    shipping: Address
    billing: Address
    payment: Payment


@event("order.item_added")
class ItemAdded(msgspec.Struct, frozen=True, gc=False):
    """So many of a product were added to a draft, at the price of that moment."""

    order: OrderId
    product: ProductId
    quantity: int
    price: Money

    @property
    def amount(self) -> Decimal:
        """Return what the item comes to."""
        return self.quantity * self.price


@event("order.shipping_address_set")
class ShippingAddressSet(msgspec.Struct, frozen=True):
    """The order goes elsewhere."""

    order: OrderId
    address: Address


@event("order.placed")
class OrderPlaced(msgspec.Struct, frozen=True, gc=False):
    """The draft became an order; it counts from now on."""

    order: OrderId
    customer: CustomerId
    items: int
    total: Money


@event("order.status_updated")
class StatusUpdated(msgspec.Struct, frozen=True, gc=False):
    """The order went on; who did it, and when, stands in the event's metadata."""

    order: OrderId
    before: Status
    status: Status
    reason: str | None = None


@event("order.invoiced")
class OrderInvoiced(msgspec.Struct, frozen=True, gc=False):
    """The order got an invoice; numbers have no gaps."""

    order: OrderId
    number: int


OrderEvent = OrderCreated | ItemAdded | ShippingAddressSet | OrderPlaced | StatusUpdated | OrderInvoiced
