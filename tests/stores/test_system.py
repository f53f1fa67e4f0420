"""The real clock and the real source of ids."""

import os
import threading
import uuid
from datetime import UTC, datetime

import pytest

from diptych.stores import system
from diptych.stores.system import RandomIds, SystemClock


def test_the_clock_tells_the_time_in_utc() -> None:
    before = datetime.now(UTC)

    clock = SystemClock()

    assert before <= clock.now()
    assert clock.now().tzinfo is UTC
    assert abs(clock.micros() / 1e6 - before.timestamp()) < 60


def test_monotonic_seconds_never_go_back() -> None:
    clock = SystemClock()

    told = [clock.monotonic() for _ in range(1000)]

    assert told == sorted(told)
    assert clock.monotonic() - told[0] < 60


def test_ids_are_time_ordered_uuids_that_know_their_version() -> None:
    ids = RandomIds()

    made = [ids.new() for _ in range(2000)]

    assert made == sorted(made)
    assert len(set(made)) == 2000
    assert {(each.version, each.variant) for each in made} == {(7, uuid.RFC_4122)}
    assert abs((made[0].int >> 80) - SystemClock().micros() // 1000) < 60_000
    assert uuid.UUID(str(made[0])) == made[0]


def test_ids_grow_though_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([2_000_000_000, 1_000_000_000, 1_000_000_000, 3_000_000_000])
    monkeypatch.setattr(system.time, "time_ns", lambda: next(times))
    ids = RandomIds()

    made = [ids.new() for _ in range(4)]

    assert made == sorted(made)
    assert len(set(made)) == 4


def test_ids_are_unique_over_threads() -> None:
    ids = RandomIds()
    made: list[uuid.UUID] = []
    threads = [threading.Thread(target=lambda: made.extend(ids.new() for _ in range(5000))) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(made)) == 20_000


def test_a_forked_child_draws_other_randomness() -> None:
    ids = RandomIds()
    ids.new()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, str(ids.new().int).encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = int(os.read(read, 100))
    os.close(read)
    os.close(write)

    assert ids.new().int & (1 << 62) - 1 != theirs & (1 << 62) - 1
