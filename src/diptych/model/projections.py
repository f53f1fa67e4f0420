"""Projections: read models as folds of the log, row by row.

A projection is the unit of progress: one checkpoint, one version, one rebuild. Its read models are folded in the order
in which they are declared; events strictly in the order of their positions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, overload

from diptych.errors import WiringError
from diptych.model.fields import Field, fields_of, hints_of, place_of, split_marks, split_optional
from diptych.model.folds import event_classes, parameters_of, takes
from diptych.model.messages import event_type
from diptych.model.meta import Meta
from diptych.model.rows import Column, columns_of, refuse_unscaled

V = TypeVar("V")
F = TypeVar("F", bound=Callable[..., Any])
Key = tuple[Any, ...]
KeysOf = Callable[[Any], Iterable[Key]]
"""Compute the keys of the rows that an event changes; every key is a tuple, one part per key column."""

POSITION = "position"
INDEX = "index"
_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}$")


@dataclass(frozen=True, eq=False)
class RowFold:
    """Fold one type of event into rows: `function(row, event[, meta]) -> row | None`, None deleting the row.

    `must_exist` is declared by a first parameter that does not admit None.
    """

    function: Callable[..., Any]
    event: type
    keys: KeysOf
    must_exist: bool
    wants_meta: bool
    key_fields: tuple[str, ...] = ()


@dataclass(eq=False)
class ReadModel(Generic[V]):
    """Keep rows of type V, one per key, each the fold of the events with that key.

    Made by `Projection.read_model` or `Projection.append_only`.
    """

    row: type[V]
    name: str
    key: tuple[str, ...]
    projection: str
    append_only: bool = False
    history: bool = False
    indexes: tuple[tuple[str, ...], ...] = ()
    folds: dict[type, list[RowFold]] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Return the columns: for append-only rows, position and index come first."""
        own = columns_of(self.row)
        if not self.append_only:
            return own
        return (Column(POSITION, int, optional=False), Column(INDEX, int, optional=False), *own)

    def key_of(self, row: V) -> Key:
        """Return the key of a row that is not append-only."""
        return tuple(getattr(row, name) for name in self.key)

    @overload
    def on(self, function: F, /) -> F: ...
    @overload
    def on(
        self, /, *, key: str | tuple[str, ...] | Callable[[Any], Any] = ..., keys: Callable[[Any], Iterable[Any]] = ...
    ) -> Callable[[F], F]: ...
    def on(self, function: Any = None, /, *, key: Any = None, keys: Any = None) -> Any:
        """Register a fold for the events that its second parameter names (its first, for append-only rows).

        The key is read from the event's fields of the same names; an event whose key is None changes no row. `key`
        names other fields or computes it, `keys` computes several, for an event that changes several rows.
        """
        if function is not None:
            return self._register(function, None, None)
        return lambda given: self._register(given, key, keys)

    def _register(self, function: F, key: Any, keys: Any) -> F:
        for event in event_classes(function, at=0 if self.append_only else 1):
            self.folds.setdefault(event, []).append(self._fold(function, event, key, keys))
        return function

    def _fold(self, function: Callable[..., Any], event: type, key: Any, keys: Any) -> RowFold:
        meta = takes(function, Meta)
        if self.append_only:
            return RowFold(function, event, lambda _: ((),), must_exist=False, wants_meta=meta)
        names = key if isinstance(key, tuple) else (key,) if isinstance(key, str) else None
        extract, used = _keys_of(self, event, names if names is not None else key, keys, function)
        return RowFold(function, event, extract, _must_exist(function), meta, used)


