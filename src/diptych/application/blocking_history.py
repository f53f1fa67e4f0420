"""The past of rows, for code without async: the same names as those of History."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from diptych.application.background import Background
from diptych.history.blame import Blame, Diff, RowEvent
from diptych.history.history import History, Moment
from diptych.history.refold import LIMIT, Cost
from diptych.model.projections import Key, ReadModel


class BlockingHistory:
    """Tell the past of rows to who waits for it; each method is that of History."""

    def __init__(self, background: Background, history: History) -> None:
        self._call, self._history = background.call, history

    @property
    def models(self) -> Mapping[str, ReadModel[Any]]:
        """Return the read models by name."""
        return self._history.models

    def model(self, name: str) -> ReadModel[Any]:
        """Return the read model of this name."""
        return self._history.model(name)

    def key_of(self, name: str, text: str) -> Key:
        """Return the key that a text names."""
        return self._history.key_of(name, text)

    def position_of(self, moment: Moment) -> int:
        """Return the position that a moment means."""
        return self._call(self._history.position_of, moment)

    def blame(
        self,
        model: str,
        key: Any,  # Any: values of the key columns
        *,
        field: str | None = None,
        as_of: Moment | None = None,
        limit: int = LIMIT,
        wait: float = 2.0,
    ) -> Blame:
        """Return which event set each field of a row, or this one, to the value that it has now, or had at a moment."""
        return self._call(self._history.blame, model, key, field=field, as_of=as_of, limit=limit, wait=wait)

    def diff(
        self,
        model: str,
        key: Any,  # Any: values of the key columns
        start: Moment,
        end: Moment,
        *,
        limit: int = LIMIT,
        wait: float = 2.0,
    ) -> Diff:
        """Return what became of a row between two moments: its fields, and every event folded into it."""
        return self._call(self._history.diff, model, key, start, end, limit=limit, wait=wait)

    def versions(
        self,
        model: str,
        key: Any,  # Any: values of the key columns
        *,
        after: int = 0,
        as_of: Moment | None = None,
        count: int = 100,
        limit: int = LIMIT,
        wait: float = 2.0,
    ) -> Sequence[RowEvent]:
        """Return what each event after a position did to a row up to a moment, the oldest first, at most `count`."""
        asked = self._history.versions
        return self._call(asked, model, key, after=after, as_of=as_of, count=count, limit=limit, wait=wait)

    def cost(self, model: str, key: Any, *, as_of: Moment | None = None) -> Cost:  # Any: values of the key columns
        """Return what knowing the past of a row costs: events to read, and whether whole types; none with history."""
        return self._call(self._history.cost, model, key, as_of=as_of)
