"""Tables of units of work: made in the database of the log where they are missing, in the user's own schemas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import asyncpg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from diptych.errors import WiringError
from diptych.stores.postgres.address import ROWS_SCHEMA, Address
from diptych.stores.postgres.unit_faults import driver_error
from diptych.stores.postgres.unit_statements import own
from diptych.stores.unit_tables import declared, refuse_doubles, refuse_other


def refuse_clashes(address: Address, tables: Sequence[sa.MetaData]) -> None:
    """Raise WiringError for a table in a schema of Diptych's own, or that two modules declare."""
    for table in declared(tables):
        if table.schema in (address.schema, ROWS_SCHEMA):
            raise WiringError(
                f"table {table.fullname!r} lies in schema {table.schema}, which is Diptych's own",
                fix="leave the schema out, or name one of yours",
            )
    refuse_doubles(tables, lambda table: table.fullname)


async def install(engine: AsyncEngine, address: Address, tables: Sequence[sa.MetaData]) -> None:
    """Make the tables that are missing, all or none; raise WiringError for one that exists with other columns."""
    async with engine.connect() as connection:
        missing = await connection.run_sync(lambda within: [table.fullname for table in _missing(within, tables)])
        if missing:
            await _make(connection, address, tables, missing)


async def _make(
    connection: AsyncConnection, address: Address, tables: Sequence[sa.MetaData], missing: Sequence[str]
) -> None:
    schema = await connection.scalar(own("unit_schema", address.schema))
    if schema == address.schema:
        raise WiringError(
            f"tables of units of work would be made in schema {schema}, which is the log's: the search_path of role "
            f"{address.user!r} begins with it",
            fix="name another schema in the URL of the log (?schema=...), or in the search_path of the role",
        )
    try:
        await connection.execute(own("unit_lock_tables", address.schema))
        for metadata in tables:
            await connection.run_sync(metadata.create_all)
        await connection.commit()
    except DBAPIError as wrong:
        raise _refused(wrong, address, missing) from wrong


def _refused(wrong: DBAPIError, address: Address, missing: Sequence[str]) -> Exception:
    driver = driver_error(wrong)
    if isinstance(driver, asyncpg.InsufficientPrivilegeError):
        return WiringError(
            f"tables of units of work are missing, and role {address.user!r} may not make them: {driver}; wanted: "
            f"{', '.join(missing)}",
            fix="make them by a migration, as the owner, and grant this role what handlers do there: "
            "docs/going-to-production, Roles",
        )
    if isinstance(driver, asyncpg.InvalidSchemaNameError):
        return WiringError(f"tables of units of work cannot be made: {driver}", fix="make the schema before the start")
    return wrong


def _missing(connection: sa.Connection, tables: Sequence[sa.MetaData]) -> Iterator[sa.Table]:
    """Yield the tables that are not there."""
    inspector = sa.inspect(connection)
    for table in declared(tables):
        if inspector.has_table(table.name, schema=table.schema):
            refuse_other(table, inspector.get_columns(table.name, schema=table.schema), "the database")
        else:
            yield table
