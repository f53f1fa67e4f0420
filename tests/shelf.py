"""Samples in a row store of their own, read as a query handler reads them."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from uuid import UUID

import sqlalchemy as sa

from diptych.conditions import condition
from diptych.model.indexes import Index
from diptych.model.rows import change
from diptych.model.specifications import Specification
from diptych.ports import Changes, Checkpoint, RowReader, RowStore, RowWriter
from diptych.read.rows import Rows, Shelf
from diptych.stores.sqlite.rows import SqliteRowStore
from tests.kinds import Sample, samples


class SampleShelf:
    """Put samples there and read them back."""

    def __init__(self, store: RowStore, writer: RowWriter, reader: RowReader, *indexes: str | Index) -> None:
        self.projection, self.model = samples(*indexes)
        self.store, self._writer, self.reader = store, writer, reader
        self.table, shelf = store.table(self.model), Shelf(store, {self.model.name: self.model})
        shelf.reader = reader
        self.rows = Rows(self.model, shelf)
        self._keys: set[int] = set()
        self._checkpoint: Checkpoint

    async def install(self) -> None:
        await self._writer.lease({"samples": "f"}, seconds=3600)
        installed = await self._writer.install(
            [self.projection], {"samples": "f"}, log_id=UUID(int=1), head=0, mode="production"
        )
        self._checkpoint = installed["samples"]

    async def put(self, rows: Iterable[Sample], gone: Iterable[int] = ()) -> None:
        """Store rows, and delete those with the ids that are gone."""
        stored = {(number,): None for number in gone} | {(each.id,): each for each in rows}
        at = self._checkpoint.position + 1
        self._checkpoint = await self._writer.save(
            self._checkpoint, at, [Changes(self.model, stored, dict.fromkeys(stored, at))]
        )

    async def fill(self, rows: Iterable[Sample]) -> list[Sample]:
        """Put these rows, numbered from 0, in the place of all that were there."""
        kept = [change(each, id=number) for number, each in enumerate(rows)]
        await self.put(kept, self._keys)
        self._keys = {each.id for each in kept}
        return kept

    async def found(self, specification: Specification[Sample]) -> set[int]:
        (ids,) = await self.reader.select([sa.select(self.table.c.id).where(condition(specification, self.table))])
        return {number for (number,) in ids}


@asynccontextmanager
async def opened(*indexes: str | Index, unopened: RowStore | None = None) -> AsyncIterator[SampleShelf]:
    async with unopened or SqliteRowStore(None) as store, store.writer() as writer, store.reader() as reader:
        shelf = SampleShelf(store, writer, reader, *indexes)
        await shelf.install()
        yield shelf
