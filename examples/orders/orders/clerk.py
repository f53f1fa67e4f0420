"""A clerk at the counter: what demo and tests do over and over, one line each, and never refused."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from diptych import Application, Result
from orders.commands import CreateOrder, Item, ListProduct, RegisterCustomer
from orders.service import OrderService, service_of
from orders.values import Address, Payment, Step

HOME: Final = Address("Ada Lovelace", "12 St James's Square", "London", "SW1Y 4JH", "GB")
WORK: Final = Address("Grace Hopper", "1 Navy Yard", "Arlington", "22202", "US")


class Clerk:
    """Work on behalf of the staff; `orders` is the service that does it. Raises UnwrapError when told no."""

    def __init__(self, application: Application, name: str = "staff") -> None:
        self.application, self.name = application, name
        self.orders = service_of(application, name)

    def seeing(self, result: Result[Any] | int | None) -> OrderService:
        """Return the service whose answers hold a result, or everything up to a position."""
        return service_of(self.application, self.name, after=result)

    def expecting(self, position: int | None) -> OrderService:
        """Return the service for somebody who has seen everything up to a position, and nothing after it."""
        return service_of(self.application, self.name, expected=position)

    def keyed(self, key: str) -> OrderService:
        """Return the service for a command that may be sent several times."""
        return service_of(self.application, self.name, key=key)

    def on_behalf_of(self, principal: object) -> OrderService:
        """Return the service as it serves somebody else."""
        return service_of(self.application, str(principal))

    async def customer(self, name: str, email: str | None = None) -> UUID:
        """Register a customer."""
        address = email or f"{name.lower().replace(' ', '.')}@example.org"
        result = await self.application.send(RegisterCustomer(name=name, email=address), principal=self.name)
        return result.unwrap()

    async def product(self, name: str, category: str, price: str) -> UUID:
        """List a product."""
        command = ListProduct(name=name, category=category, price=Decimal(price))
        return (await self.application.send(command, principal=self.name)).unwrap()

    async def draft(self, customer: UUID, items: Mapping[UUID, int], payment: Payment = "card") -> UUID:
        """Begin an order."""
        wanted = tuple(Item(product=product, quantity=quantity) for product, quantity in items.items())
        command = CreateOrder(customer=customer, items=wanted, shipping=HOME, payment=payment)
        return (await self.orders.create(command)).unwrap()

    async def placed(self, customer: UUID, items: Mapping[UUID, int], *steps: Step) -> UUID:
        """Place an order, and move it on."""
        order = await self.draft(customer, items)
        (await self.orders.place(order)).unwrap()
        for step in steps:
            (await self.orders.update_status(order, step)).unwrap()
        return order
