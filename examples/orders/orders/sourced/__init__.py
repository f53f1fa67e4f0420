"""The event-sourced write model: state is what the events of the log fold to."""

from orders.sourced import ordering
from orders.sourced.parties import sourced

__all__ = ["ordering", "sourced"]
