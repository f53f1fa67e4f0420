"""Tables that modules declare for units of work: each once, and those that exist with the columns that are declared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import ReflectedColumn

from diptych.errors import WiringError


def declared(metadatas: Sequence[sa.MetaData]) -> Iterator[sa.Table]:
    """Yield the tables of all modules, those that others refer to first."""
    for metadata in dict.fromkeys(metadatas):
        yield from metadata.sorted_tables


def refuse_doubles(metadatas: Sequence[sa.MetaData], name_of: Callable[[sa.Table], str]) -> None:
    """Raise WiringError for a table that two modules declare, each for itself."""
    known: dict[str, sa.Table] = {}
    for table in declared(metadatas):
        if known.setdefault(name_of(table), table) is not table:
            raise WiringError(
                f"two modules declare a table {table.fullname!r}",
                fix="share one MetaData, or rename one of the tables",
            )


def refuse_other(table: sa.Table, found: Sequence[ReflectedColumn], place: str) -> None:
    """Raise WiringError for a table that exists in a place with other columns than it is declared with."""
    there = {column["name"].lower() for column in found}
    wanted = {column.name.lower() for column in table.columns}
    missing = sorted(wanted - there)
    # A column of an older or newer version of the code may stay, as long as rows can be written without it.
    needed = sorted(
        column["name"] for column in found if column["name"].lower() not in wanted and _must_be_told(column)
    )
    if missing or needed:
        lacks = f"lacks {', '.join(missing)}" if missing else f"needs values for {', '.join(needed)}"
        raise WiringError(
            f"table {table.fullname!r} exists in {place} with other columns than declared: it {lacks}",
            fix="migrate it before the start (ALTER TABLE, or Alembic); tables are made, never changed",
        )


def _must_be_told(column: ReflectedColumn) -> bool:
    made = any(column.get(each) is not None for each in ("default", "identity", "computed"))
    return not column["nullable"] and not made
