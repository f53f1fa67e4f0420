"""Grants: what a role lacks of what it needs, what it has beyond that, and the statements that put it right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from diptych.stores.postgres.components import House, Roles, Whose
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.statements import sql


class Grant(NamedTuple):
    """A privilege on a table, function or schema that a role lacks, or has beyond its needs; the statement for it."""

    name: str
    privilege: str
    statement: str


async def lacking(connection: Connection, house: House, role: str, whose: Whose) -> list[Grant]:
    """Return what a role lacks on the schema, the tables and the functions of a house."""
    wanted = ["USAGE", "CREATE"] if house.has_rows and whose == "application" else ["USAGE"]
    found = await _asked(connection, house, "schema", role, wanted)
    if whose == "application" and not house.has_rows:
        found += await _asked(connection, house, "functions", role)
    return [*found, *await _asked(connection, house, "missing", role, *_pairs(house, whose))]


async def granting(connection: Connection, house: House, roles: Roles) -> list[Grant]:
    """Return what is to be done for these roles, in this order."""
    application, queries = roles
    found: list[Grant] = []
    if application is not None:
        found += await _exactly(connection, house, application, "application")
        if house.has_rows:
            found += await _asked(connection, house, "owner", application, list(house.rights("application")))
    if queries is not None:
        found += await _exactly(connection, house, queries, "queries")
        if house.has_rows:
            found += await _rows(connection, house, queries, application)
    return found


async def _exactly(connection: Connection, house: House, role: str, whose: Whose) -> list[Grant]:
    tables, pairs = list(house.rights("application")), _pairs(house, whose)
    excess = await _asked(connection, house, "excess", role, tables, *pairs)
    return [*excess, *await lacking(connection, house, role, whose)]


async def _rows(connection: Connection, house: House, role: str, owner: str | None) -> list[Grant]:
    tables = list(house.rights("application"))
    if owner is None:
        owner = await connection.fetchval(
            sql("rights_owner_of_rows", house.address.schema), house.address.schema, tables
        )
    there = await _asked(connection, house, "rows", role)
    there = [each for each in there if each.name not in tables]
    return [*there, *await _asked(connection, house, "coming", role, owner)]


async def _asked(connection: Connection, house: House, what: str, role: str, *rest: object) -> list[Grant]:
    schema = house.address.schema
    return [Grant(*row) for row in await connection.fetch(sql(f"rights_{what}", schema), schema, role, *rest)]


def _pairs(house: House, whose: Whose) -> tuple[Sequence[str], Sequence[str]]:
    pairs = [(table, right) for table, rights in house.rights(whose).items() for right in rights]
    return [table for table, _ in pairs], [right for _, right in pairs]
