"""The row store: what keeps rows, and opens readers and writers of them."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from diptych.model.projections import ReadModel
from diptych.ports.rows import Opened, RowReader, RowWriter
from diptych.ports.text_search import TextSearch
from diptych.ports.views import ViewStore


class RowStore(Opened, Protocol):
    """Keep rows, change feed and checkpoints. Writer and readers are opened where they are used."""

    def table(self, model: ReadModel[Any]) -> Any:  # Any: a SQLAlchemy Core Table
        """Return the logical table of a read model, the same one every time: `select()`s over it read the live rows."""
        ...

    def text(self, model: ReadModel[Any]) -> TextSearch:
        """Return the search of the read model's FullText columns."""
        ...

    def reader(self) -> RowReader:
        """Return an unopened reader."""
        ...

    def writer(self) -> RowWriter:
        """Return an unopened writer."""
        ...

    def views(self) -> ViewStore:
        """Return an unopened store of the views that stand beside the read models."""
        ...


@runtime_checkable
class Lagging(Protocol):
    """Be a row store whose readers may be behind its writer."""

    @property
    def lags(self) -> bool:
        """Say whether they may be: then only what a reader finds says how far the rows are."""
        ...
