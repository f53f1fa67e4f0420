"""Tables of versions: every version of a row by position, in a table beside each generation's, behind a view.

A version holds from its position, `_from`, to that of the next one, `_to`; the current one to `FOREVER`. Append-only
rows have one version each: the view makes it up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from diptych.model.projections import Key, ReadModel
from diptych.ports import Version
from diptych.stores.kinds import SQLITE, Whole
from diptych.stores.tables import Conversion, table_of

FOREVER = (1 << 63) - 1
FROM, TO = "_from", "_to"


def view_of(name: str) -> str:
    """Return the name of the view over the versions of a read model's live generation."""
    return f"{name}__h"


def history_table(model: ReadModel[Any], name: str, dialect: str = SQLITE) -> sa.Table:
    """Return the table, or the view, that has the versions of a read model."""
    own = table_of(model, dialect=dialect)
    return sa.Table(
        name,
        sa.MetaData(),
        *(sa.Column(each.name, each.type, nullable=each.nullable, autoincrement=False) for each in own.c),
        sa.Column(FROM, Whole, nullable=False, autoincrement=False),
        sa.Column(TO, Whole, nullable=False),
        sa.PrimaryKeyConstraint(*model.key, FROM),
        sqlite_strict=True,
        sqlite_with_rowid=own.dialect_options["sqlite"]["with_rowid"],
    )


class Inserted(NamedTuple):
    """A version that is to be stored."""

    key: Key
    row: Any
    start: int
    end: int


class Chained(NamedTuple):
    """What a batch does to the versions of rows: where each key's stored version ends, and what comes."""

    closing: dict[Key, int]
    rows: list[Inserted]


def chained(versions: Sequence[tuple[Key, int, Any]]) -> Chained:
    """Return what the versions of a batch, in the order of the log, do; the last version of a position counts."""
    closing: dict[Key, int] = {}
    newest: dict[Key, tuple[int, Any]] = {}
    rows: list[Inserted] = []
    for key, position, row in versions:
        before = newest.get(key)
        if before is None:
            closing[key] = position
        elif before[0] != position and before[1] is not None:
            rows.append(Inserted(key, before[1], before[0], position))
        newest[key] = (position, row)
    rows += [Inserted(key, row, position, FOREVER) for key, (position, row) in newest.items() if row is not None]
    return Chained(closing, rows)


class Past(NamedTuple):
    """The selects that read the versions of one key, whose parts are the parameters `k0`, `k1`.

    `one` finds the row at `position`: key, then fields. `versions` pages through those after `after`, and the one that
    held there, up to `until`: `_from`, `_to`, fields.
    """

    one: sa.Select[Any]
    versions: sa.Select[Any]


def past_selects(model: ReadModel[Any], conversion: Conversion, table: sa.Table) -> Past:
    """Return the selects over the versions of a read model."""
    older = table.alias("older")
    fields = [table.c[name].label(f"f_{name}") for name in conversion.fields]
    newest = sa.select(sa.func.max(older.c[FROM])).where(*same(older, model))
    one = sa.select(*(table.c[name] for name in model.key), *fields).where(
        *same(table, model),
        table.c[FROM] == newest.where(older.c[FROM] <= _whole("position")).scalar_subquery(),
        table.c[TO] > _whole("position"),
    )
    before = newest.where(older.c[FROM] <= _whole("after")).scalar_subquery()
    versions = (
        sa.select(table.c[FROM], table.c[TO], *fields)
        .where(
            *same(table, model),
            table.c[FROM] >= sa.func.coalesce(before, sa.literal_column("0")),
            table.c[FROM] <= _whole("until"),
        )
        .order_by(table.c[FROM])
        .limit(_whole("limit"))
        .offset(sa.literal_column("0"))
    )
    return Past(one, versions)


def told(conversion: Conversion, found: Sequence[Sequence[Any]], after: int, until: int) -> Iterator[Version]:
    """Yield the versions in (after, until] that the rows of `Past.versions` tell of, deletions among them."""
    for at, (start, end, *values) in enumerate(found):
        if start > after:
            yield Version(start, conversion.decode(tuple(values)))
        if after < end <= until and (at + 1 == len(found) or found[at + 1][0] != end):
            yield Version(end, None)


def as_of(statement: Any, position: int, named_past: Callable[[str], str] = view_of) -> Any:  # Any: a SQLAlchemy select
    """Return a `select()` that finds, by the names of read models, their rows at a position.

    A common table expression of the same name stands before each table, wherever in the statement it is read;
    `named_past` gives the name of the view over its versions.
    """
    named = {each.name: each for each in visitors.iterate(statement) if isinstance(each, sa.TableClause)}
    at = sa.literal(position, sa.BigInteger())
    for name, table in named.items():
        past = sa.table(named_past(name), *(sa.column(column) for column in (*table.c.keys(), FROM, TO)))
        rows = sa.select(*(past.c[column] for column in table.c.keys()))  # noqa: SIM118 (a collection of columns)
        held = rows.where(past.c[FROM] <= at, past.c[TO] > at)
        # Else PostgreSQL would make the rows of a table that is read twice first, and look at no index after that.
        statement = statement.add_cte(held.cte(name).prefix_with("NOT MATERIALIZED", dialect="postgresql"))
    return statement


def same(table: Any, model: ReadModel[Any]) -> list[Any]:
    """Return the conditions that a row has the key of the parameters `k0`, `k1`."""
    return [table.c[name] == sa.bindparam(f"k{at}") for at, name in enumerate(model.key)]


def bound(conversion: Conversion, key: Key) -> dict[str, Any]:
    """Return the values of the parameters `k0`, `k1`."""
    return {f"k{at}": part for at, part in enumerate(conversion.encode_key(key))}


def _whole(name: str) -> sa.BindParameter[int]:
    return sa.bindparam(name, type_=sa.BigInteger())
