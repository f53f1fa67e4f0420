"""Stock as a whole: one row, rolled up from the rows of all products."""

from __future__ import annotations

from typing import Literal

import msgspec

from diptych import RowChange
from retail.values import ZERO, Money
from retail.views.departments import assortment
from retail.views.products import ProductView, products

SHOP = "shop"


class StockTotals(msgspec.Struct, frozen=True):
    """What is on the shelves of the whole shop; the value is what it cost."""

    shop: str
    products: int = 0
    units: int = 0
    value: Money = ZERO
    low_stock: int = 0


totals = assortment.read_model(StockTotals, key="shop")


@totals.rollup(products, key=lambda _: SHOP)
def recounted(total: StockTotals | None, change: RowChange[ProductView]) -> StockTotals:
    """Take out what the product was and put in what it is."""
    total = total or StockTotals(SHOP)
    if change.before is not None:
        total = _with(total, change.before, -1)
    return total if change.after is None else _with(total, change.after, 1)


def _with(total: StockTotals, product: ProductView, sign: Literal[1, -1]) -> StockTotals:
    return StockTotals(
        total.shop,
        total.products + sign,
        total.units + sign * product.in_stock,
        total.value + sign * product.stock_value,
        total.low_stock + sign * product.is_low_stock,
    )
