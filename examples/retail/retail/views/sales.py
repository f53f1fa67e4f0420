"""Sales as shown: one by one, line by line, and by day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

from diptych import Index, Indexed, Meta, change, computed, fields, parameter
from retail.sales import ItemAdded, SaleCancelled, SaleCompleted
from retail.values import ZERO, Money, Payment, average
from retail.views.customers import CustomerView, customers
from retail.views.statistics import ProductSales, product_sales, trade


class SaleSummary(msgspec.Struct, frozen=True):
    """A sale in a list."""

    sale: str
    day: Annotated[date, Indexed()]
    sold_at: datetime
    customer: str | None
    customer_name: str | None
    payment: Payment
    lines: int
    units: int
    total: Annotated[Money, Indexed()]
    paid: Money
    till: str | None
    seller: str | None
    status: Literal["completed", "cancelled"] = "completed"
    cancelled_by: str | None = None


class SoldLine(msgspec.Struct, frozen=True):
    """A line of a sale, with the description that the product had then; rows are only ever added."""

    sale: Annotated[str, Indexed()]
    product: str
    description: str
    quantity: int
    price: Money

    @computed
    def amount(self) -> Money:
        """Return what the line came to."""
        return self.quantity * self.price


class SalesDay(msgspec.Struct, frozen=True):
    """The sales of a day that were not cancelled."""

    day: date
    count: int = 0
    lines: int = 0
    units: int = 0
    total: Money = ZERO
    cash_count: int = 0
    cash: Money = ZERO
    credit_count: int = 0
    credit: Money = ZERO

    @computed
    def average(self) -> Money:
        """Return the total per sale, with four places, halves to even."""
        return average(self.total, self.count)


_its = fields(SaleSummary)
undone = _its.status == "cancelled"
on_credit = _its.payment == "credit"
of_customer = _its.customer == parameter("customer")
at_least = _its.total >= parameter("minimum")
since = _its.day >= parameter("first")
until = _its.day <= parameter("last")

sales = trade.read_model(
    SaleSummary,
    key="sale",
    indexes=[
        Index("-sold_at", "sale"),
        Index("customer", "-sold_at", "sale"),
        Index("-sold_at", "sale", where=undone, covering="status"),
        Index("-sold_at", "sale", where=on_credit, covering="payment"),
    ],
)
lines = trade.append_only(SoldLine)
days = trade.read_model(SalesDay, key="day")


@sales.on(customer=customers["customer"])
def completed(_: SaleSummary | None, event: SaleCompleted, customer: CustomerView | None, meta: Meta) -> SaleSummary:
    """Show a sale, with the name of the customer."""
    return SaleSummary(
        sale=event.sale,
        day=event.day,
        sold_at=event.sold_at,
        customer=event.customer,
        customer_name=None if customer is None else customer.name,
        payment=event.payment,
        lines=event.lines,
        units=event.units,
        total=event.total,
        paid=event.paid,
        till=event.till,
        seller=meta.actor,
    )


@sales.on
def cancelled(row: SaleSummary, event: SaleCancelled, meta: Meta) -> SaleSummary:  # noqa: ARG001 (keyed by it)
    """Show that the sale was undone, and by whom."""
    return change(row, status="cancelled", cancelled_by=meta.actor)


@lines.on(product=product_sales["product"])
def lined(event: ItemAdded, product: ProductSales) -> SoldLine:
    """Show a line."""
    return SoldLine(event.sale, event.product, product.description, event.quantity, event.price)


@days.on
def taken(row: SalesDay | None, event: SaleCompleted) -> SalesDay:
    """Add a sale to its day."""
    return _with(row or SalesDay(event.day), event, 1, event.lines)


@days.on
def untaken(row: SalesDay, event: SaleCancelled) -> SalesDay:
    """Take a cancelled sale from its day."""
    return _with(row, event, -1, len(event.lines))


def _with(row: SalesDay, event: SaleCompleted | SaleCancelled, sign: Literal[1, -1], lines: int) -> SalesDay:
    cash = sign if event.payment == "cash" else 0
    credit = sign - cash
    return SalesDay(
        row.day,
        row.count + sign,
        row.lines + sign * lines,
        row.units + sign * event.units,
        row.total + sign * event.total,
        row.cash_count + cash,
        row.cash + cash * event.total,
        row.credit_count + credit,
        row.credit + credit * event.total,
    )
