"""What products did: how much of each was sold, and how much came back."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from diptych import Index, Projection, change, computed
from retail.products import ProductCreated, ProductDescribed
from retail.returns import ItemReturned
from retail.sales import ItemAdded, SaleCancelled
from retail.values import ZERO, Money, average

trade = Projection("trade")


class ProductSales(msgspec.Struct, frozen=True):
    """What was sold of a product, and what came back."""

    product: str
    description: str
    sales_lines: int = 0
    units_sold: int = 0
    sold: Money = ZERO
    units_returned: int = 0
    refunded: Money = ZERO

    @computed
    def net_units(self) -> int:
        """Return the units sold less those that came back."""
        return self.units_sold - self.units_returned

    @computed
    def net_revenue(self) -> Money:
        """Return the money taken less the money that went back."""
        return self.sold - self.refunded

    @computed
    def average_price(self) -> Money:
        """Return what a unit was sold for on average, with four places, halves to even."""
        return average(self.sold, self.units_sold)


product_sales = trade.read_model(
    ProductSales, key="product", indexes=[Index("-net_revenue", "product"), Index("-net_units", "product")]
)


@product_sales.on
def created(_: ProductSales | None, event: ProductCreated) -> ProductSales:
    """Begin to count."""
    return ProductSales(event.product, event.description)


@product_sales.on
def described(row: ProductSales, event: ProductDescribed) -> ProductSales:
    """Follow the description."""
    return change(row, description=event.description)


@product_sales.on
def sold(row: ProductSales, event: ItemAdded) -> ProductSales:
    """Count a line of a sale."""
    return change(
        row,
        sales_lines=row.sales_lines + 1,
        units_sold=row.units_sold + event.quantity,
        sold=row.sold + event.quantity * event.price,
    )


@product_sales.on
def returned(row: ProductSales, event: ItemReturned) -> ProductSales:
    """Count a line of a return."""
    return change(
        row,
        units_returned=row.units_returned + event.quantity,
        refunded=row.refunded + event.quantity * event.price,
    )


@product_sales.on(keys=lambda event: {line.product for line in event.lines})
def cancelled(row: ProductSales, event: SaleCancelled) -> ProductSales:
    """Take back what a cancelled sale counted for this product."""
    mine = [line for line in event.lines if line.product == row.product]
    return change(
        row,
        sales_lines=row.sales_lines - len(mine),
        units_sold=row.units_sold - sum(line.quantity for line in mine),
        sold=row.sold - sum((line.quantity * line.price for line in mine), Decimal()),
    )
