"""Migrations: how the tables of a store came to be, forward only, each applied once and never changed after that."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import NamedTuple

import asyncpg

from diptych.errors import SettingsError, StoreError
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.statements import in_schema, sql

_BYTES = 16


class Migration(NamedTuple):
    """One file of `migrations/COMPONENT/`: its number, its name, its text and the hash of that."""

    component: str
    number: int
    name: str
    text: str
    checksum: str


async def migrate(connection: Connection, address: Address, components: Sequence[str]) -> None:
    """Bring the tables of these components to where this Diptych knows them, in one transaction under a lock.

    Looks first, and changes nothing where nothing is due: so a role that may only read and append can start. Raises
    StoreError for a schema that a newer Diptych made or a migration that was changed, SettingsError for missing rights.
    """
    if not await due(connection, address, components):
        return
    await _refuse_keyword(connection, address)
    try:
        async with connection.transaction():
            await connection.execute(sql("migrations_lock", address.schema))
            # The right to make schemas is wanted for one that is there, too: whoever was given one may lack it.
            if await connection.fetchval("select to_regnamespace($1) is null", address.schema):
                await connection.execute(f"create schema if not exists {address.schema}")
            await connection.execute(sql("migrations_create", address.schema))
            for each in await due(connection, address, components):
                await connection.execute(in_schema(each.text, address.schema))
                await connection.execute(
                    sql("migrations_insert", address.schema), *_key(each), each.name, each.checksum
                )
    except asyncpg.InsufficientPrivilegeError as wrong:
        raise SettingsError(
            f"the tables in schema {address.schema} of database {address.database!r} are not up to date, and the role "
            f"{address.user!r} may not make them ({wrong}); run `diptych log migrate` once with a role that may"
        ) from wrong


async def due(connection: Connection, address: Address, components: Sequence[str]) -> list[Migration]:
    """Return the migrations that are not applied yet; raise StoreError for what is there and not known, or changed."""
    applied = await applied_of(connection, address)
    found: list[Migration] = []
    for component in components:
        known = {each.number: each for each in migrations_of(component)}
        for (of, number), (name, checksum) in applied.items():
            if of == component:
                _refuse_unknown(known.get(number), f"{component}/{number:04}_{name}", checksum, address)
        found += [each for number, each in sorted(known.items()) if (component, number) not in applied]
    return found


async def applied_of(connection: Connection, address: Address) -> dict[tuple[str, int], tuple[str, str]]:
    """Return what was applied: (component, number) -> (name, checksum)."""
    try:
        if await connection.fetchval("select to_regclass($1)", f"{address.schema}.migrations") is None:
            return {}
        rows = await connection.fetch(sql("migrations_applied", address.schema))
    except asyncpg.InsufficientPrivilegeError as wrong:
        raise SettingsError(
            f"the role {address.user!r} has no rights in schema {address.schema} of database {address.database!r} "
            f"({wrong}); give it what it needs: diptych log migrate URL --grant ROLE, with the owner's URL"
        ) from wrong
    return {(component, number): (name, checksum) for component, number, name, checksum in rows}


def migrations_of(component: str) -> Iterator[Migration]:
    """Yield the migrations of a component in their order."""
    folder = files("diptych.stores.postgres").joinpath("migrations", component)
    for path in sorted(folder.iterdir(), key=lambda each: each.name):
        number, _, name = path.name.removesuffix(".sql").partition("_")
        text = path.read_text("utf-8")
        checksum = hashlib.blake2b(text.encode(), digest_size=_BYTES).hexdigest()
        yield Migration(component, int(number), name, text, checksum)


async def _refuse_keyword(connection: Connection, address: Address) -> None:
    """Raise for a schema that would have to be quoted: nothing here is, nor what users write by hand."""
    if await connection.fetchval(sql("migrations_keyword", address.schema), address.schema):
        raise SettingsError(
            f"the schema {address.schema!r} is a word of SQL; name it otherwise, ?schema=my_{address.schema}"
        )


def _refuse_unknown(known: Migration | None, name: str, checksum: str, address: Address) -> None:
    if known is None:
        raise StoreError(
            f"schema {address.schema} has the migration {name}, made by a newer Diptych; update this one, or restore a "
            f"backup from before"
        )
    if known.checksum != checksum:
        raise StoreError(
            f"the migration {name} of schema {address.schema} is not the one that this Diptych knows (checksum "
            f"{checksum}, known {known.checksum}); it was changed by hand, or is of another development version"
        )


def _key(migration: Migration) -> tuple[str, int]:
    return migration.component, migration.number
