"""Time and ids in tests stand still until a test moves them."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from diptych.ports import Clock, Ids
from diptych.testing import NOON, FixedClock, SequentialIds


def test_a_fixed_clock_moves_only_when_told() -> None:
    clock = FixedClock()
    started = clock.now()

    clock.advance(timedelta(days=1))
    clock.advance(hours=2, seconds=1)

    assert started == NOON
    assert clock.now() - started == timedelta(days=1, hours=2, seconds=1)
    assert clock.micros() == int(clock.now().timestamp()) * 1_000_000


def test_setting_a_fixed_clock_back_makes_no_time_unpassed() -> None:
    clock = FixedClock()
    clock.advance(seconds=30)
    clock.set(NOON)
    clock.advance(seconds=1)

    assert clock.now() == NOON + timedelta(seconds=1)
    assert clock.monotonic() == 31


def test_a_fixed_clock_tells_utc() -> None:
    clock = FixedClock(datetime(2026, 1, 1, 14, tzinfo=timezone(timedelta(hours=2))))

    assert clock.now().tzinfo is UTC
    assert clock.now() == NOON


def test_a_fixed_clock_takes_no_naive_time() -> None:
    with pytest.raises(ValueError, match="offset"):
        FixedClock().set(datetime(2026, 1, 1))  # noqa: DTZ001 (naive on purpose)


def test_sequential_ids_count() -> None:
    ids = SequentialIds(start=7)

    assert [ids.new(), ids.new()] == [UUID(int=7), UUID(int=8)]


def test_both_fit_their_ports() -> None:
    clock: Clock = FixedClock()
    ids: Ids = SequentialIds()

    assert clock.now() == NOON
    assert ids.new().int == 1
