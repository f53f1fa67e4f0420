"""Every price that a product ever had."""

from __future__ import annotations

from datetime import datetime

import msgspec

from diptych import Index, Meta
from retail.products import ProductCreated, ProductPriced
from retail.values import Money
from retail.views.departments import assortment


class PriceChange(msgspec.Struct, frozen=True):
    """A price that a product got; rows are only ever added."""

    product: str
    price: Money
    since: datetime
    by: str | None


price_history = assortment.append_only(PriceChange, indexes=[Index("product", "-position", "-index")])


@price_history.on
def priced(event: ProductCreated | ProductPriced, meta: Meta) -> PriceChange:
    """Note the price."""
    return PriceChange(event.product, event.price, meta.recorded_at, meta.actor)
