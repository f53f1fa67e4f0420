"""Keep rows in SQLite: one file beside the log, or memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

import sqlalchemy as sa

from diptych.model.projections import ReadModel
from diptych.stores.sqlite.rows_database import FileReading, FileWriting, MemoryDatabase, ReadDatabase, WriteDatabase
from diptych.stores.sqlite.rows_plans import SqliteWatch, open_ones
from diptych.stores.sqlite.rows_reader import SqliteRowReader
from diptych.stores.sqlite.rows_views import SqliteViews
from diptych.stores.sqlite.rows_writer import SqliteRowWriter
from diptych.stores.sqlite.text_search import SqliteWordIndex
from diptych.stores.tables import table_of
from diptych.stores.text_pages import TextPages


class SqliteRowStore:
    """Keep rows, change feed and checkpoints in the SQLite file of `path`; None: in the memory of this process.

    `synchronous=NORMAL`: a power cut may take the last transactions, rows, feed and checkpoint together, and the log
    brings them back.
    """

    def __init__(self, path: Path | None) -> None:
        self._file = path or Path(":memory:")
        self._in_memory = path is None
        self._memory: MemoryDatabase | None = None
        self._tables: dict[int, tuple[ReadModel[Any], sa.Table]] = {}
        self._readings: WeakSet[ReadDatabase] = WeakSet()

    async def __aenter__(self) -> Self:
        if self._in_memory:
            self._memory = MemoryDatabase()
        else:
            FileWriting(self._file).close()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._memory is not None:
            self._memory.end()

    def table(self, model: ReadModel[Any]) -> sa.Table:
        """Return the logical table of a read model, the same one every time."""
        if id(model) not in self._tables:
            self._tables[id(model)] = (model, table_of(model))
        return self._tables[id(model)][1]

    def text(self, model: ReadModel[Any]) -> TextPages:
        """Return the search of the read model's FullText columns."""
        return TextPages(model, self.table(model), SqliteWordIndex(model, self.table(model)))

    def reader(self) -> SqliteRowReader:
        """Return an unopened reader."""
        return SqliteRowReader(self._reading)

    def writer(self) -> SqliteRowWriter:
        """Return an unopened writer."""
        return SqliteRowWriter(self._writing)

    def views(self) -> SqliteViews:
        """Return an unopened store of views."""
        return SqliteViews(self._reading, self._writing)

    @contextlib.contextmanager
    def watched(self) -> Iterator[SqliteWatch]:
        """Watch every reader that is open: what they run, and by which plan."""
        with SqliteWatch(open_ones(self._readings)).watching() as watch:
            yield watch

    def _reading(self) -> ReadDatabase:
        opened = self._memory or FileReading(self._file)
        self._readings.add(opened)
        return opened

    def _writing(self) -> WriteDatabase:
        return self._memory or FileWriting(self._file)
