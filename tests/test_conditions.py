"""A specification holds for the same rows in SQL as in memory, and compares so that an index finds them."""

import asyncio
from collections.abc import Iterator, Sequence
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diptych.conditions import condition
from diptych.model.rows import change
from diptych.model.specifications import Specification, fields
from diptych.ports import Changes, Checkpoint, RowReader, RowWriter
from diptych.stores.sqlite.rows import SqliteRowStore
from tests.kinds import Sample, rows, samples, specifications
from tests.sizes import size

PROJECTION, MODEL = samples()
sample = fields(Sample)


class Shop:
    """A store of samples; `fill` puts other rows in the place of those that were there."""

    def __init__(self, store: SqliteRowStore, writer: RowWriter, reader: RowReader, checkpoint: Checkpoint) -> None:
        self.table, self._writer, self._reader, self._checkpoint = store.table(MODEL), writer, reader, checkpoint
        self._keys: set[int] = set()

    async def fill(self, samples: Sequence[Sample]) -> list[Sample]:
        kept = [change(each, id=number) for number, each in enumerate(samples)]
        stored = {(number,): None for number in self._keys} | {(each.id,): each for each in kept}
        self._keys = {each.id for each in kept}
        at = self._checkpoint.position + 1
        changes = [Changes(MODEL, stored, dict.fromkeys(stored, at))]
        self._checkpoint = await self._writer.save(self._checkpoint, at, changes)
        return kept

    async def found(self, specification: Specification[Sample]) -> set[int]:
        (ids,) = await self._reader.select([sa.select(self.table.c.id).where(condition(specification, self.table))])
        return {number for (number,) in ids}


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as opened:
        yield opened


@pytest.fixture(scope="module")
def shop(runner: asyncio.Runner) -> Iterator[Shop]:
    store = SqliteRowStore(None)
    writer, reader = store.writer(), store.reader()

    async def opened() -> Shop:
        await store.__aenter__()
        await writer.__aenter__()
        await reader.__aenter__()
        await writer.lease(seconds=3600)
        installed = await writer.install([PROJECTION], {"samples": "f"}, log_id=UUID(int=1), head=0, mode="production")
        return Shop(store, writer, reader, installed["samples"])

    async def closed() -> None:
        for each in (reader, writer, store):
            await each.__aexit__(None, None, None)

    yield runner.run(opened())
    runner.run(closed())


def compare(shop: Shop, runner: asyncio.Runner, given_rows: list[Sample], specs: list[Specification[Sample]]) -> None:
    async def judged() -> None:
        kept = await shop.fill(given_rows)
        for each in specs:
            held = {row.id for row in kept if each(row)}
            assert await shop.found(each) == held, each
            assert await shop.found(~each) == {row.id for row in kept} - held, each

    runner.run(judged())


everything = st.lists(rows, min_size=1, max_size=6), st.lists(specifications, min_size=1, max_size=4)
quiet = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]


@settings(max_examples=300, deadline=None, suppress_health_check=quiet)
@given(*everything)
def test_sql_and_memory_agree_on_every_row(
    shop: Shop, runner: asyncio.Runner, found: list[Sample], specs: list[Specification[Sample]]
) -> None:
    compare(shop, runner, found, specs)


@pytest.mark.prove
@pytest.mark.timeout(3600)
@settings(max_examples=size(300, full=10_000), deadline=None, suppress_health_check=quiet)
@given(*everything)
def test_sql_and_memory_agree_at_full_size(
    shop: Shop, runner: asyncio.Runner, found: list[Sample], specs: list[Specification[Sample]]
) -> None:
    compare(shop, runner, found, specs)
