"""The hot statements of a read model, compiled once from its table to text for the raw driver."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from diptych.codec import encode
from diptych.model.projections import Key, ReadModel
from diptych.stores.columns import storage_of
from diptych.stores.selecting import Selecting
from diptych.stores.sqlite.text_index import text_drop_of, text_index_of
from diptych.stores.tables import Conversion, conversion_of, numbered_table_of, table_of

_DIALECT = sqlite.dialect(paramstyle="qmark")


@dataclass(frozen=True, slots=True)
class Reading:
    """Read rows of one read model by key: the statements and the conversion of what they return."""

    conversion: Conversion
    one: str
    many: str
    all: str
    width: int
    joinable: bool
    """Whether `many` finds keys; bytes have no place in JSON."""

    def many_argument(self, keys: Iterable[Key]) -> str:
        """Return the argument of `many`: the keys as a JSON array of arrays."""
        return encode([self.conversion.encode_key(key) for key in keys]).decode()

    def rows(self, found: Sequence[tuple[Any, ...]]) -> dict[Key, Any]:
        """Return key -> row of what `one`, `many` or `all` found."""
        key_of, row_of, width = self.conversion.decode_key, self.conversion.decode, self.width
        return {key_of(values): row_of(values[width:]) for values in found}


@dataclass(frozen=True, slots=True)
class Writing:
    """Write rows of one generation of a read model; `create` makes its table, indexes and views.

    `finish` follows once the rows of a new generation are there.
    """

    generation: int
    conversion: Conversion
    reading: Reading
    upsert: str
    delete: str
    create: tuple[str, ...]
    finish: tuple[str, ...]


def physical(name: str, generation: int) -> str:
    """Return the name of the table that holds one generation of a read model."""
    return f"{name}__g{generation}"


def reading_of(model: ReadModel[Any], table: sa.Table) -> Reading:
    """Compile the reading statements of a read model over its view or one of its tables."""
    conversion = conversion_of(model)
    keys = [table.c[name] for name in model.key]
    columns = sa.select(*keys, *(table.c[name].label(f"f_{name}") for name in conversion.fields))
    wanted = sa.func.json_each(sa.bindparam("keys")).table_valued("value")
    same = [key == wanted.c.value.op("->>")(sa.literal_column(str(at))) for at, key in enumerate(keys)]
    return Reading(
        conversion,
        one=_text(columns.where(*(key == sa.bindparam(f"k{at}") for at, key in enumerate(keys)))),
        many=_text(columns.select_from(wanted.join(table, sa.and_(*same)))),
        all=_text(columns),
        width=len(keys),
        joinable=not any(isinstance(key.type, sa.LargeBinary) for key in keys),
    )


def selecting_of(model: ReadModel[Any], generation: int, columns: Sequence[str]) -> Selecting:
    """Compile the statements that page through the rows whose columns have some values, in the order of keys."""
    table = table_of(model, name=physical(model.name, generation))
    keys, conversion = [table.c[name] for name in model.key], conversion_of(model)
    same = [table.c[name] == sa.bindparam(f"c{at}") for at, name in enumerate(columns)]
    beyond = sa.tuple_(*keys) > sa.tuple_(*(sa.bindparam(f"k{at}", type_=key.type) for at, key in enumerate(keys)))
    found = sa.select(*keys, *(table.c[name].label(f"f_{name}") for name in conversion.fields)).where(*same)
    paged = found.order_by(*keys).limit(sa.bindparam("limit", type_=sa.Integer()))
    named = {column.name: column for column in model.columns}
    to_store = tuple(storage_of(named[name]).to_store for name in columns)
    return Selecting(_paged(paged), _paged(paged.where(beyond)), to_store)


def _paged(statement: Any) -> str:
    # SQLite's dialect writes an offset beside every limit that is a parameter.
    return _text(statement).replace("LIMIT ? OFFSET ?", "LIMIT ?")


@lru_cache(maxsize=512)  # applications that are opened one after the other, as by tests, share what was compiled
def writing_of(model: ReadModel[Any], generation: int) -> Writing:
    """Compile the statements of one generation of a read model."""
    suffix = f"__g{generation}"
    table = table_of(model, name=physical(model.name, generation), suffix=suffix)
    keys = [table.c[name] for name in model.key]
    reading = reading_of(model, table)
    return Writing(
        generation,
        reading.conversion,
        reading,
        upsert=_upsert(table, model.key),
        delete=_text(sa.delete(table).where(*(key == sa.bindparam(f"k{at}") for at, key in enumerate(keys)))),
        create=_create(model, table, suffix),
        finish=() if (index := text_index_of(model, table.name)) is None else index.fill,
    )


def drop_of(name: str, generation: int) -> tuple[str, ...]:
    """Return the statements that drop one generation of a read model, and its view."""
    table = physical(name, generation)
    index = text_drop_of(name, table)
    return (f"drop view if exists {_quoted(name)}", *index, f"drop table if exists {_quoted(table)}")


def _upsert(table: sa.Table, key: tuple[str, ...]) -> str:
    insert = sqlite.insert(table).values({column.name: sa.bindparam(column.name) for column in table.c})
    others = {column.name: insert.excluded[column.name] for column in table.c if column.name not in key}
    # Never `insert or replace`: it would delete other rows that hold the same unique value, and tell nobody.
    if others:
        return _text(insert.on_conflict_do_update(index_elements=list(key), set_=others))
    return _text(insert.on_conflict_do_nothing(index_elements=list(key)))


def _create(model: ReadModel[Any], table: sa.Table, suffix: str) -> tuple[str, ...]:
    index = text_index_of(model, table.name)
    if index is not None:
        table = numbered_table_of(model, name=table.name, suffix=suffix)
    columns = ", ".join(_quoted(column.name) for column in table.c)
    view = f"create view {_quoted(model.name)} as select {columns} from {_quoted(table.name)}"  # noqa: S608 (our own names)
    indexes = [_text(CreateIndex(index)) for index in sorted(table.indexes, key=lambda index: str(index.name))]
    return (_text(CreateTable(table)), *indexes, view, *(index.create if index is not None else ()))


def _quoted(name: str) -> str:
    return _DIALECT.identifier_preparer.quote(name)


def _text(statement: Any) -> str:
    return str(statement.compile(dialect=_DIALECT))
