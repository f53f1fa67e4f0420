"""Views: the store that keeps what selects over read models made, and swaps it as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import msgspec

from diptych.model.projections import ReadModel
from diptych.model.views import MaterialisedView
from diptych.ports.rows import Checkpoint, Opened


class Materialised(msgspec.Struct, frozen=True):
    """What is stored of a view: its rows hold everything up to `position`.

    `seen` is the number that `RowReader.changed` gave for the read models below, on the snapshot of the refresh.
    `refreshed_at` is in microseconds since 1970 UTC, `seconds` what the refresh took.
    """

    view: str
    position: int
    seen: int
    fingerprint: str
    log_id: UUID
    refreshed_at: int
    rows: int = 0
    seconds: float = 0.0
    generation: int = 0

    def is_of(self, other: Materialised) -> bool:
        """Say whether both were made by the same code from the same log, so that one is the older."""
        return (self.fingerprint, self.log_id) == (other.fingerprint, other.log_id)


class Below(NamedTuple):
    """What the snapshot of a refresh says of the read models below a view; `seen` as in `Materialised`."""

    checkpoints: Mapping[str, Checkpoint]
    seen: int


Judge = Callable[[Below], Materialised]
"""Say what is to be stored of a refresh, by what its snapshot says; an exception ends the refresh."""


class ViewStore(Opened, Protocol):
    """Keep the rows of views beside those of read models."""

    def refuse_unfit(self, view: MaterialisedView[Any], statement: Any) -> None:  # Any: a SQLAlchemy select
        """Raise WiringError where the columns of the select are not those of the view's rows; needs no open store."""
        ...

    async def stored(self) -> Mapping[str, Materialised]:
        """Return what is stored of every view, read afresh whenever another connection committed."""
        ...

    async def refresh(
        self, view: MaterialisedView[Any], statement: Any, models: Sequence[ReadModel[Any]], judge: Judge
    ) -> Materialised:
        """Run the select over these read models on one snapshot, and put its rows in the place of the old ones.

        Rows, and what `judge` says of them, are stored in one transaction; returns what then is stored. Rows of an
        older snapshot never replace those of a newer one of the same code: then nothing is written. No writer waits for
        the select, and no reader for the rows. Raises ValueError for two rows with one key, and whatever else the
        select, the rows or `judge` raise: then the old rows stand.
        """
        ...
