"""The service layer: what can be done with orders, in the words of the domain.

It stands on two functions, one that sends and one that asks. In a program they speak for a principal (`service_of`);
behind an HTTP route they say what the headers of the request say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from uuid import UUID

from diptych import Application, Command, Page, Query, Result
from orders.commands import AddItem, CreateOrder, InvoiceOrder, PlaceOrder, SetShippingAddress, UpdateStatus
from orders.queries.customers import GetCustomerOrders, OrdersOfCustomer
from orders.queries.orders import GetOrder, SearchOrders
from orders.values import Address, Step
from orders.views.details import OrderDetail
from orders.views.summaries import OrderSummary

R = TypeVar("R")


class Send(Protocol):
    """Send a command on behalf of somebody."""

    async def __call__(self, command: Command[R], /) -> Result[R]:
        """Return the result: success, or the reason why not."""


class Ask(Protocol):
    """Ask a query on behalf of somebody."""

    async def __call__(self, query: Query[R], /) -> R:
        """Return the answer."""


class OrderService:
    """Do what is to be done with orders."""

    def __init__(self, send: Send, ask: Ask) -> None:
        self._send, self._ask = send, ask

    async def create(self, order: CreateOrder) -> Result[UUID]:
        """Begin an order as a draft; the value is its id."""
        return await self._send(order)

    async def add_item(self, order: UUID, product: UUID, quantity: int) -> Result[None]:
        """Add so many of a product to a draft."""
        return await self._send(AddItem(order, product, quantity))

    async def redirect(self, order: UUID, address: Address) -> Result[None]:
        """Send the order to another address."""
        return await self._send(SetShippingAddress(order, address))

    async def place(self, order: UUID) -> Result[None]:
        """Make the draft an order."""
        return await self._send(PlaceOrder(order))

    async def update_status(self, order: UUID, status: Step, reason: str | None = None) -> Result[None]:
        """Move the order on."""
        return await self._send(UpdateStatus(order, status, reason))

    async def invoice(self, order: UUID) -> Result[int]:
        """Give the order the next number of an invoice."""
        return await self._send(InvoiceOrder(order))

    async def get(self, order: UUID) -> OrderDetail | None:
        """Return an order in full, or None where there is none that the caller may see."""
        return await self._ask(GetOrder(order))

    async def find(self, wanted: SearchOrders | None = None) -> Page[OrderSummary]:
        """Return a page of the orders that match."""
        return await self._ask(wanted or SearchOrders())

    async def of_customer(self, customer: UUID) -> OrdersOfCustomer | None:
        """Return the customer's orders in sum, with the newest of them."""
        return await self._ask(GetCustomerOrders(customer))


@dataclass(frozen=True, slots=True)
class OnBehalf:
    """Send and ask on behalf of a principal.

    With a `key` the command takes effect once, however often it is sent. With `expected` nothing may have happened to
    what it is about after that position, else Conflict. Answers hold everything up to `after`.
    """

    application: Application
    principal: str | None
    key: str | None = None
    expected: int | None = None
    after: Result[Any] | int | None = None

    async def send(self, command: Command[R], /) -> Result[R]:
        """Send a command."""
        return await self.application.send(command, principal=self.principal, key=self.key, expected=self.expected)

    async def ask(self, query: Query[R], /) -> R:
        """Ask a query."""
        return await self.application.ask(query, principal=self.principal, after=self.after)


def service_of(
    application: Application,
    principal: str | None,
    *,
    key: str | None = None,
    expected: int | None = None,
    after: Result[Any] | int | None = None,
) -> OrderService:
    """Return the service as a program uses it; the arguments are those of OnBehalf."""
    caller = OnBehalf(application, principal, key, expected, after)
    return OrderService(caller.send, caller.ask)
