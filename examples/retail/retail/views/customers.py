"""Customers as shown: what they bought, brought back and owe."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from diptych import Indexed, Meta, Projection, change, computed
from retail.customers import BalanceChanged, CustomerRegistered
from retail.returns import ReturnAccepted
from retail.sales import SaleCancelled, SaleCompleted
from retail.values import ZERO, Money, average, earlier, later

clientele = Projection("clientele")


class CustomerView(msgspec.Struct, frozen=True):
    """A customer with balance and totals; a cancelled sale does not count, first and last are of sales ever made."""

    customer: str
    name: Annotated[str, Indexed()]
    credit_limit: Money
    registered: datetime
    balance: Money = ZERO
    sales: int = 0
    spent: Money = ZERO
    returns: int = 0
    refunded: Money = ZERO
    first_sale: datetime | None = None
    last_sale: datetime | None = None

    @computed
    def net(self) -> Annotated[Money, Indexed()]:
        """Return what was spent less what was refunded."""
        return self.spent - self.refunded

    @computed
    def average_sale(self) -> Money:
        """Return what a sale came to on average, with four places, halves to even."""
        return average(self.spent, self.sales)


customers = clientele.read_model(CustomerView, key="customer")


@customers.on
def registered(_: CustomerView | None, event: CustomerRegistered, meta: Meta) -> CustomerView:
    """Show a new customer."""
    return CustomerView(event.customer, event.name, event.credit_limit, meta.recorded_at)


@customers.on
def owed(row: CustomerView, event: BalanceChanged) -> CustomerView:
    """Show what the customer owes."""
    return change(row, balance=row.balance + event.delta)


@customers.on
def bought(row: CustomerView, event: SaleCompleted) -> CustomerView:
    """Count a sale."""
    return change(
        row,
        sales=row.sales + 1,
        spent=row.spent + event.total,
        first_sale=earlier(row.first_sale, event.sold_at),
        last_sale=later(row.last_sale, event.sold_at),
    )


@customers.on
def unbought(row: CustomerView, event: SaleCancelled) -> CustomerView:
    """Take back what a cancelled sale counted."""
    return change(row, sales=row.sales - 1, spent=row.spent - event.total)


@customers.on
def returned(row: CustomerView, event: ReturnAccepted) -> CustomerView:
    """Count a return."""
    return change(row, returns=row.returns + 1, refunded=row.refunded + event.total)
