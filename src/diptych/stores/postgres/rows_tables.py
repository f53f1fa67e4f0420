"""Tables of read models in PostgreSQL: what they are called, and what stands in the database for one generation."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable

from diptych.errors import WiringError
from diptych.model.fields import place_of
from diptych.model.projections import ReadModel
from diptych.model.rows import WORDS
from diptych.stores.kinds import POSTGRES
from diptych.stores.postgres.rows_dialect import quoted, text_of
from diptych.stores.postgres.text_index import text_columns, text_index
from diptych.stores.tables import searched, table_of

_LONGEST = 63
_TAKEN = ("migrations",)
_OF_EVERY_TABLE = ("cmax", "cmin", "ctid", "tableoid", "xmax", "xmin")
_FULL = 70
"""How full pages are filled at first, in percent: an update that finds room in its page moves no index."""


def fitting(name: str) -> str:
    """Return a name that PostgreSQL takes whole: it cuts longer ones off, and takes two of them for one.

    >>> fitting("product__g1")
    'product__g1'
    >>> fitting("a" * 63 + "__g1")
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_b4ca42e8e2d61e1c__g1'
    """
    given = name.encode()
    if len(given) <= _LONGEST:
        return name
    _, mark, generation = name.rpartition("__g")
    end = f"_{blake2b(given, digest_size=8).hexdigest()}{mark}{generation if mark else ''}"
    return given[: _LONGEST - len(end)].decode(errors="ignore") + end


def physical(name: str, generation: int) -> str:
    """Return the name of the table that holds one generation of a read model."""
    return fitting(f"{name}__g{generation}")


def logical_table(model: ReadModel[Any]) -> sa.Table:
    """Return the table that users' selects name; raise WiringError for names that PostgreSQL cannot have."""
    long = [column.name for column in model.columns if len(column.name.encode()) > _LONGEST]
    if long:
        raise WiringError(
            f"PostgreSQL cuts names off behind {_LONGEST} bytes, and {long[0]!r} is longer",
            where=place_of(model.row),
            fix="give the field a shorter name",
        )
    taken = [column.name for column in model.columns if column.name in _OF_EVERY_TABLE]
    if taken:
        raise WiringError(
            f"every table of PostgreSQL has a column {taken[0]!r} of its own",
            where=place_of(model.row),
            fix="give the field another name",
        )
    if model.name in _TAKEN or model.name.startswith("pg_"):
        raise WiringError(
            f"the name {model.name!r} of a read model is taken in PostgreSQL",
            where=place_of(model.row),
            fix=f"name it otherwise: read_model(..., name='{model.projection}_{model.name.removeprefix('pg_')}')",
        )
    return table_of(model, dialect=POSTGRES)


def physical_table(model: ReadModel[Any], generation: int) -> sa.Table:
    """Return the table of one generation, with the words of searched rows."""
    table = table_of(model, name=physical(model.name, generation), suffix=f"__g{generation}", dialect=POSTGRES)
    for index in table.indexes:
        index.name = sa.sql.quoted_name(fitting(str(index.name)), quote=None)
    for column in text_columns(model):
        table.append_column(column)
    return table


def created(model: ReadModel[Any], table: sa.Table) -> tuple[str, ...]:
    """Return what creates one generation: its table and indexes, and the view that makes it the live one."""
    indexes = [text_of(CreateIndex(index)) for index in sorted(table.indexes, key=lambda index: str(index.name))]
    columns = ", ".join(quoted(column.name) for column in table.c if column.name != WORDS)
    view = f"create view {quoted(model.name)} as select {columns} from {quoted(table.name)}"  # noqa: S608 (our own names)
    return (_made(model, table), *indexes, view)


def finished(model: ReadModel[Any], table: sa.Table) -> tuple[str, ...]:
    """Return what follows once the rows of a new generation are there: the index of their words."""
    return (text_of(CreateIndex(text_index(table, fitting(f"{table.name}__text")))),) if searched(model) else ()


def analysed(table: sa.Table) -> str:
    """Return what lets plans be made by the rows that are there: for none, they would be made for ever for none."""
    return f"analyze {quoted(table.name)}"


def dropped(name: str, generation: int) -> tuple[str, ...]:
    """Return what drops one generation of a read model, and its view."""
    return (f"drop view if exists {quoted(name)}", f"drop table if exists {quoted(physical(name, generation))}")


def _made(model: ReadModel[Any], table: sa.Table) -> str:
    made = text_of(CreateTable(table)).strip()
    return made if model.append_only else f"{made} with (fillfactor={_FULL})"
