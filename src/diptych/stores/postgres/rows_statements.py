"""The hot statements of a read model in PostgreSQL, compiled once from its table to text for asyncpg."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from diptych.model.projections import Key, ReadModel
from diptych.model.rows import WORDS
from diptych.stores.columns import storage_of
from diptych.stores.kinds import IN_JSON, POSTGRES
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.rows_dialect import text_of
from diptych.stores.postgres.rows_history import history_statements
from diptych.stores.postgres.rows_tables import created, finished, physical, physical_table
from diptych.stores.postgres.text_index import words_in
from diptych.stores.selecting import Selecting
from diptych.stores.tables import Conversion, Encode, conversion_of, table_of


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Read rows of one read model by key: the statements and the conversion of what they return."""

    conversion: Conversion
    one: str
    many: str
    all: str
    width: int

    async def fetch(self, connection: Connection, keys: Sequence[Key]) -> dict[Key, Any]:
        """Return the rows that exist among these keys."""
        encode_key = self.conversion.encode_key
        if len(keys) == 1:
            found = await connection.fetchrow(self.one, *encode_key(keys[0]))
            return {} if found is None else {keys[0]: self.conversion.decode(found)}
        return self.rows(await connection.fetch(self.many, *zip(*map(encode_key, keys), strict=True)))

    def rows(self, found: Iterable[Any]) -> dict[Key, Any]:
        """Return key -> row of what `many`, `all` or a page found: fields, then key."""
        key_of, row_of, width = self.conversion.decode_key, self.conversion.decode, self.width
        return {key_of(values[width:]): row_of(values) for values in found}


@dataclass(frozen=True, slots=True)
class Writing:
    """Write rows of one generation of a read model; `create` makes its table, indexes and views.

    `finish` follows once the rows of a new generation are there. `encode` makes the values of `columns`, `sent` makes
    them, and those of the key, as JSON carries them.
    """

    generation: int
    table: sa.Table
    columns: tuple[str, ...]
    encode: Encode
    sent: Conversion
    reading: Reading
    create: tuple[str, ...]
    finish: tuple[str, ...]


def reading_of(model: ReadModel[Any], table: sa.Table) -> Reading:
    """Compile the reading statements of a read model over its view or one of its tables."""
    conversion = conversion_of(model, POSTGRES)
    keys = [table.c[name] for name in model.key]
    fields = [table.c[name] for name in conversion.fields]
    both = sa.select(*fields, *(key.label(f"key {at}") for at, key in enumerate(keys)))
    wanted = rows_of_arrays("wanted", [key.type for key in keys])
    same = [key == wanted.c[f"c{at}"] for at, key in enumerate(keys)]
    # The limit makes it a search for each key, whatever is known of the table: that may be from when it was empty.
    held = both.where(*same).correlate(wanted).limit(sa.literal_column("1")).lateral("held")
    return Reading(
        conversion,
        one=text_of(sa.select(*fields).where(*(key == sa.bindparam(f"k{at}") for at, key in enumerate(keys)))),
        many=text_of(sa.select(held).select_from(wanted.join(held, sa.true()))),
        all=text_of(both),
        width=len(fields),
    )


def rows_of_arrays(name: str, columns: Sequence[Any]) -> Any:  # Any: a SQLAlchemy table of a function
    """Return the table that parameters `NAME_c0`, `NAME_c1`, each an array, are the columns `c0`, `c1` of."""
    arrays = [sa.bindparam(f"{name}_c{at}", type_=ARRAY(kind)) for at, kind in enumerate(columns)]
    return sa.func.unnest(*arrays).table_valued(*(f"c{at}" for at in range(len(columns))), name=name).render_derived()


def selecting_of(model: ReadModel[Any], generation: int, columns: Sequence[str]) -> Selecting:
    """Compile the statements that page through the rows whose columns have some values, in the order of keys."""
    table = table_of(model, name=physical(model.name, generation), dialect=POSTGRES)
    keys, conversion = [table.c[name] for name in model.key], conversion_of(model, POSTGRES)
    same = [table.c[name] == sa.bindparam(f"c{at}") for at, name in enumerate(columns)]
    beyond = sa.tuple_(*keys) > sa.tuple_(*(sa.bindparam(f"k{at}", type_=key.type) for at, key in enumerate(keys)))
    found = sa.select(
        *(table.c[name] for name in conversion.fields), *(key.label(f"key {at}") for at, key in enumerate(keys))
    )
    paged = found.where(*same).order_by(*keys).limit(sa.bindparam("limit", type_=sa.Integer()))
    named = {column.name: column for column in model.columns}
    to_store = tuple(storage_of(named[name], POSTGRES).to_store for name in columns)
    return Selecting(text_of(paged), text_of(paged.where(beyond)), to_store)


@lru_cache(maxsize=512)  # applications that are opened one after the other, as by tests, share what was compiled
def writing_of(model: ReadModel[Any], generation: int) -> Writing:
    """Compile the statements of one generation of a read model."""
    table = physical_table(model, generation)
    reading = reading_of(model, table)
    columns, words = tuple(column.name for column in model.columns), words_in(model)
    sent = conversion_of(model, IN_JSON)
    return Writing(
        generation,
        table,
        columns if words is None else (*columns, WORDS),
        _with_words(reading.conversion.encode, words),
        replace(sent, encode=_with_words(sent.encode, words)),
        reading,
        create=(*created(model, table), *history_statements(model, generation)),
        finish=finished(model, table),
    )


def _with_words(encode: Encode, words: Callable[[Any], str] | None) -> Encode:
    return encode if words is None else lambda key, row: (*encode(key, row), words(row))
