"""Units of work: tables of the user, events and the record of a command, committed as one in the log's database."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from diptych.ports.log import Append, AppendOutcome

if TYPE_CHECKING:  # the extra `sql` may be missing, and Core alone is quicker to import
    from sqlalchemy import MetaData
    from sqlalchemy.ext.asyncio import AsyncSession


class Unit(Protocol):
    """One transaction of one handler, used by one task; left without an append, it is rolled back."""

    @property
    def session(self) -> AsyncSession:
        """Return the session; it reads what is committed, and the limit counts from its first write.

        Where one writes at a time, that write waits for the turn. Its own commit is refused: UnitError.
        """
        ...

    async def begin(self) -> None:
        """Let no other unit of this log write from here on; what the session loaded holds, else StaleRowError.

        What is read after that does not change before the end, which comes after the limit at the latest.
        """
        ...

    async def append(self, append: Append) -> AppendOutcome:
        """Flush, judge the condition, and commit rows, events and record as one; roll all back unless Appended.

        Cancelling the caller cancels nothing once the commit was asked for. Raises what the unit failed of before
        (TurnHeldError, StaleRowError, UnitError), ContentionError when others were in its way, StoreError when it
        surely failed, OutcomeUnknownError when nobody knows.
        """
        ...

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Roll back what was not committed and give the turn back; raise TurnHeldError when it was taken away."""
        ...


@runtime_checkable
class Transactional(Protocol):
    """Let units of work write tables beside a log."""

    def declare(self, tables: Sequence[MetaData]) -> None:
        """Name the tables of units of work, before the store is opened; entering it makes those that are missing.

        Raises WiringError for a name that the log uses itself and for a missing extra; entering raises it for a table
        that exists with other columns.
        """
        ...

    def unit(self, *, limit: float) -> Unit:
        """Return an unopened unit of work that ends `limit` seconds after its first write at the latest."""
        ...
