"""A catalogue to search, kept in a row store by hand, for the tests of text search."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from diptych.model.marks import FullText, Indexed
from diptych.model.projections import Projection, ReadModel
from diptych.ports import Changes, Checkpoint, RowReader, RowStore, RowWriter
from diptych.read.rows import Rows, Shelf
from diptych.stores.sqlite.rows import SqliteRowStore

LOG = UUID(int=1)
FINGERPRINT = "as ever"
REBUILD = 1_000
"""How far the end of the log is when a rebuild begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    code: str
    name: Annotated[str, FullText(weight=3)]
    about: Annotated[str | None, FullText] = None
    department: Annotated[str, Indexed] = "tools"
    stock: int = 0


def declared(version: int = 1, row: type = Item) -> tuple[Projection, ReadModel[Any]]:
    projection = Projection("items", version=version)
    return projection, projection.read_model(row, key="code", name="item")


@dataclass
class Catalogue:
    """One read model of items, and the position up to which it was written."""

    store: RowStore
    writer: RowWriter
    reader: RowReader
    projection: Projection
    model: ReadModel[Any]
    checkpoint: Checkpoint

    @property
    def rows(self) -> Rows[Any]:
        shelf = Shelf(self.store, {self.model.name: self.model})
        shelf.reader = self.reader
        return Rows(self.model, shelf)

    async def put(self, *items: Any) -> None:
        await self.change({(item.code,): item for item in items})

    async def change(self, rows: Mapping[tuple[str], Any]) -> None:
        """Save rows, None for one that goes."""
        position = self.checkpoint.position + 1
        changes = Changes(self.model, rows, dict.fromkeys(rows, position))
        self.checkpoint = await self.writer.save(self.checkpoint, position, [changes])

    async def install(self, version: int, row: type = Item) -> None:
        """Begin again with a projection of this version; `finish` ends the rebuild, if there is one."""
        self.projection, self.model = declared(version, row)
        self.checkpoint = await installed(self.writer, self.projection, head=self.checkpoint.position + REBUILD)

    async def finish(self) -> None:
        """Come to the end of the log."""
        if self.checkpoint.target is not None:
            self.checkpoint = await self.writer.save(self.checkpoint, self.checkpoint.target, ())

    async def found(self, text: str, *where: Any, **equals: Any) -> list[str]:
        """Return the codes of what a search finds, best first."""
        page = await self.rows.search(text, *where, **equals)
        assert page.total == len(page)
        return [item.code for item in page]


async def installed(writer: RowWriter, projection: Projection, head: int = 0) -> Checkpoint:
    fingerprints = {projection.name: FINGERPRINT}
    return (await writer.install((projection,), fingerprints, log_id=LOG, head=head, mode="production"))["items"]


@contextlib.asynccontextmanager
async def catalogue(
    kept: RowStore | Path | None = None, *, row: type = Item, head: int = 0
) -> AsyncIterator[Catalogue]:
    """Open a catalogue in a store, a file or, without one, in memory."""
    store = SqliteRowStore(kept) if kept is None or isinstance(kept, Path) else kept
    async with store, store.writer() as writer, store.reader() as reader:
        projection, model = declared(row=row)
        await writer.lease({projection.name: FINGERPRINT}, seconds=60)
        checkpoint = await installed(writer, projection, head)
        yield Catalogue(store, writer, reader, projection, model, checkpoint)
