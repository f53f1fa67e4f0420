"""Laws of orders that hold whatever is sent, in whatever order: Hypothesis makes the commands up."""

from __future__ import annotations

from typing import Any

from diptych.testing import fuzz
from orders.events import ItemAdded, OrderInvoiced
from orders.rules import MAX_ITEMS
from orders.settings import OrderSettings
from orders.sourced import sourced
from orders.sourced.order import OrderState
from orders.sourced.ordering import Ledger

Events = tuple[Any, ...]


def what_counts_has_items(order: OrderState) -> bool:
    """An order that left the draft otherwise than by being cancelled has items."""
    return order.status in {"draft", "cancelled"} or order.items > 0


def an_order_is_never_too_full(order: OrderState) -> bool:
    """An order holds so many items at most."""
    return order.items <= MAX_ITEMS


def the_total_is_that_of_the_items(before: OrderState, command: Any, events: Events, after: OrderState) -> bool:
    """What a command adds to the total is what its items come to."""
    added = sum(event.amount for event in events if isinstance(event, ItemAdded))
    return after.total == before.total + added


def what_ended_stays_as_it_is(before: OrderState, command: Any, events: Events, after: OrderState) -> bool:
    """A cancelled order changes no more."""
    return before.status != "cancelled" or before == after


def numbers_have_no_gaps(before: Ledger, command: Any, events: Events, after: Ledger) -> bool:
    """An invoice has the number that follows the last one."""
    return [event.number for event in events if isinstance(event, OrderInvoiced)] == [after.count]


TestOrders = fuzz(
    sourced,
    invariants=(
        what_counts_has_items,
        an_order_is_never_too_full,
        the_total_is_that_of_the_items,
        what_ended_stays_as_it_is,
        numbers_have_no_gaps,
    ),
    provide=[OrderSettings()],
    principals=("staff",),
    examples=60,
    steps=12,
).TestCase
