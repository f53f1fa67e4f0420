"""Text search: how a store finds rows by their words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class TextSearch(Protocol):
    """Make what `RowReader.select` runs to find rows of one read model by the words of its FullText columns.

    A row is found when it holds every word of the text, the last one at least by its beginning. No text is an error;
    one without words finds nothing.
    """

    def matching(self, text: str) -> Any:  # Any: a SQLAlchemy condition
        """Return the condition over the logical table that a row is found by this text."""
        ...

    def page(self, where: Sequence[Any]) -> Any:  # Any: a SQLAlchemy select
        """Return a select of a page of the rows that are found and of which `where` holds, best first, ties by key.

        Its columns are the total, a tier, and the row's fields; the tier is None in the one row of an empty page. What
        is looked for, and which page, are parameters: `values` has them.
        """
        ...

    def values(self, text: str, *, limit: int, offset: int) -> Mapping[str, Any]:
        """Return the values of the parameters of `page`."""
        ...
