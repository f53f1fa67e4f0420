"""A raised version rebuilds read models from the log; changed code under one version does not go unnoticed."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, make_dataclass, replace
from decimal import Decimal
from operator import attrgetter
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from diptych.errors import ForeignLogError, OutdatedError, RebuildingError, WiringError
from diptych.model.projections import Projection
from diptych.model.rowfolds import RowChange
from diptych.ports import Checkpoint
from diptych.read import runtime
from diptych.read.fingerprint import fingerprint_of
from diptych.read.rebuilding import Rebuilding
from diptych.stores.memory import MemoryEventStore
from tests.read.shop import Closed, Created, GetProduct, Name, Product, ask, closings, opened, record, rows_at, shop
from tests.row_stores import NEWEST_POSTGRES, Place, place_of

APPLE = Created("a", "Apple", Decimal(1))


@pytest.fixture(params=["file", NEWEST_POSTGRES])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return place_of(request, request.param, tmp_path)


@pytest.fixture
async def built(place: Place) -> tuple[MemoryEventStore, Place]:
    store, path = MemoryEventStore(), place
    async with opened(store, [shop()], path=path) as panel:
        await panel.caught_up(await record(store, APPLE, Created("b", "Banana", Decimal(2))))
    return store, path


async def position(path: Place) -> int:
    async with rows_at(path) as rows, rows.reader() as reader:
        return (await reader.checkpoints())["shop"].position


def slow(gate: threading.Event) -> Projection:
    projection = Projection("shop", version=2)

    @projection.read_model(Product, key="code").on
    def created(row: Product | None, event: Created) -> Product:
        gate.wait()
        return Product(event.code, event.name.upper(), event.price)

    return projection


async def test_a_rebuild_answers_rebuilding_until_it_has_what_the_log_had(
    built: tuple[MemoryEventStore, Place],
) -> None:
    store, path = built
    gate = threading.Event()
    async with opened(store, [slow(gate)], path=path) as panel:
        with pytest.raises(RebuildingError) as refused:
            await ask(panel, GetProduct("a"))
        stored = (await panel.checkpoints())["shop"]
        gate.set()
        await panel.caught_up(2)

        assert (refused.value.position, refused.value.target) == (0, 2)
        assert (stored.generation, stored.target) == (2, 2)
        assert (await ask(panel, GetProduct("a"))).name == "APPLE"
        assert (await panel.checkpoints())["shop"].target is None


async def test_a_rebuild_tells_its_start_and_end_and_its_checkpoint_moves_with_each_batch(
    built: tuple[MemoryEventStore, Place], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "diptych.projections")
    monkeypatch.setattr(runtime, "BATCH", 1)
    (store, path), stored = built, []
    projection = Projection("shop", version=2)

    @projection.read_model(Product, key="code").on
    def created(row: Product | None, event: Created) -> Product:
        with ThreadPoolExecutor(1) as beside:
            stored.append(beside.submit(asyncio.run, position(path)).result())
        return Product(event.code, event.name, event.price)

    async with opened(store, [projection], path=path) as panel:
        await panel.caught_up(2)

    assert stored == [0, 1]
    assert "projection 'shop': rebuilding, from position 0 to 2" in caplog.messages
    assert any(line.startswith("projection 'shop': rebuilt, up to position 2 in ") for line in caplog.messages)


def test_a_long_rebuild_tells_every_two_seconds_how_far_it_is(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "diptych.projections")
    now = 0.0
    rebuilding = Rebuilding(Checkpoint("p", 0, 1, 1, "", UUID(int=1), 1, target=100), clock=lambda: now)
    for step in range(1, 11):
        now = step * 0.5
        rebuilding.at(step * 10, ended=step == 10)

    assert caplog.messages == [
        "projection 'p': rebuilding, from position 0 to 100",
        "projection 'p': rebuilding, 40 of 100 (40 %), 20 positions/s",
        "projection 'p': rebuilding, 80 of 100 (80 %), 20 positions/s",
        "projection 'p': rebuilt, up to position 100 in 5.0 s, 20 positions/s",
    ]


async def test_a_follower_with_newer_code_says_rebuilding_until_its_version_is_there(
    built: tuple[MemoryEventStore, Place],
) -> None:
    store, path = built
    async with opened(store, [shop(version=2)], path=path, runs="follow") as follower:
        with pytest.raises(RebuildingError):
            await ask(follower, GetProduct("a"))


@pytest.mark.parametrize("version", [1, 3])
async def test_a_stand_by_of_another_version_says_outdated_and_rebuilds_when_its_turn_comes(
    place: Place, version: int
) -> None:
    store, path, gate = MemoryEventStore(), place, threading.Event()
    gate.set()
    other = slow(gate)
    other.version = version
    async with contextlib.AsyncExitStack() as beside:
        async with opened(store, [shop(version=2)], path=path) as first:
            await first.caught_up(await record(store, APPLE))
            second = await beside.enter_async_context(opened(store, [other], path=path))
            with pytest.raises(OutdatedError, match=f"at version 2, and this code has version {version}"):
                await ask(second, GetProduct("a"))
        await second.caught_up(1)

        assert (await ask(second, GetProduct("a"))).name == "APPLE"


async def test_changed_code_is_refused_at_start_beside_a_live_runtime_too(place: Place) -> None:
    store, changed = MemoryEventStore(), slow(threading.Event())
    changed.version = 1
    async with opened(store, [shop()], path=place):
        with pytest.raises(WiringError, match="still 1"):
            async with opened(store, [changed], path=place):
                pass


@pytest.mark.parametrize(("mode", "runs"), [("dev", "run"), ("production", "follow")])
async def test_changed_code_that_only_reads_says_outdated(
    built: tuple[MemoryEventStore, Place], mode: str, runs: str
) -> None:
    store, path = built
    changed = slow(threading.Event())
    changed.version = 1
    async with (
        opened(store, [shop()], path=path),
        opened(store, [changed], path=path, mode=mode, runs=runs) as reader,
    ):
        with pytest.raises(OutdatedError, match="changed code under it"):
            await ask(reader, GetProduct("a"))


async def test_changed_code_is_refused_in_production_and_rebuilt_in_dev(built: tuple[MemoryEventStore, Place]) -> None:
    store, path = built
    gate = threading.Event()
    gate.set()
    changed = slow(gate)
    changed.version = 1

    with pytest.raises(WiringError, match="still 1"):
        async with opened(store, [changed], path=path):
            pass
    async with opened(store, [changed], path=path, mode="dev") as panel:
        await panel.caught_up(2)

        assert (await ask(panel, GetProduct("a"))).name == "APPLE"


async def test_rows_of_another_log_are_refused_at_start(built: tuple[MemoryEventStore, Place]) -> None:
    _, path = built

    with pytest.raises(ForeignLogError):
        async with opened(MemoryEventStore(), [shop()], path=path):
            pass


async def test_a_new_projection_beside_an_old_one_catches_up_alone(built: tuple[MemoryEventStore, Place]) -> None:
    store, path = built
    await record(store, Closed("x"))
    async with opened(store, [shop(), closings()], path=path) as panel:
        await asyncio.wait_for(panel.caught_up(3), 5)

        assert {each.position for each in (await panel.checkpoints()).values()} == {3}
        assert (await panel.checkpoints())["shop"].generation == 1


@dataclass(frozen=True)
class Row:
    code: str
    name: str


def declared(fold: Callable[..., Any], *, key: Any = None) -> str:
    projection = Projection("p")
    projection.read_model(Row, key="code").on(key=key)(fold)
    return fingerprint_of(projection)


def fold(row: Row | None, event: Created) -> Row:
    return Row(event.code, event.name)


def renamed(row: Row | None, event: "Created") -> "Row":
    """Say the same under another name."""
    # and with a comment
    return Row(
        event.code,
        event.name,
    )


def changed(row: Row | None, event: Created) -> Row:
    return replace(Row(event.code, event.name), name="x")


def test_names_comments_and_layout_leave_the_fingerprint_as_it_is() -> None:
    assert declared(fold) == declared(renamed)


def test_code_keys_and_existence_change_the_fingerprint() -> None:
    assert declared(fold) != declared(changed)
    assert declared(fold) != declared(fold, key="name")
    assert declared(fold, key=lambda event: event.code) != declared(fold, key=lambda event: event.name)


def test_fields_of_what_a_row_keeps_inside_it_change_the_fingerprint() -> None:
    def holding(*fields: tuple[str, type]) -> str:
        inner = make_dataclass("Inner", fields, frozen=True)
        row = make_dataclass("Outer", [("code", str), ("inner", tuple[inner, ...])], frozen=True)
        projection = Projection("p")
        projection.read_model(row, key="code")
        return fingerprint_of(projection)

    assert holding(("a", int)) == holding(("a", int))
    assert holding(("a", int)) != holding(("a", int), ("b", str))
    assert holding(("a", int)) != holding(("a", float))


def test_how_a_reference_or_a_rollup_finds_its_row_changes_the_fingerprint() -> None:
    def fingerprint(reference: Any, rollup: Any) -> str:
        projection = Projection("shop")
        products = projection.read_model(Product, key="code")
        names = projection.read_model(Name, key="name")

        @products.on(other=products[reference])
        def created(row: Product | None, event: Created, other: Product | None) -> Product | None:
            return other

        @names.rollup(products, key=rollup)
        def counted(row: Name | None, change: RowChange[Product]) -> Name | None:
            return row

        return fingerprint_of(projection)

    def by_code(given: Any) -> str:
        return str(given.code)

    def by_name(given: Any) -> str:
        return str(given.name)

    ways = ["code", "name", by_code, by_name, attrgetter("code"), attrgetter("name")]
    found = [fingerprint(one, other) for one in ways for other in ways]
    assert len(set(found)) == len(found)
    assert fingerprint(by_code, attrgetter("name")) == fingerprint(by_code, attrgetter("name"))


def test_a_fingerprint_is_the_same_in_every_process_and_python() -> None:
    assert fingerprint_of(closings()) == "d2c0e7dd0ca6464b56695cb9792d6e03"
