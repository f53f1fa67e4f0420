"""Row folds: what a read model does with an event, and with the changes of another read model's rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

V = TypeVar("V")
Key = tuple[Any, ...]
KeysOf = Callable[[Any], Iterable[Key]]
"""Compute the keys of the rows that an event changes; every key is a tuple, one part per key column."""
META, KEY = -1, -2
"""Stand in `extras` for the Meta and for the key of the row; every other number is the index of a reference."""


@dataclass(frozen=True, slots=True)
class RowChange(Generic[V]):
    """Tell a rollup what became of one row: `before` is None for a new row, `after` for a deleted one.

    A row that moves from one key of the rollup to another is told twice: deleted from there, new here.
    """

    key: Key
    before: V | None
    after: V | None
    position: int


@dataclass(frozen=True, eq=False)
class Reference(Generic[V]):
    """Name the row of a read model that an event points to; made by `departments["department"]`."""

    model: Any  # a ReadModel[V], which is declared above this
    key: str | tuple[str, ...] | Callable[[Any], Any]


@dataclass(frozen=True, eq=False)
class Referred:
    """A reference as a fold takes it: for which parameter, and the key of the row that an event points to, or None."""

    parameter: str
    model: Any  # a ReadModel
    key_of: Callable[[Any], Key | None]
    must_exist: bool
    key_fields: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class RowFold:
    """Fold one type of event into rows: `function(row, event, ...) -> row | None`, None deleting the row.

    `must_exist` is declared by a first parameter that does not admit None. `extras` are the further parameters in their
    order. With `where` (columns and the event's fields that they equal) it folds every row that matches. `deletes` is
    declared by a return type that admits None.
    """

    function: Callable[..., Any]
    event: type
    keys: KeysOf
    must_exist: bool
    wants_meta: bool
    key_fields: tuple[str, ...] = ()
    references: tuple[Referred, ...] = ()
    extras: tuple[int, ...] = ()
    where: tuple[tuple[str, str], ...] = ()
    deletes: bool = True


@dataclass(frozen=True, eq=False)
class RollupFold:
    """Fold the changes of another read model's rows: `function(row, change, ...) -> row | None`."""

    function: Callable[..., Any]
    source: Any  # a ReadModel
    key_of: Callable[[Any], Key | None]
    must_exist: bool
    key_fields: tuple[str, ...] = ()
    extras: tuple[int, ...] = ()
    deletes: bool = True

    def changes(self, change: RowChange[Any]) -> Iterable[tuple[Key, RowChange[Any]]]:
        """Yield what a change means to each row of the rollup: one, or two where the row moved between them."""
        old = None if change.before is None else self.key_of(change.before)
        new = None if change.after is None else self.key_of(change.after)
        if old == new:
            return () if old is None else ((old, change),)
        left = () if old is None else ((old, RowChange(change.key, change.before, None, change.position)),)
        return left if new is None else (*left, (new, RowChange(change.key, None, change.after, change.position)))


def bare(key: Key) -> Any:
    """Return a key as a fold takes it: the value of its only column, or the tuple of all."""
    return key[0] if len(key) == 1 else key
