"""Plans: how a database answers the statements that read rows."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol, runtime_checkable


class Planned(NamedTuple):
    """A statement as it ran, its values in it, and the steps of its plan in the words of the database.

    `whole` are the tables that are read in order from their beginning, be it along an index: to their end, or, where
    it `stops`, until a limit is reached. `sorts` are the steps that sort, group or make distinct what no index has in
    order.
    """

    statement: str
    steps: tuple[str, ...]
    whole: tuple[str, ...]
    sorts: tuple[str, ...]
    stops: bool


class Watch(Protocol):
    """Hold what the readers of a store run while it is open."""

    async def plans(self) -> Sequence[Planned]:
        """Return the statements over rows in the order in which they ran, each with its plan, bookkeeping left out."""
        ...


@runtime_checkable
class Explaining(Protocol):
    """Be a row store that tells how it answers."""

    def watched(self) -> AbstractContextManager[Watch]:
        """Watch every reader of the store that is open; for tests, on an application that does nothing beside."""
        ...
