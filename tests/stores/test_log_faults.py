"""What was acknowledged is there: after kill -9 anywhere, a full disk, a failed fsync, and beside other processes."""

import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from diptych.model.criteria import Criteria
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.testing.contract.material import everything
from tests.sizes import size
from tests.stores.tracing import WRITES, acknowledged, appender, calls, traced, unsafe_acknowledgements

pytestmark = pytest.mark.fault

Property = Callable[[str, object], None]

STEPS = size(2, full=12)


def started(path: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(appender(path, *arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def made(path: Path) -> Path:
    subprocess.run(appender(path, "steps", 2), check=True, capture_output=True)
    return path


async def whole(path: Path, acks: set[UUID]) -> int:
    """Open the log, prove it, find every acknowledged command in it; return the number of its commands."""
    async with SqliteEventStore(path) as store:
        assert [position async for position in store.verify()][-1:] == [await store.head()]
        events = await everything(store)
        stepped = {UUID(tag.removeprefix("step:")) for each in events for tag in each.tags if tag != "all:1"}
        assert acks <= stepped
        assert len(events) == 2 * len(stepped)  # all events of a command, or none
        for command_id in stepped:
            kept = await store.record(command_id)
            assert kept is not None
            assert set(events[kept.position - 2].tags) == {f"step:{command_id}"}
        assert (await store.describe())["records"] == len(stepped)
    return len(stepped)


def crash_points(tmp_path: Path, scenario: tuple[object, ...], *, prepared: bool) -> Iterator[tuple[str, int]]:
    path = tmp_path / "counted.db"
    if prepared:
        made(path)
    trace = tmp_path / "counted.trace"
    run = traced(trace, appender(path, *scenario), "-e", f"trace={','.join(WRITES)}")
    assert run.returncode == 0, run.stderr
    for name, count in calls(trace).items():
        for number in range(1, count + 1):
            yield name, number


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("scenario", "prepared"),
    [(("steps", STEPS), True), (("steps", 1), False)],
    ids=["appending", "a new log and its first append"],
)
async def test_killed_at_every_write_and_sync_no_acknowledged_command_is_lost(
    tmp_path: Path, scenario: tuple[object, ...], prepared: bool, record_property: Property
) -> None:
    points = list(crash_points(tmp_path, scenario, prepared=prepared))
    killed = 0
    for name, number in points:
        path = tmp_path / f"{name}-{number}.db"
        if prepared:
            made(path)

        run = traced(
            tmp_path / "trace",
            appender(path, *scenario),
            "-e",
            f"trace={name}",
            "-e",
            f"inject={name}:signal=KILL:when={number}",
        )

        killed += run.returncode == -signal.SIGKILL
        await whole(path, acknowledged(run.stdout))
    record_property("crash_points", killed)
    assert killed >= len(points) * 0.9  # the interleaving of threads moves a few counts
    assert killed > 10


def test_the_wal_is_synced_between_its_write_and_every_acknowledgement(tmp_path: Path) -> None:
    path, trace = made(tmp_path / "log.db"), tmp_path / "trace"

    run = traced(trace, appender(path, "steps", 30), "-e", "trace=pwrite64,fdatasync,fsync,write")

    assert len(acknowledged(run.stdout)) == 30
    assert "-wal>" in trace.read_text()
    assert list(unsafe_acknowledgements(trace)) == []


def test_an_acknowledgement_before_the_sync_is_caught(tmp_path: Path) -> None:
    path, trace = made(tmp_path / "log.db"), tmp_path / "trace"

    run = traced(trace, appender(path, "steps", 30, "unsafe"), "-e", "trace=pwrite64,fdatasync,fsync,write")

    assert len(acknowledged(run.stdout)) == 30
    assert len(list(unsafe_acknowledgements(trace))) > 15


@pytest.mark.timeout(3600)
async def test_killed_at_random_under_load_no_acknowledged_command_is_lost(
    tmp_path: Path, record_property: Property
) -> None:
    path, acks, seed = tmp_path / "log.db", set(), 20
    moments = random.Random(seed)
    for _ in range(size(5, full=300)):
        with started(path, "flood") as process:
            assert process.stdout is not None
            lines = [process.stdout.readline()]  # it has begun
            end = time.monotonic() + moments.random() * 0.2
            while time.monotonic() < end:
                lines.append(process.stdout.readline())
            process.kill()
            lines.append(process.stdout.read())
        acks |= acknowledged("".join(lines))
        assert acks
        found = await whole(path, acks)
        if found > 20_000:  # a log to be proved again and again should stay small
            path, acks = tmp_path / f"log-{moments.random()}.db", set()
    record_property("kills", size(5, full=300))


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("pwrite64:error=ENOSPC:when=9..14", "full"),
        ("pwrite64:error=EIO:when=9..14", "unknown"),
        ("fdatasync:error=EIO:when=3", "unknown"),
    ],
    ids=["a full disk", "a write that fails", "a sync that fails"],
)
async def test_what_failed_was_not_acknowledged_and_the_store_goes_on(tmp_path: Path, fault: str, told: str) -> None:
    path = made(tmp_path / "log.db")

    run = traced(
        tmp_path / "trace",
        appender(path, "steps", 20),
        "-e",
        f"trace={fault.partition(':')[0]}",
        "-e",
        f"inject={fault}",
    )

    outcomes = [line.split()[0] for line in run.stdout.splitlines()]
    assert run.returncode == 0, run.stderr
    assert told in outcomes
    assert outcomes[-5:] == ["ack"] * 5
    assert await whole(path, acknowledged(run.stdout)) >= outcomes.count("ack") + 2


@pytest.mark.timeout(180)
@pytest.mark.parametrize("writers", [2, 3])
async def test_processes_take_turns_and_lose_nothing(tmp_path: Path, writers: int, record_property: Property) -> None:
    path, seconds = tmp_path / "log.db", size(2, full=30)
    processes = [started(path, "count", seconds) for _ in range(writers)]
    ready = [each.stdout.readline() for each in processes if each.stdout]
    began = time.monotonic()
    for each in processes:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    async with SqliteEventStore(path) as store:
        seen = 0
        while time.monotonic() - began < seconds:
            seen = await store.wait(seen, 0.1)
        told = [each.communicate(timeout=60)[0].split() for each in processes]
        events = await everything(store)
        reached = [position async for position in store.verify()][-1]

    assert ready == ["ready\n"] * writers
    assert [int(each.data) for each in events] == list(range(1, len(events) + 1))
    assert sum(int(each[1]) for each in told) == len(events) == reached
    assert seen > 0
    assert all(int(each[1]) > 20 * seconds for each in told)  # nobody starves
    assert max(float(each[2]) for each in told) < 1.0
    record_property("longest_wait_seconds", max(float(each[2]) for each in told))


async def test_a_reader_of_another_process_finds_what_is_new_within_milliseconds(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    async with SqliteEventStore(path) as store:
        process = started(path, "steps", 200)
        await store.wait(0, 30.0)
        found = await store.read(Criteria.tagged("all:1"))
        assert found.events
        while (await store.head()) < 400:
            await store.wait(await store.head(), 5.0)
        process.communicate(timeout=30)

        assert len((await store.read(Criteria.tagged("all:1"))).events) == 200


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with started(path, "flood") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()

    run = subprocess.run(appender(path, "steps", 3), capture_output=True, text=True, timeout=20, check=True)

    assert len(acknowledged(run.stdout)) == 3
    assert sqlite3.connect(path).execute("pragma quick_check").fetchone() == ("ok",)
