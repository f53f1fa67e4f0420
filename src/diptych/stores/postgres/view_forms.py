"""Forms of a view: a materialised view, where PostgreSQL can make its rows, else a table that Python's rows go into.

Either is refreshed in place, and only what changed in it is written: whoever reads it waits for nothing, and sees the
rows of one refresh. A view of other code is made beside the old one, and takes its name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol

import asyncpg
import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable

from diptych.model.views import MaterialisedView
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.rows_dialect import DIALECT, quoted, text_of
from diptych.stores.postgres.rows_selects import Shape
from diptych.stores.postgres.rows_statements import Writing, writing_of
from diptych.stores.postgres.rows_tables import fitting, physical_table
from diptych.stores.postgres.statements import sql
from diptych.stores.view_rows import encoded, twice

MATERIALISED, TABLE = "m", "r"
_DROPPED = {MATERIALISED: "materialized view", TABLE: "table", "v": "view"}
_KEYED = re.compile(r"\)=\((.*)\) ")
_NEWS = "diptych_news"


class Form(Protocol):
    """Keep the rows of one view, on the connection and in the transaction given."""

    kind: str
    """What PostgreSQL calls it: MATERIALISED or TABLE."""

    async def make(self, connection: Connection, statement: Any, name: str) -> None:
        """Make it anew, under this name and with its rows."""
        ...

    async def renew(self, connection: Connection, statement: Any) -> None:
        """Change the rows that are there to those that the select finds now."""
        ...


def form_of(view: MaterialisedView[Any], schema: str, generation: int) -> Form:
    """Return the form of a view: computed columns and words of texts are made in Python."""
    if any(column.computed or column.weight is not None for column in view.model.columns):
        return Merged(view, generation)
    return Selected(view, schema, generation)


async def replace(connection: Connection, form: Form, name: str, fresh: str, schema: str) -> None:
    """Give what was made under the name `fresh` the name of the view, in the place of what has it."""
    old = await connection.fetchval(sql("views_kind", schema), quoted(name))
    if old is not None:
        await connection.execute(f"drop {_DROPPED[old]} {quoted(name)}")
    if form.kind != MATERIALISED:
        await connection.execute(f"drop function if exists {schema}.{quoted(name)}()")
    await connection.execute(f"alter {_DROPPED[form.kind]} {quoted(fresh)} rename to {quoted(name)}")


class Selected:
    """Keep a view as a materialised view over a function of its name, whose body is the select.

    The function knows its tables by name: so the generations below may come and go, and a select that looks at the time
    is another one at every refresh.
    """

    kind = MATERIALISED

    def __init__(self, view: MaterialisedView[Any], schema: str, generation: int) -> None:
        self._view, self._schema = view, schema
        self._table = physical_table(view.model, generation)
        keys = (self._table.c[name] for name in view.model.key)
        sa.Index(fitting(f"{view.name}_by_its_key__g{generation}"), *keys, unique=True)
        self._function = f"{schema}.{quoted(view.name)}"

    async def make(self, connection: Connection, statement: Any, name: str) -> None:
        """Create function, materialised view and indexes."""
        await self._define(connection, statement)
        columns = ", ".join(_described(column) for column in self._table.c)
        try:
            await connection.execute(
                f"create materialized view {quoted(name)} as select * from {self._function}() as made({columns})"  # noqa: S608 (our own names)
            )
            for each in (*_indexes(self._table), f"analyze {quoted(name)}"):
                await connection.execute(each)
        except asyncpg.UniqueViolationError as wrong:
            raise self._doubled(wrong) from wrong
        await self._refuse_gaps(connection, name)

    async def renew(self, connection: Connection, statement: Any) -> None:
        """Refresh concurrently."""
        await self._define(connection, statement)
        try:
            await connection.execute(f"refresh materialized view concurrently {quoted(self._view.name)}")
        except (asyncpg.UniqueViolationError, asyncpg.CardinalityViolationError) as wrong:
            raise self._doubled(wrong) from wrong
        await self._refuse_gaps(connection, self._view.name)

    async def _define(self, connection: Connection, statement: Any) -> None:
        made = statement.subquery("made")
        typed = sa.select(*(sa.cast(made.c[column.name], column.type).label(column.name) for column in self._table.c))
        body = str(typed.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))
        if body == await connection.fetchval(sql("views_selected", self._schema), self._schema, self._view.name):
            return
        # As text, and not as SQL that is read now: nothing then depends on the tables.
        text = body.replace("'", "''")
        await connection.execute(
            f"create or replace function {self._function}() returns setof record language sql stable "
            f"set search_path from current as '{text}'"
        )

    async def _refuse_gaps(self, connection: Connection, name: str) -> None:
        """Raise ValueError for an empty value where there must be one: a materialised view has no constraints."""
        wanted = [column.name for column in self._table.c if not column.nullable]
        missing = " + ".join(f"count(*) filter (where {quoted(each)} is null)" for each in wanted)
        if not await connection.fetchval(f"select {missing} from {quoted(name)}"):  # noqa: S608 (our own names)
            return
        raise ValueError(f"the select returned a row without a value of {' or '.join(wanted)}: make it T | None")

    def _doubled(self, wrong: Any) -> Exception:
        constraint = wrong.constraint_name
        if constraint is not None and "_by_its_key__g" not in constraint:
            return wrong  # type: ignore[no-any-return]  # of asyncpg, without annotations: another unique column
        found = _KEYED.search(wrong.detail or "")
        return twice(self._view, f"({found[1]})" if found else str(wrong.detail))


class Merged:
    """Keep a view as a table: its rows are made in Python, and merged into those that are there."""

    kind = TABLE

    def __init__(self, view: MaterialisedView[Any], generation: int) -> None:
        self._view, self._writing = view, writing_of(view.model, generation)

    async def make(self, connection: Connection, statement: Any, name: str) -> None:
        """Create the table, copy the rows into it, then make its indexes, that of its words among them."""
        rows = await self._rows(connection, statement)
        await connection.execute(text_of(CreateTable(self._writing.table)))
        await _copy(connection, name, self._writing, rows)
        for each in (*_indexes(self._writing.table), f"analyze {quoted(name)}"):
            await connection.execute(each)

    async def renew(self, connection: Connection, statement: Any) -> None:
        """Delete what is no longer so, then insert what is new: what is to be unique is free before it is used."""
        rows = await self._rows(connection, statement)
        name, columns = quoted(self._view.name), [quoted(each) for each in self._writing.columns]
        listed, news, held = (", ".join(f"{prefix}{each}" for each in columns) for prefix in ("", "news.", "held."))
        same = " and ".join(f"news.{quoted(key)} = held.{quoted(key)}" for key in self._view.model.key)
        await connection.execute(
            f"create temporary table {_NEWS} on commit drop as select {listed} from {name} with no data"  # noqa: S608 (our own names)
        )
        await _copy(connection, _NEWS, self._writing, rows)
        await connection.execute(
            f"delete from {name} as held where not exists (select 1 from {_NEWS} as news "  # noqa: S608 (the same)
            f"where {same} and row({news}) is not distinct from row({held}))"
        )
        await connection.execute(
            f"insert into {name} ({listed}) select {news} from {_NEWS} as news "  # noqa: S608 (the same)
            f"where not exists (select 1 from {name} as held where {same})"
        )

    async def _rows(self, connection: Connection, statement: Any) -> list[tuple[Any, ...]]:
        asked = Shape(statement, None).asked({}, None)
        found = await asked.shape.run(connection, asked)
        return encoded(self._view, statement, found, self._writing.encode)


async def _copy(connection: Connection, name: str, writing: Writing, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        await connection.copy_records_to_table(name, records=rows, columns=writing.columns)


def _indexes(table: sa.Table) -> list[str]:
    return [text_of(CreateIndex(index)) for index in sorted(table.indexes, key=lambda index: str(index.name))]


def _described(column: sa.Column[Any]) -> str:
    kind = DIALECT.type_compiler_instance.process(column.type, type_expression=column)
    return f"{quoted(column.name)} {kind}"
