"""Indexes of a table that a read model declares beyond columns: partial, covering, in both directions."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from diptych.conditions import condition
from diptych.model.indexes import Index
from diptych.model.predicates import columns_in
from diptych.model.projections import ReadModel
from diptych.stores.kinds import SQLITE


def with_declared(table: sa.Table, model: ReadModel[Any], suffix: str, dialect: str = SQLITE) -> sa.Table:
    """Return the table of a read model after adding the declared indexes to it; `suffix` ends their names."""
    for index in model.declared:
        where = None if index.where is None else condition(index.where, table)
        names = _names(index, model.key) if dialect == SQLITE else _ordering(index, model.key)
        columns = [directed(name, table, dialect) for name in names]
        sa.Index(
            f"{model.name}__by_{index.title}{suffix}",
            *columns,
            unique=index.unique,
            sqlite_where=where,
            postgresql_where=where,
            postgresql_include=[name for name in index.covering if name not in _bare(names)],
        )
    return table


def directed(name: str, table: sa.Table, dialect: str) -> sa.ColumnElement[Any]:
    """Return a column as an index orders by it, down where its name begins with `-`.

    None comes before every value, as in SQLite, so in PostgreSQL an index is told where its empty values are.
    """
    column, down = table.c[name.removeprefix("-")], name.startswith("-")
    if dialect == SQLITE or not column.nullable:
        return column.desc() if down else column
    return column.desc().nulls_last() if down else column.asc().nulls_first()


def _ordering(index: Index, key: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns, then the key, so that rows of equal columns lie in its order."""
    if index.unique:
        return index.columns
    named = _bare(index.columns)
    return (*index.columns, *(name for name in key if name not in named))


def _names(index: Index, key: tuple[str, ...]) -> tuple[str, ...]:
    """Return what an index of SQLite holds: what it orders by, then what is covered.

    SQLite knows no columns that an index holds without being ordered by them, and reads the columns of its condition
    again, so that an index that is to cover a query holds them too.
    """
    if index.unique:
        return index.columns
    asked = () if index.where is None or not index.covering else columns_in(index.where.predicate)
    named = {each.removeprefix("-"): each for each in index.columns}
    for name in (*key, *index.covering, *asked):
        named.setdefault(name, name)
    return tuple(named.values())


def _bare(names: tuple[str, ...]) -> set[str]:
    return {name.removeprefix("-") for name in names}
