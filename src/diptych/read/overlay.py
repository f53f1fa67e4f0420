"""The overlay: rows of a batch that are read but not stored, and folding over them one step after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from diptych.model.meta import Meta
from diptych.model.projections import Key, ReadModel
from diptych.model.rowfolds import META, RowChange, bare
from diptych.model.rowkeys import sortable
from diptych.ports import Changes, StoredEvent
from diptych.read.plan import AnyStep, Appending, Fanning, Learned, Referring, Rolling, Step
from diptych.recorded import meta_of

_ONLY_META = (META,)
Work = tuple[Learned, int, AnyStep, Sequence[Key]]
"""Which of the events that a stored one is today, what to do with it, and the keys of its rows."""


class MissingRowError(LookupError):
    """A fold that needs a row found none."""


class UnmadeRowError(TypeError):
    """A fold whose return type promises a row returned None."""


class Missing(NamedTuple):
    """Ask for a row that nobody could know of beforehand."""

    at: int
    key: Key


class Matching(NamedTuple):
    """Ask for every stored row whose columns have these values."""

    at: int
    columns: Mapping[str, Any]


class Pause(NamedTuple):
    """Ask for nothing: a moment to let others run, amid much work for one event."""


Need = Missing | Matching | Pause
_PORTION = 128


class Overlay:
    """Hold, per read model of a projection, the rows that a batch read or made, and what it changed."""

    def __init__(self, models: Sequence[ReadModel[Any]]) -> None:
        self._models = models
        self.rows: list[dict[Key, Any]] = [{} for _ in models]
        """Key -> row; None where there is none."""
        self.changed: list[dict[Key, int]] = [{} for _ in models]
        self._versions: list[list[tuple[Key, int, Any]]] = [[] for _ in models]
        self._made: list[list[RowChange[Any]]] = [[] for _ in models]
        self.appended: list[tuple[int, int]] = [(0, 0) for _ in models]
        """The position that was appended for last, and how many rows."""
        self._noted = (0, 0)
        self._known: tuple[StoredEvent | None, int, Any] = (None, 0, None)

    def meta(self, stored: StoredEvent, index: int) -> Meta:
        """Return what is known about an event; all folds of one event share it."""
        known, at, meta = self._known
        if known is not stored or at != index:
            meta = meta_of(stored, index)
            self._known = (stored, index, meta)
        return meta  # type: ignore[no-any-return]  # a Meta once an event is known

    def note(self, at: int, change: RowChange[Any], index: int) -> None:
        """Keep a change for those who want every one: rollups until the next event, history for good."""
        if (change.position, index) != self._noted:
            self._noted = (change.position, index)
            for made in self._made:
                made.clear()
        self._made[at].append(change)
        if self._models[at].history:
            self._versions[at].append((change.key, change.position, change.after))

    def made(self, at: int, position: int, index: int) -> Sequence[RowChange[Any]]:
        """Return the changes that this event of a position made to the rows of a read model so far."""
        return self._made[at] if (position, index) == self._noted else ()

    def changes(self) -> list[Changes]:
        """Return everything that changed."""
        return [
            Changes(model, {key: self.rows[at].get(key) for key in self.changed[at]}, self.changed[at], versions)
            for at, (model, versions) in enumerate(zip(self._models, self._versions, strict=True))
            if self.changed[at]
        ]


def run(work: Iterable[Work], overlay: Overlay) -> Iterator[Need]:
    """Fold over the overlay, in place; yield what is needed and go on when it is there."""
    for learned, index, step, keys in work:
        if type(step) is Step:
            _fold(learned, index, step, keys, overlay)
        elif type(step) is Appending:
            _append(learned, index, step, overlay)
        elif type(step) is Fanning:
            columns = {column: getattr(learned.events[index], name) for column, name in step.where}
            if None not in columns.values():
                yield Matching(step.step.at, columns)
                found = _matching(overlay.rows[step.step.at], columns)
                for begin in range(0, len(found), _PORTION):
                    _fold(learned, index, step.step, found[begin : begin + _PORTION], overlay)
                    yield Pause()
        elif type(step) is Rolling:
            yield from _roll(learned, index, step, overlay)


def _fold(learned: Learned, index: int, step: Step, keys: Iterable[Key], overlay: Overlay) -> None:
    at, function, _, must_exist, as_stored, followed, extras, _, deletes = step
    rows, event, position = overlay.rows[at], learned.events[index], learned.stored.position
    for key in keys:
        row = rows.get(key)
        if row is None and must_exist:
            raise _missing(function.__qualname__, key)
        if extras == _ONLY_META:
            new = function(row, event, overlay.meta(learned.stored, index))
        elif extras:
            new = function(row, event, *_arguments(learned, index, key, step, overlay))
        else:
            new = function(row, event)
        if new is None and not deletes:
            raise _unmade(function.__qualname__, key)
        if new is not row:
            rows[key] = new = new if new is None or as_stored is None else as_stored(new, row)
            overlay.changed[at][key] = position
            if followed:
                overlay.note(at, RowChange(key, row, new, position), index)


def _append(learned: Learned, index: int, step: Appending, overlay: Overlay) -> None:
    at, function, kind, as_stored, followed, *_ = step
    made = function(learned.events[index], *_arguments(learned, index, (), step, overlay))
    if made is None:
        return
    rows, changed, position = overlay.rows[at], overlay.changed[at], learned.stored.position
    last, count = overlay.appended[at]
    count = count if last == position else 0
    for each in (made,) if isinstance(made, kind) else made:
        row = each if as_stored is None else as_stored(each, None)
        rows[position, count] = row
        changed[position, count] = position
        if followed:
            overlay.note(at, RowChange((position, count), None, row, position), index)
        count += 1
    overlay.appended[at] = (position, count)


def _roll(learned: Learned, index: int, step: Rolling, overlay: Overlay) -> Iterator[Need]:
    at, function, _, must_exist, as_stored, followed, *_ = step.step
    rows, position = overlay.rows[at], learned.stored.position
    for count, change in enumerate(overlay.made(step.source, position, index), 1):
        if count % _PORTION == 0:
            yield Pause()
        for key, told in step.fold.changes(change):
            if key not in rows:
                yield Missing(at, key)
            row = rows.get(key)
            if row is None and must_exist:
                raise _missing(function.__qualname__, key)
            new = function(row, told, *_arguments(learned, index, key, step.step, overlay))
            if new is None and not step.step.deletes:
                raise _unmade(function.__qualname__, key)
            if new is not row:
                rows[key] = new = new if new is None or as_stored is None else as_stored(new, row)
                overlay.changed[at][key] = position
                if followed:
                    overlay.note(at, RowChange(key, row, new, position), index)


def _arguments(learned: Learned, index: int, key: Key, step: Step | Appending, overlay: Overlay) -> list[Any]:
    given: list[Any] = []
    for extra in step.extras:
        if extra >= 0:
            given.append(_referred(learned.events[index], step.references[extra], overlay))
        else:
            given.append(overlay.meta(learned.stored, index) if extra == META else bare(key))
    return given


def _referred(event: Any, referring: Referring, overlay: Overlay) -> Any:
    at, key_of, must_exist, parameter = referring
    key = key_of(event)
    row = None if key is None else overlay.rows[at].get(key)
    if row is None and must_exist:
        raise _missing(f"the parameter {parameter!r}", key or ())
    return row


def _matching(rows: Mapping[Key, Any], columns: Mapping[str, Any]) -> list[Key]:
    """Return the keys of the rows that match now, in the order in which every store would sort them."""
    wanted = columns.items()
    found = [
        key
        for key, row in rows.items()
        if row is not None and all(getattr(row, name) == value for name, value in wanted)
    ]
    return sorted(found, key=sortable)


def _missing(function: str, key: Key) -> MissingRowError:
    return MissingRowError(f"{function} needs the row {bare(key)}, and there is none")


def _unmade(function: str, key: Key) -> UnmadeRowError:
    return UnmadeRowError(
        f"{function} returned None for the row {bare(key)}, and its type promises a row; return one, or say that None "
        "deletes it: -> ... | None"
    )
