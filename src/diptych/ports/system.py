"""The system: time and ids, injected so that nothing else knows where they come from."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID


class Clock(Protocol):
    """Tell the time."""

    def now(self) -> datetime:
        """Return the time in UTC."""
        ...

    def micros(self) -> int:
        """Return microseconds since 1970 UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds since some moment: they never go back, whatever is done to the time of day."""
        ...


class Ids(Protocol):
    """Make ids."""

    def new(self) -> UUID:
        """Return an id that nobody else has."""
        ...
