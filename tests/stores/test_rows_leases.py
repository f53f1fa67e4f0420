"""Each projection has one owner, who alone may write it, and of whom the others can see who it is."""

import os
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from diptych.errors import FencedError, WiringError
from diptych.model.projections import Projection
from diptych.ports import Changes, Owned, RowReader, RowStore, RowWriter
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.rows import PostgresRowStore
from diptych.stores.sqlite.rows import SqliteRowStore
from tests.clusters import NEWEST, OLDEST
from tests.read.shop import Closing, Line

LOG = UUID(int=1)
OURS = {"a": "1", "b": "1"}


def projection(name: str, *rows: type, version: int = 1) -> Projection:
    made = Projection(name, version=version)
    for row in rows:
        made.read_model(row, key="shop" if row is Closing else "sale")
    return made


@pytest.fixture(params=["memory", "file", OLDEST, NEWEST])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RowStore]:
    if request.param in ("memory", "file"):
        async with SqliteRowStore(None if request.param == "memory" else tmp_path / "rows.db") as opened:
            yield opened
        return
    with request.getfixturevalue("cluster_of")(request.param).lent() as database:
        async with PostgresRowStore(Address.of(database.url, schema="diptych_reads")) as kept:
            yield kept


@pytest.fixture
async def first(store: RowStore) -> AsyncIterator[RowWriter]:
    async with store.writer() as opened:
        yield opened


@pytest.fixture
async def second(store: RowStore) -> AsyncIterator[RowWriter]:
    async with store.writer() as opened:
        yield opened


@pytest.fixture
async def reader(store: RowStore) -> AsyncIterator[RowReader]:
    async with store.reader() as opened:
        yield opened


async def install(writer: RowWriter, *projections: Projection, others: tuple[str, ...] = ()) -> dict[str, int]:
    fingerprints = {each.name: "f" for each in projections}
    given = {"log_id": LOG, "head": 0, "mode": "production", "others": others}
    found = await writer.install(projections, fingerprints, **given)
    return {name: each.epoch for name, each in found.items()}


async def test_nobody_gets_what_a_living_owner_has(first: RowWriter, second: RowWriter) -> None:
    assert await first.lease({"a": "1"}, seconds=60) == {"a": 1}

    assert await second.lease({"a": "1"}, seconds=60) == {}
    assert await first.lease({"a": "1"}, seconds=60) == {"a": 1}


async def test_an_owner_gives_one_up_to_who_has_none(first: RowWriter, second: RowWriter) -> None:
    await first.lease(OURS, seconds=60)
    await second.lease(OURS, seconds=60)

    assert await first.lease(OURS, seconds=60) == {"a": 1}
    assert await second.lease(OURS, seconds=60) == {"b": 2}


async def test_an_owner_that_leaves_gives_everything_up(store: RowStore, second: RowWriter) -> None:
    async with store.writer() as first:
        await first.lease(OURS, seconds=60)

    assert await second.lease(OURS, seconds=60) == {"a": 2, "b": 2}


async def test_a_lease_from_before_the_clock_was_set_back_is_no_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour, clock = 3_600_000_000_000, time.time_ns
    async with SqliteRowStore(tmp_path / "rows.db") as store, store.writer() as first, store.writer() as second:
        monkeypatch.setattr(time, "time_ns", lambda: clock() + hour)
        await first.lease({"a": "1"}, seconds=2)
        monkeypatch.setattr(time, "time_ns", clock)

        assert await second.lease({"a": "1"}, seconds=2) == {"a": 2}


async def test_who_owns_one_projection_installs_no_other(first: RowWriter, second: RowWriter) -> None:
    await first.lease({"a": "1"}, seconds=60)
    await second.lease({"b": "1"}, seconds=60)

    assert await install(first, projection("a", Line)) == {"a": 1}
    with pytest.raises(FencedError, match="'b' is not, or no longer, owned"):
        await install(first, projection("b", Closing))
    assert await install(second, projection("b", Closing)) == {"b": 1}


async def test_projections_are_installed_one_after_the_other_and_all_are_written(
    first: RowWriter, reader: RowReader
) -> None:
    one, other = projection("a", Line), projection("b", Closing)
    await first.lease(OURS, seconds=60)
    lines = (await first.install([one], {"a": "f"}, log_id=LOG, head=0, mode="production"))["a"]
    await install(first, other)
    model = one.models[0]

    await first.save(lines, 1, [Changes(model, {(1,): Line(1, "x", 2)}, {(1,): 1})])

    assert await reader.get(model, [(1,)]) == {(1,): Line(1, "x", 2)}


async def test_an_epoch_goes_on_from_that_of_the_checkpoint(tmp_path: Path) -> None:
    """A file that older code made has checkpoints and no owners."""
    async with SqliteRowStore(tmp_path / "rows.db") as store, store.writer() as first:
        await first.lease({"a": "1"}, seconds=60)
        await install(first, projection("a", Line))
        with closing(sqlite3.connect(tmp_path / "rows.db")) as connection, connection:
            connection.execute("update diptych_checkpoint set epoch = 7")
            connection.execute("delete from diptych_owner")

        assert await first.lease({"a": "1"}, seconds=60) == {"a": 8}


async def test_the_lease_that_older_code_left_in_a_file_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "rows.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table diptych_lease (name text, owner text, epoch integer, expires integer)")
        connection.execute("insert into diptych_lease values ('projections', 'x', 1, 9223372036854775807)")

    async with SqliteRowStore(path) as store, store.writer() as writer:
        assert await writer.lease({"a": "1"}, seconds=60) == {"a": 1}


async def test_everybody_sees_who_owns_what_and_nobody_sees_the_dead(
    first: RowWriter, second: RowWriter, reader: RowReader
) -> None:
    assert isinstance(reader, Owned)
    assert await reader.owners() == {}
    await second.lease({"b": "1"}, seconds=0)
    await first.lease({"a": "1"}, seconds=60)

    found = await reader.owners()

    assert found.keys() == {"a"}
    assert found["a"].name.endswith(f":{os.getpid()}")
    assert found["a"].epoch == 1


async def test_a_read_model_is_claimed_from_a_projection_that_nobody_owns_and_its_zombie_writes_nothing(
    first: RowWriter, second: RowWriter
) -> None:
    old = projection("a", Line, Closing)
    await first.lease({"a": "1"}, seconds=0)
    (zombie,) = (await first.install([old], {"a": "f"}, log_id=LOG, head=0, mode="production")).values()
    await second.lease({"b": "2"}, seconds=60)

    assert await install(second, projection("b", Closing), others=("a",)) == {"b": 1}
    with pytest.raises(FencedError):
        await first.save(zombie, 1, [Changes(old.models[1], {("x",): Closing("x")}, {("x",): 1})])


async def test_a_read_model_is_not_claimed_from_a_projection_that_another_owns(
    first: RowWriter, second: RowWriter
) -> None:
    await first.lease({"a": "1"}, seconds=60)
    await install(first, projection("a", Line, Closing))
    await second.lease({"b": "2"}, seconds=60)

    with pytest.raises(FencedError, match="'closing' of projection 'b' still belongs to projection 'a'"):
        await install(second, projection("b", Closing), others=("a",))
    with pytest.raises(WiringError, match="already belongs to projection 'a'"):
        await install(second, projection("b", Closing))