class Projection:
    """Declare read models that are folded together.

    Raise `version` when a fold or a row type changes: the read models are then rebuilt from the log.
    """

    def __init__(self, name: str, *, version: int = 1) -> None:
        if not _NAME.match(name) or version < 1:
            raise WiringError(
                f"projection {name!r} version {version} cannot be kept",
                fix="name it in lower case with underscores, and count versions from 1",
            )
        self.name, self.version = name, version
        self.models: list[ReadModel[Any]] = []

    def read_model(
        self,
        row: type[V],
        *,
        key: str | tuple[str, ...],
        name: str | None = None,
        history: bool = False,
        indexes: Iterable[str | tuple[str, ...]] = (),
    ) -> ReadModel[V]:
        """Declare a read model: rows of this type, keyed by these columns; an index is a column or a group of them."""
        names = (key,) if isinstance(key, str) else key
        title = name or snake(row.__name__)
        return self._add(ReadModel(row, title, names, self.name, history=history, indexes=_groups(indexes)))

    def append_only(
        self, row: type[V], *, name: str | None = None, indexes: Iterable[str | tuple[str, ...]] = ()
    ) -> ReadModel[V]:
        """Declare append-only rows, keyed by their event's position and their index in it; a fold takes the event."""
        title, key = name or snake(row.__name__), (POSITION, INDEX)
        return self._add(ReadModel(row, title, key, self.name, append_only=True, indexes=_groups(indexes)))

    @property
    def events(self) -> tuple[type, ...]:
        """Return the event classes that any of the read models folds."""
        return tuple(dict.fromkeys(event for model in self.models for event in model.folds))

    @property
    def types(self) -> tuple[str, ...]:
        """Return the stored names that the projection reads, sorted."""
        return tuple(sorted({event_type(event).name for event in self.events}))

    def folds(self) -> Iterator[tuple[ReadModel[Any], RowFold]]:
        """Yield every fold with its read model, in the order of declaration."""
        for model in self.models:
            for folds in model.folds.values():
                yield from ((model, fold) for fold in folds)

    def _add(self, model: ReadModel[V]) -> ReadModel[V]:
        known = {column.name for column in model.columns}
        wanted = {*model.key, *(name for group in model.indexes for name in group)}
        if not _NAME.match(model.name):
            raise WiringError(
                f"read model {model.name!r} cannot be kept",
                where=place_of(model.row),
                fix="name it in lower case with underscores: read_model(..., name='...')",
            )
        if not wanted <= known:
            raise WiringError(
                f"read model {model.name!r} is keyed or indexed by {sorted(wanted - known)}, which its rows lack",
                where=place_of(model.row),
                fix=f"name columns of {model.row.__qualname__}: {', '.join(sorted(known))}",
            )
        for column in model.columns:
            if column.name in wanted:
                refuse_unscaled(model.row, column)
        self.models.append(model)
        return model


def _groups(indexes: Iterable[str | tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    return tuple((each,) if isinstance(each, str) else tuple(each) for each in indexes)


def snake(name: str) -> str:
    """Return a class name in snake case.

    >>> snake("ProductView")
    'product_view'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _must_exist(function: Callable[..., Any]) -> bool:
    first = parameters_of(function)[0]
    return not split_optional(split_marks(hints_of(function)[first.name])[0])[1]


def _keys_of(
    model: ReadModel[Any], event: type, key: Any, keys: Any, function: Callable[..., Any]
) -> tuple[KeysOf, tuple[str, ...]]:
    if keys is not None:
        return (lambda given: [_tuple(each) for each in keys(given)]), ()
    if callable(key):
        return (lambda given: () if (found := key(given)) is None else (_tuple(found),)), ()
    names: tuple[str, ...] = model.key if key is None else key
    present: dict[str, Field] = {each.name: each for each in fields_of(event)}
    if len(names) != len(model.key):
        raise WiringError(
            f"{model.name!r} is keyed by ({', '.join(model.key)}), and {function.__qualname__} by ({', '.join(names)})",
            where=place_of(function),
            fix="name one field of the event for each column of the key, in their order",
        )
    lacking = [name for name in names if name not in present]
    if lacking:
        raise WiringError(
            f"{event.__qualname__} has no field {lacking[0]!r} to key a row of {model.name!r} by",
            where=place_of(function),
            fix=f"name the event's field: @{model.name}.on(key='...'), one of {', '.join(present)}",
        )
    if any(present[name].optional for name in names):
        return _by_optional_fields(names), names
    return _by_fields(names), names


def _by_optional_fields(names: tuple[str, ...]) -> KeysOf:
    def keys(event: Any) -> tuple[Key, ...]:
        key = tuple(getattr(event, name) for name in names)
        return () if None in key else (key,)

    return keys


def _by_fields(names: tuple[str, ...]) -> KeysOf:
    if len(names) == 1:
        only = names[0]
        return lambda event: ((getattr(event, only),),)
    return lambda event: (tuple(getattr(event, name) for name in names),)


def _tuple(key: Any) -> Key:
    return key if isinstance(key, tuple) else (key,)
