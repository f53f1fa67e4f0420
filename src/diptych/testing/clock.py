"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from diptych.recorded import micros_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""When it is, in a test that does not say."""


class FixedClock:
    """Tell the same time at every reading, until `advance` or `set` moves it.

    >>> clock = FixedClock()
    >>> clock.advance(minutes=5)
    >>> clock.now().isoformat()
    '2026-01-01T12:05:00+00:00'
    """

    def __init__(self, now: datetime = NOON) -> None:
        self._passed = timedelta()
        self._now = now
        self.set(now)

    def now(self) -> datetime:
        """Return the time in UTC."""
        return self._now

    def micros(self) -> int:
        """Return microseconds since 1970 UTC."""
        return micros_of(self._now)

    def monotonic(self) -> float:
        """Return the seconds by which the clock was moved forwards, all in all."""
        return self._passed.total_seconds()

    def set(self, now: datetime) -> None:
        """Move to this time; raise ValueError for one without an offset."""
        if now.tzinfo is None:
            raise ValueError(f"expected a datetime with an offset such as {now.isoformat()}Z, found {now.isoformat()}")
        self._passed += max(timedelta(), now - self._now)
        self._now = now.astimezone(UTC)

    def advance(self, step: timedelta | None = None, /, **units: float) -> None:
        """Move by a timedelta, or by its arguments: `advance(hours=1, seconds=30)`."""
        self.set(self._now + (step if step is not None else timedelta(**units)))
