"""The normalised write model: state is rows of tables, and events are recorded in the transaction that changes them."""

from orders.normalised import ordering
from orders.normalised.parties import normalised

__all__ = ["normalised", "ordering"]
