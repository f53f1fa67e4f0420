"""Upkeep: the tables of every component brought up to date, and roles given what they need, by a role that may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from diptych.errors import SettingsError
from diptych.ports import Kept
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.components import House, Roles, components
from diptych.stores.postgres.connection import Connection, close, connect
from diptych.stores.postgres.faults import FAILED, store_error
from diptych.stores.postgres.grants import Grant, granting
from diptych.stores.postgres.migrations import applied_of, due, migrate
from diptych.stores.postgres.statements import sql

Work = Callable[[Connection, House], Awaitable[list[Grant]]]


async def brought_up(houses: Sequence[House], roles: Roles) -> list[Kept]:
    """Apply the migrations that are due, and grant what roles lack; return what was done, house by house.

    Raises SettingsError for a role that is not there, or that may not do this; StoreError as `migrate` does.
    """

    async def change(connection: Connection, house: House) -> list[Grant]:
        await migrate(connection, house.address, house.components)
        return await _granted(connection, house, roles)

    return [await _on(house, roles, change) for house in houses]


async def wanting(houses: Sequence[House], roles: Roles) -> list[Kept]:
    """Return what `brought_up` would do; rights are listed where the tables are up to date."""

    async def look(connection: Connection, house: House) -> list[Grant]:
        if await due(connection, house.address, house.components):
            return []
        return await granting(connection, house, roles)

    return [await _on(house, roles, look) for house in houses]


async def _on(house: House, roles: Roles, work: Work) -> Kept:
    connection = await connect(house.address, purpose="upkeep")
    try:
        await _refuse_unknown(connection, house.address, roles)
        await _refuse_mixed(connection, house)
        lacking = await due(connection, house.address, house.components)
        grants = await work(connection, house)
    except asyncpg.InsufficientPrivilegeError as wrong:
        raise _refused(house.address, wrong) from wrong
    except FAILED as wrong:
        raise store_error(wrong) from wrong
    finally:
        await close(connection)
    names = tuple(f"{each.component}/{each.number:04}_{each.name}" for each in lacking)
    return Kept(house.address.schema, names, tuple(each.statement for each in grants))


async def _granted(connection: Connection, house: House, roles: Roles) -> list[Grant]:
    async with connection.transaction():
        await connection.execute(sql("migrations_lock", house.address.schema))  # of two grants at once one would fail
        grants = await granting(connection, house, roles)
        for each in grants:
            await connection.execute(each.statement)
        # Who may not hand a right on is only warned by the server, and nothing is granted.
        if grants and (lacking := await granting(connection, house, roles)):
            raise _refused(house.address, f"nothing came of: {lacking[0].statement}")
    return grants


async def _refuse_unknown(connection: Connection, address: Address, roles: Roles) -> None:
    for role in roles:
        if role is not None and not await connection.fetchval(sql("rights_role", address.schema), role):
            raise SettingsError(
                f"there is no role {role!r} at {address.server}; make it first: create role {role} login password '...'"
            )


async def _refuse_mixed(connection: Connection, house: House) -> None:
    """Raise for a schema where the other panel lives: read models are handed over, and a log would be with them."""
    there = {component for component, _ in await applied_of(connection, house.address)}
    if strangers := there.intersection(components()).difference(house.components):
        panel = "a log" if house.has_rows else "read models"
        raise SettingsError(
            f"schema {house.address.schema} of database {house.address.database!r} holds "
            f"{', '.join(sorted(strangers))} of {panel} already; name another in the URL, ?schema=..."
        )


def _refused(address: Address, wrong: object) -> SettingsError:
    return SettingsError(
        f"the role {address.user!r} may not do this in schema {address.schema} of database {address.database!r} "
        f"({wrong}); name the owner of the tables in the URL, or a superuser"
    )
