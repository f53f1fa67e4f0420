"""Notices: what customers are told about their orders, by events that are subscribed to by their stored names."""

from __future__ import annotations

import logging
from typing import Protocol
from uuid import UUID

from diptych import Envelope, Rows, Subscriber
from orders.events import OrderPlaced, StatusUpdated
from orders.views.details import OrderDetail

_log = logging.getLogger("orders")

notices = Subscriber("notices")


class Post(Protocol):
    """Send a message to an address; the same key is sent once, however often it comes."""

    async def send(self, address: str, text: str, *, key: str) -> None:
        """Send it."""


class LoggedPost:
    """Write messages to the log of the process, until somebody provides a mail server."""

    async def send(self, address: str, text: str, *, key: str) -> None:
        """Write it."""
        _log.info("notice %s to %s: %s", key, address, text)


def post() -> Post:
    """Return the post of an application that has none."""
    return LoggedPost()


@notices.on("order.placed", "order.status_updated")
async def notify(event: OrderPlaced | StatusUpdated, envelope: Envelope, orders: Rows[OrderDetail], post: Post) -> None:
    """Tell the customer what became of the order; delivered again, the message has the same key."""
    status = "placed" if isinstance(event, OrderPlaced) else event.status
    await _tell(event.order, f"is {status}", envelope, orders, post)


async def _tell(order: UUID, what: str, envelope: Envelope, orders: Rows[OrderDetail], post: Post) -> None:
    found = await orders.get(order)
    if found is not None:
        await post.send(found.customer_email, f"{found.customer_name}, order {order} {what}", key=str(envelope.id))
