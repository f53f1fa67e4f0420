"""What customers are told, by subscriptions to stored names."""

from __future__ import annotations

import pytest

from orders.app import build
from orders.clerk import Clerk
from orders.notices import Post, notices
from orders.place import Place
from orders.settings import OrderSettings
from orders.views.parties import sales


class KeptPost:
    """Keep messages by their key."""

    def __init__(self) -> None:
        self.sent: dict[str, tuple[str, str]] = {}

    async def send(self, address: str, text: str, *, key: str) -> None:
        """Keep it."""
        self.sent[key] = (address, text)


@pytest.mark.parametrize("write", ["sourced"])
async def test_a_customer_hears_of_every_step_by_name_and_of_nothing_else(home: Place, write: str) -> None:
    kept = KeptPost()

    def post() -> Post:
        return kept

    async with build(home, OrderSettings("sourced"), provide=[post], subscribers="inline") as application:
        clerk = Clerk(application)
        ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
        order = await clerk.placed(ada, {mug: 1}, "shipped")
        await application.reacted()

    assert notices.names == ("order.placed", "order.status_updated")
    assert list(kept.sent.values()) == [
        ("ada@example.org", f"Ada, order {order} is placed"),
        ("ada@example.org", f"Ada, order {order} is shipped"),
    ]


def test_read_models_are_built_from_subscriptions_by_stored_names() -> None:
    assert sales.types == (
        "customer.registered",
        "order.created",
        "order.invoiced",
        "order.item_added",
        "order.placed",
        "order.shipping_address_set",
        "order.status_updated",
        "product.listed",
    )
