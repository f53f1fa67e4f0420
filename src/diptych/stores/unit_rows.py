"""Rows of a unit of work that were loaded before its turn: compared with the database once nobody else can write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstanceState, Mapper, RelationshipDirection, Session

from diptych.errors import StaleRowError, UnitError

_AT_ONCE = 500
_UNKNOWN = object()

State = InstanceState[Any]  # Any: a class of the user's
Row = tuple[Any, ...]  # Any: column values


def loaded(session: Session) -> set[State]:
    """Return the states of the rows that a session holds."""
    return {sa.inspect(each) for each in session.identity_map.values()}


def touched(session: Session) -> set[State]:
    """Return the states of the rows that a flush would update or delete, those for what they belong to among them."""
    changed = [each for each in session.dirty if session.is_modified(each)]
    moved = [each for owner in (*changed, *session.new, *session.deleted) for each in _moved(owner, session)]
    return {sa.inspect(each) for each in (*changed, *session.deleted, *moved)}


def _moved(owner: object, session: Session) -> Iterator[object]:
    """Yield what an object got, lost, or leaves behind when it is deleted: rows that say whose they are."""
    state: State = sa.inspect(owner)
    for each in state.mapper.relationships:
        owns = each.direction is RelationshipDirection.ONETOMANY and not each.viewonly
        if owns or each.cascade.delete_orphan:
            added, unchanged, deleted = state.attrs[each.key].history
            left = unchanged if owner in session.deleted else ()
            yield from (found for found in (*(added if owns else ()), *left, *deleted) if found in session)


def refuse_stale(session: Session, states: Iterable[State]) -> None:
    """Raise StaleRowError if the database no longer holds one of these rows as it was loaded; hold the turn.

    Where rows have locks, they are locked, in the order of their keys. Raises UnitError for a list, set or dict that
    was changed in place, unless the class has a version_id_col: nobody knows what it was.
    """
    by_mapper: dict[Mapper[Any], list[State]] = {}
    for state in states:
        by_mapper.setdefault(state.mapper, []).append(state)
    for mapper, found in by_mapper.items():
        remaining = iter(found)
        while page := list(islice(remaining, _AT_ONCE)):
            _compare(session, mapper, page)


def _compare(session: Session, mapper: Mapper[Any], states: Sequence[State]) -> None:
    columns = _columns(mapper)
    olds = [_as_loaded(state, columns) for state in states]
    wanted = [name for name in columns if any(name in old for old in olds)]
    now = _now(session, mapper, states, [columns[name] for name in wanted])
    for state, old in zip(states, olds, strict=True):
        new = now.get(tuple(state.identity or ()))
        for index, name in enumerate(wanted):
            if name in old and (new is None or _differ(columns[name].type, old[name], new[index])):
                raise StaleRowError(
                    f"{mapper.class_.__qualname__} {state.identity} was {'deleted' if new is None else 'changed'} by "
                    f"somebody else after it was loaded{'' if new is None else f' ({name})'}"
                )


def _differ(kind: sa.types.TypeEngine[Any], old: Any, new: Any) -> bool:
    if kind.compare_values(old, new):
        return False
    return not (isinstance(old, float | Decimal) and old != old and new != new)  # noqa: PLR0124 (so NaN is known)


def _columns(mapper: Mapper[Any]) -> dict[str, sa.Column[Any]]:
    found = {each.key: each.columns[0] for each in mapper.column_attrs}
    return {name: column for name, column in found.items() if isinstance(column, sa.Column)}


def _as_loaded(state: State, columns: Mapping[str, sa.Column[Any]]) -> dict[str, Any]:
    """Return the values that were loaded, by attribute; what was never read is not among them."""
    found = {name: _old(state, name) for name in columns}
    return {name: value for name, value in found.items() if value is not _UNKNOWN}


def _old(state: State, name: str) -> Any:
    added, unchanged, deleted = state.attrs[name].history
    for known in (deleted, unchanged):
        if known:
            return known[0]
    if added and isinstance(added[0], list | dict | set) and state.mapper.version_id_col is None:
        raise UnitError(
            f"{state.class_.__qualname__}.{name} was changed in place before the turn was taken, and what it was is "
            "not known: `await work.begin()` before loading it, assign a new value, or give the class a version_id_col"
        )
    return _UNKNOWN


def _now(
    session: Session, mapper: Mapper[Any], states: Sequence[State], columns: Sequence[sa.Column[Any]]
) -> dict[Row, Row]:
    # Of the tables themselves: it loads no object and touches none that is there, and joins what this class has alone.
    keys = mapper.primary_key
    among = sa.select(*keys, *columns).select_from(mapper.persist_selectable)
    found = among.where(_among(keys, [state.identity or () for state in states])).order_by(*keys)
    # As an update locks them: others may write rows that refer to these.
    rows: Iterator[Any] = iter(session.connection().execute(found.with_for_update(key_share=True)))
    return {tuple(row[: len(keys)]): tuple(row[len(keys) :]) for row in rows}


def _among(keys: Sequence[sa.ColumnElement[Any]], identities: Sequence[Row]) -> sa.ColumnElement[bool]:
    if len(keys) == 1:
        return keys[0].in_([identity[0] for identity in identities])
    return sa.tuple_(*keys).in_(identities)
