"""History: what a row was, since when, and why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from diptych.codec import EventCodec
from diptych.errors import NoHistoryError, PositionError, UnknownRowError
from diptych.history.blame import Blame, Diff, FieldBlame, RowEvent, Since, changed, row_at, row_events
from diptych.history.causes import causes_at
from diptych.history.keys import key_of_text
from diptych.history.moments import position_of
from diptych.history.refold import LIMIT, Cost, Refold
from diptych.model.projections import Key, Projection, ReadModel
from diptych.model.rowfolds import bare
from diptych.ports import EventReader, Version
from diptych.read.panel import ReadPanel
from diptych.read.past import is_kept

Moment = int | datetime
"""A position, or a time with a zone: the last position recorded at or before it; one to come is the head."""
_PAGE = 500


class _Stretch(NamedTuple):
    """The row at the beginning, and its versions after that."""

    before: Any
    versions: Sequence[Version]


class History:
    """Tell the past of rows: of read models with history from their versions, of others by folding their events again.

    A key of one column is given as its bare value, one of several as a tuple. A refold reads at most `limit` events,
    else CostError; `cost` says beforehand what it takes. Raises UnknownRowError for what is not there, PositionError
    for a position beyond the head, and what a query that waits raises.
    """

    def __init__(
        self, projections: Iterable[Projection], log: EventReader, codec: EventCodec, reads: ReadPanel
    ) -> None:
        self._projections = {each.name: each for each in projections}
        self._models = {model.name: model for each in self._projections.values() for model in each.models}
        self._log, self._codec, self._reads = log, codec, reads
        reads.refolds(self._rows_at)

    @property
    def models(self) -> Mapping[str, ReadModel[Any]]:
        """Return the read models by name."""
        return self._models

    def model(self, name: str) -> ReadModel[Any]:
        """Return the read model of this name; raise UnknownRowError where there is none."""
        if name not in self._models:
            raise UnknownRowError(
                f"there is no read model {name!r:.60}; there are: {', '.join(self._models) or 'none'}"
            )
        return self._models[name]

    def key_of(self, name: str, text: str) -> Key:
        """Return the key that a text names; raise InvalidMessageError naming the columns whose values do not fit."""
        return key_of_text(self.model(name), text)

    async def position_of(self, moment: Moment) -> int:
        """Return the position that a moment means; raise ValueError for one that is none."""
        return await position_of(self._log, moment)

    async def blame(
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
        found, wanted = self.model(model), _key(self.model(model), key)
        fields = _fields(found, field)
        position = await self._position(found, as_of)
        since = Since(fields)
        async for stretch in self._stretches(found, wanted, position, limit=limit, wait=wait):
            since.take(stretch)
        if since.row is None:
            raise UnknownRowError(f"{model!r} has no row {bare(wanted)!r} at position {position}")
        causes = await causes_at(self._log, since.positions.values())
        values = zip(fields, since.values, strict=True)
        told = tuple(FieldBlame(name, value, causes[since.positions[name]]) for name, value in values)
        return Blame(model, wanted, position, told)

    async def diff(
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
        found, wanted = self.model(model), _key(self.model(model), key)
        first, last = await self.position_of(start), await self.position_of(end)
        if first > last:
            raise ValueError(f"the moments of a diff come in order, found position {first} before {last}")
        before, between = await self._between(found, wanted, first, last, limit=limit, wait=wait)
        if before is None and not between:
            raise UnknownRowError(f"{model!r} had no row {bare(wanted)!r} from position {first} to {last}")
        after, fields = between[-1].row if between else before, _fields(found, None)
        causes = await causes_at(self._log, (each.position for each in between))
        events = tuple(row_events(between, causes, fields, before=before))
        return Diff(model, wanted, first, last, before, after, changed(before, after, fields), events)

    async def versions(
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
        found, wanted = self.model(model), _key(self.model(model), key)
        until = await self._position(found, as_of)
        before, page = await self._between(found, wanted, after, until, limit=limit, wait=wait, count=count)
        causes = await causes_at(self._log, (each.position for each in page))
        return tuple(row_events(page, causes, _fields(found, None), before=before))

    async def cost(
        self, model: str, key: Any, *, as_of: Moment | None = None
    ) -> Cost:  # Any: values of the key columns
        """Return what knowing the past of a row costs: events to read, and whether whole types; none with history."""
        found, wanted = self.model(model), _key(self.model(model), key)
        if is_kept(found):
            return Cost(0, scans=False)
        position = await self._position(found, as_of)
        return await self._refold(found, position, LIMIT).cost(found, wanted)

    async def _rows_at(self, model: ReadModel[Any], keys: Sequence[Key], position: int) -> Mapping[Key, Any]:
        if model.projection not in self._projections:
            fix = "it is refreshed as a whole; ask the read models under it, with history=True"
            raise NoHistoryError(model.name, f"the view {model.name!r}", fix=fix)
        found = {}
        for key in keys:
            versions = await self._refold(model, position, LIMIT).versions(model, key)
            if versions and versions[-1].row is not None:
                found[key] = versions[-1].row
        return found

    async def _position(self, model: ReadModel[Any], moment: Moment | None) -> int:
        if moment is not None:
            return await self.position_of(moment)
        return await self._reads.reach.position((model.projection,)) if is_kept(model) else await self._log.head()

    async def _between(
        self,
        model: ReadModel[Any],
        key: Key,
        after: int,
        until: int,
        *,
        limit: int,
        wait: float,
        count: int | None = None,
    ) -> _Stretch:
        if not is_kept(model):
            versions = await self._refolded(model, key, until, limit)
            return _Stretch(row_at(versions, after), [each for each in versions if each.position > after][:count])
        await self._reads.reach.reach((model.projection,), until, timeout=wait)
        before = (await self._reads.reader.get(model, (key,), as_of=after)).get(key) if after else None
        found: list[Version] = []
        async for page in self._pages(model, key, after, until):
            found += page
            if count is not None and len(found) >= count:
                break
        return _Stretch(before, found[:count])

    async def _stretches(
        self, model: ReadModel[Any], key: Key, until: int, *, limit: int, wait: float
    ) -> AsyncIterator[Sequence[Version]]:
        """Yield the versions of a row, a short stretch at a time: nobody waits long for the loop."""
        if is_kept(model):
            await self._reads.reach.reach((model.projection,), until, timeout=wait)
            async for page in self._pages(model, key, 0, until):
                yield page
            return
        versions = await self._refolded(model, key, until, limit)
        for start in range(0, len(versions), _PAGE):
            yield versions[start : start + _PAGE]
            await asyncio.sleep(0)

    async def _pages(self, model: ReadModel[Any], key: Key, after: int, until: int) -> AsyncIterator[Sequence[Version]]:
        while page := await self._reads.reader.versions(model, key, after=after, until=until, limit=_PAGE):
            yield page
            if len(page) < _PAGE:
                return
            after = page[-1].position

    async def _refolded(self, model: ReadModel[Any], key: Key, until: int, limit: int) -> Sequence[Version]:
        if until > (head := await self._log.head()):
            raise PositionError(until, head)
        return await self._refold(model, until, limit).versions(model, key)

    def _refold(self, model: ReadModel[Any], position: int, limit: int) -> Refold:
        return Refold(self._projections[model.projection], self._log, self._codec, until=position, limit=limit)


def _key(model: ReadModel[Any], given: Any) -> Key:
    key = given if isinstance(given, tuple) else (given,)
    if len(key) != len(model.key):
        raise TypeError(f"a key of {model.name!r} is ({', '.join(model.key)}), found {given!r}")
    return key


def _fields(model: ReadModel[Any], field: str | None) -> tuple[str, ...]:
    known = tuple(each.name for each in model.columns if not (model.append_only and each.name in model.key))
    if field is None:
        return known
    if field not in known:
        raise UnknownRowError(f"{model.name!r} has no field {field!r}; it has: {', '.join(known)}")
    return (field,)
