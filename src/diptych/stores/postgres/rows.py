"""Keep rows in PostgreSQL: one schema beside the log's, or a database of their own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from diptych.model.projections import ReadModel
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import close, connect
from diptych.stores.postgres.migrations import migrate
from diptych.stores.postgres.poolers import refuse_lending
from diptych.stores.postgres.rows_leases import COMPONENT
from diptych.stores.postgres.rows_plans import PostgresWatch, Watched
from diptych.stores.postgres.rows_progress import KnownChanges
from diptych.stores.postgres.rows_reader import PostgresRowReader
from diptych.stores.postgres.rows_tables import logical_table
from diptych.stores.postgres.rows_views import PostgresViews
from diptych.stores.postgres.rows_writer import PostgresRowWriter
from diptych.stores.postgres.text_search import PostgresWordIndex
from diptych.stores.text_pages import TextPages

COMPONENTS = ("rows", COMPONENT)


class PostgresRowStore:
    """Keep rows, change feed and checkpoints in one schema; queries go to the replica of the address, if it has one.

    What was saved is on disk, whatever the database does by default: an answer once given is never taken back.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._tables: dict[int, tuple[ReadModel[Any], sa.Table]] = {}
        self._watched, self._known = Watched(address.at_replica()), KnownChanges()

    async def __aenter__(self) -> Self:
        await refuse_lending(self._address)
        connection = await connect(self._address, purpose="migrations")
        try:
            await migrate(connection, self._address, COMPONENTS)
        finally:
            await close(connection)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    @property
    def lags(self) -> bool:
        """Say whether readers may be behind the writer: they read a replica."""
        return self._address.replica is not None

    def table(self, model: ReadModel[Any]) -> sa.Table:
        """Return the logical table of a read model, the same one every time."""
        if id(model) not in self._tables:
            self._tables[id(model)] = (model, logical_table(model))
        return self._tables[id(model)][1]

    def text(self, model: ReadModel[Any]) -> TextPages:
        """Return the search of the read model's FullText columns."""
        return TextPages(model, self.table(model), PostgresWordIndex(model, self.table(model)))

    def reader(self) -> PostgresRowReader:
        """Return an unopened reader."""
        known = KnownChanges() if self.lags else self._known  # a replica may lack the rows of which the writer told
        return PostgresRowReader(self._address, known, self._watched.opened)

    def writer(self) -> PostgresRowWriter:
        """Return an unopened writer."""
        return PostgresRowWriter(self._address, self._known)

    def views(self) -> PostgresViews:
        """Return an unopened store of views."""
        return PostgresViews(self._address)

    @contextlib.contextmanager
    def watched(self) -> Iterator[PostgresWatch]:
        """Watch every reader that is open: what they run, and by which plan."""
        with self._watched.watching() as watch:
            yield watch
