"""The service layer: what can be done with orders on behalf of somebody, in the words of the domain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from diptych import Application, Page, Result
from orders.commands import AddItem, CreateOrder, InvoiceOrder, Item, PlaceOrder, SetShippingAddress, UpdateStatus
from orders.queries.customers import GetCustomerOrders, OrdersOfCustomer
from orders.queries.orders import GetOrder, SearchOrders
from orders.values import Address, Payment, Step
from orders.views.details import OrderDetail
from orders.views.summaries import OrderSummary

V = TypeVar("V")
Promise = Result[Any] | int | None
"""What an answer must hold at least: the result of a command, a position, or nothing in particular."""


@dataclass(frozen=True, slots=True)
class Slice(Generic[V]):
    """Hold one page of a list, counted from 1."""

    items: tuple[V, ...]
    page: int
    size: int
    total: int

    @property
    def pages(self) -> int:
        """Return how many pages there are."""
        return -(-self.total // self.size)


class OrderService:
    """Send commands and ask queries about orders on behalf of a principal.

    `key` makes a command idempotent; `expected` is a position up to which the caller has seen the order: if anything
    happened to it after that, the answer is Conflict.
    """

    def __init__(self, application: Application, principal: str | None) -> None:
        self._application, self._principal = application, principal

    async def create(  # an order, in the order of its fields
        self,
        customer: UUID,
        items: Iterable[Item],
        shipping: Address,
        *,
        payment: Payment,
        billing: Address | None = None,
        key: str | None = None,
    ) -> Result[UUID]:
        """Begin an order as a draft; the value is its id."""
        command = CreateOrder(
            customer=customer, items=tuple(items), shipping=shipping, billing=billing, payment=payment
        )
        return await self._application.send(command, principal=self._principal, key=key)

    async def add_item(
        self, order: UUID, product: UUID, quantity: int, *, expected: int | None = None, key: str | None = None
    ) -> Result[None]:
        """Add so many of a product to a draft."""
        return await self._send(AddItem(order, product, quantity), expected, key)

    async def redirect(self, order: UUID, address: Address, *, expected: int | None = None) -> Result[None]:
        """Send the order to another address."""
        return await self._send(SetShippingAddress(order, address), expected)

    async def place(self, order: UUID, *, expected: int | None = None, key: str | None = None) -> Result[None]:
        """Make the draft an order."""
        return await self._send(PlaceOrder(order), expected, key)

    async def update_status(
        self, order: UUID, status: Step, reason: str | None = None, *, expected: int | None = None
    ) -> Result[None]:
        """Move the order on."""
        return await self._send(UpdateStatus(order, status, reason), expected)

    async def invoice(self, order: UUID) -> Result[int]:
        """Give the order the next number of an invoice."""
        return await self._application.send(InvoiceOrder(order), principal=self._principal)

    async def get(self, order: UUID, *, after: Promise = None) -> OrderDetail | None:
        """Return an order in full, or None where there is none that the principal may see."""
        return await self._application.ask(GetOrder(order), after=after, principal=self._principal)

    async def find(
        self, *, page: int = 1, size: int = 20, after: Promise = None, **wanted: Any
    ) -> Slice[OrderSummary]:  # Any: fields of SearchOrders
        """Return a page of the orders that match; the keywords are the fields of SearchOrders."""
        query = SearchOrders(**wanted, limit=size, offset=(page - 1) * size)
        found = await self._application.ask(query, after=after, principal=self._principal)
        return _slice(found, page)

    async def of_customer(self, customer: UUID, *, after: Promise = None) -> OrdersOfCustomer | None:
        """Return the customer's orders in sum, with the newest of them."""
        return await self._application.ask(GetCustomerOrders(customer), after=after, principal=self._principal)

    async def _send(self, command: Any, expected: int | None, key: str | None = None) -> Result[Any]:
        return await self._application.send(command, principal=self._principal, expected=expected, key=key)


def _slice(found: Page[V], page: int) -> Slice[V]:
    return Slice(found.items, page, found.limit, found.total)
