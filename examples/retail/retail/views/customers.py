"""Customers as shown: what they bought, brought back and owe, and each of their purchases."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

from diptych import FullText, Index, Meta, change, computed, fields
from retail.customers import BalanceChanged, CustomerRegistered
from retail.returns import ReturnAccepted
from retail.sales import SaleCancelled, SaleCompleted
from retail.values import ZERO, Money, average, earlier, later
from retail.views.statistics import trade


class CustomerView(msgspec.Struct, frozen=True):
    """A customer with balance and totals; a cancelled sale does not count, first and last are of sales ever made."""

    customer: Annotated[str, FullText()]
    name: Annotated[str, FullText(weight=2)]
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
    def net(self) -> Money:
        """Return what was spent less what was refunded."""
        return self.spent - self.refunded

    @computed
    def average_sale(self) -> Money:
        """Return what a sale came to on average, with four places, halves to even."""
        return average(self.spent, self.sales)


class Purchase(msgspec.Struct, frozen=True):
    """An entry of a customer's history: units and money are negative where they went back; rows are only ever added."""

    customer: str
    number: str
    kind: Literal["sale", "cancellation", "return"]
    at: datetime
    day: date
    units: int
    total: Money
    by: str | None


owing = fields(CustomerView).balance > ZERO

customers = trade.read_model(
    CustomerView,
    key="customer",
    indexes=[("name", "customer"), Index("-net", "customer"), Index("-balance", "customer", where=owing)],
)
purchases = trade.append_only(Purchase, indexes=[Index("customer", "-at", "-position", "-index")])


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


@purchases.on
def entered(event: SaleCompleted | SaleCancelled | ReturnAccepted, meta: Meta) -> Purchase | None:
    """Enter what a known customer bought or brought back; a cancellation counts when it was recorded."""
    customer, by = event.customer, meta.actor
    if customer is None:
        return None
    match event:
        case SaleCompleted():
            return Purchase(customer, event.sale, "sale", event.sold_at, event.day, event.units, event.total, by)
        case SaleCancelled():
            at = meta.recorded_at
            return Purchase(customer, event.sale, "cancellation", at, event.day, -event.units, -event.total, by)
        case ReturnAccepted():
            at = event.returned_at
            return Purchase(customer, event.number, "return", at, event.day, -event.units, -event.total, by)
