"""Schemas: which migrations of which component are applied, due, unknown, or not what they were."""

from __future__ import annotations

from diptych.errors import SettingsError, StoreError
from diptych.ports import Finding
from diptych.stores.postgres.components import House
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.migrations import applied_of, due
from diptych.stores.postgres.statements import sql

_AT_START = ("log", "rows", "leases")
_MIGRATE = "diptych log migrate URL, with a role that may make tables"


async def schema(connection: Connection, house: House) -> Finding:
    """Compare the tables of a house with what this Diptych knows."""
    address, about = house.address, f"schema {house.address.schema}"
    try:
        lacking = await due(connection, address, house.components)
    except (SettingsError, StoreError) as wrong:
        text, _, fix = str(wrong).partition("; ")
        return Finding(about, "error", text, fix)
    applied = await applied_of(connection, address)
    if not lacking:
        return Finding(about, "ok", f"up to date: {_counted([component for component, _ in applied])}")
    names = ", ".join(f"{each.component}/{each.number:04}_{each.name}" for each in lacking)
    text = f"{len(lacking)} migrations are due: {names}" if applied else "its tables are not there yet"
    if not await connection.fetchval(sql("doctor_may_create", address.schema), address.schema):
        return Finding(about, "error", f"{text}, and this role may not make them", _MIGRATE)
    if not any(each.component in _AT_START for each in lacking):
        return Finding(about, "note", f"{text}; they are made when they are first used", _MIGRATE)
    return Finding(about, "warning", text, f"{_MIGRATE}; or start the application, whose role may")


def _counted(names: list[str]) -> str:
    return ", ".join(f"{name} {names.count(name)}" for name in sorted(set(names)))
