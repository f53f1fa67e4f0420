"""Generations: whether the table of each read model is the one that its projection stands at, and views are there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from diptych.ports import Finding
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.rows_tables import physical
from diptych.stores.postgres.statements import sql

_OF_A_GENERATION = re.compile(r".+__g\d+")


async def generations(connection: Connection, address: Address) -> list[Finding]:
    """Compare the tables that read models are said to have with those that are there."""
    schema = address.schema
    named = [(name, number) for name, number in await connection.fetch(sql("doctor_generations", schema))]
    views = [name for (name,) in await connection.fetch(sql("doctor_views", schema))]
    there = [name for (name,) in await connection.fetch(sql("doctor_tables", schema), schema)]
    found = [*_missing(named, there, schema), *_without_rows(views, there, schema), *_left(named, there, schema)]
    return found or [Finding("generations", "ok", f"each of {len(named)} read models has the table of its generation")]


def _missing(named: Sequence[tuple[str, int]], there: Sequence[str], schema: str) -> Iterator[Finding]:
    gone = [name for name, number in named if physical(name, number) not in there]
    if gone:
        text = f"the tables of {', '.join(gone)} are gone from schema {schema}"
        fix = "raise the version of their projections, or drop the schema, migrate and start: all are folded anew"
        yield Finding("generations", "error", text, fix)


def _without_rows(views: Sequence[str], there: Sequence[str], schema: str) -> Iterator[Finding]:
    """Tell of the views that are gone: what is refreshed in place has no generations, and bears its own name."""
    gone = [name for name in views if name not in there]
    if gone:
        text = f"the materialised views {', '.join(gone)} are gone from schema {schema}"
        yield Finding("views", "error", text, f"make them anew: diptych views refresh {gone[0]}")


def _left(named: Sequence[tuple[str, int]], there: Sequence[str], schema: str) -> Iterator[Finding]:
    known = {physical(name, number) for name, number in named}
    left = [name for name in there if _OF_A_GENERATION.fullmatch(name) and name not in known]
    if left:
        text = f"tables in schema {schema} belong to no generation: {', '.join(left)}"
        yield Finding("generations left", "note", text, f"look, and drop them: drop table {schema}.{left[0]}")
