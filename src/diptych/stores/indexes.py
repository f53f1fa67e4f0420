"""Indexes of a table that a read model declares beyond columns: partial, covering, in both directions."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from diptych.conditions import condition
from diptych.model.indexes import Index
from diptych.model.predicates import columns_in
from diptych.model.projections import ReadModel


def with_declared(table: sa.Table, model: ReadModel[Any], suffix: str) -> sa.Table:
    """Return the table of a read model after adding the declared indexes to it; `suffix` ends their names."""
    for index in model.declared:
        where = None if index.where is None else condition(index.where, table)
        columns = [_directed(name, table) for name in _names(index, model.key)]
        sa.Index(f"{model.name}_by_{index.title}{suffix}", *columns, unique=index.unique, sqlite_where=where)
    return table


def _names(index: Index, key: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns, then the key, so that rows of equal columns lie in its order, then what is covered.

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


def _directed(name: str, table: sa.Table) -> sa.ColumnElement[Any]:
    column = table.c[name.removeprefix("-")]
    return column.desc() if name.startswith("-") else column
