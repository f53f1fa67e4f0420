"""Word to the buyer: what a sale or a write-off left too few of."""

from __future__ import annotations

from typing import Any

from diptych import Envelope, Rows, Subscriber
from retail.reactions.ports import Mailer
from retail.views.products import ProductView, low_stock

BUYER = "buyer"
reorder = Subscriber("reorder")


@reorder.on("inventory.adjusted")
async def below_minimum(event: Any, envelope: Envelope, products: Rows[ProductView], mailer: Mailer) -> None:
    """Tell the buyer when this change left fewer than the minimum, and there were enough before it.

    The row may hold later changes as well: then the one that is told of may be another one of them, or none.
    """
    product = await products.get(event.product)
    if product is None or not low_stock(product) or product.in_stock - event.delta < product.minimum_stock:
        return
    text = f"{product.in_stock} of {product.product} left, {product.minimum_stock} is the minimum"
    await mailer.send(BUYER, text, key=str(envelope.id))
