"""Rights: what the role of the URL may do with the log, and whether it has what an application needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from diptych.ports import Finding
from diptych.stores.postgres.components import ONLY_ADDED, House, Whose
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.grants import lacking
from diptych.stores.postgres.statements import sql

_NEEDS = {"application": "an application", "queries": "a process that only answers queries"}
_GRANTS = {"application": "--grant", "queries": "--read-only"}
_ROLE = "let the application connect as a role of its own: diptych log migrate URL --grant ROLE"


async def changing(connection: Connection, house: House) -> list[Finding]:
    """Say truly whether this role could change what happened, and what would stop it."""
    schema = house.address.schema
    tables = await connection.fetch(sql("doctor_change_rights", schema), list(ONLY_ADDED), schema)
    return [*_guards(tables, schema), *_changing(tables, schema, await _role(connection))]


async def missing(connection: Connection, house: House, whose: Whose) -> list[Finding]:
    """Say what a process of this kind would want to do, and this role may not."""
    role = await _role(connection)
    found = await lacking(connection, house, role, whose)
    if not found:
        return []
    named = ", ".join(f"{each.privilege} on {each.name}" for each in found)
    text = f"role {role} lacks in schema {house.address.schema} what {_NEEDS[whose]} needs: {named}"
    return [Finding("rights", "error", text, f"diptych log migrate URL {_GRANTS[whose]} {role}, with the owner's URL")]


async def out_of_reach(connection: Connection, house: House, whose: Whose) -> list[Finding]:
    """Say which read models this role may not fold, because another role made them, or may not read."""
    wanted = "is_ours" if whose == "application" else "may_read"
    ours = list(house.rights("application"))
    rows = await connection.fetch(sql("doctor_rows_rights", house.address.schema), house.address.schema, ours)
    named = ", ".join(each["name"] for each in rows if not each[wanted])
    if not named:
        return []
    role = await _role(connection)
    may = "fold what another role made" if whose == "application" else "read all of it"
    text = f"role {role} may not {may} in schema {house.address.schema}: {named}"
    fix = f"diptych log migrate URL {_GRANTS[whose]} {role}, with the owner's URL"
    return [Finding("rights to read models", "error", text, fix)]


async def unrefreshable(connection: Connection, house: House) -> list[Finding]:
    """Say that this role may not refresh the views that are there: each time PostgreSQL makes a temporary table."""
    database = await connection.fetchval(sql("doctor_temporary", house.address.schema))
    if database is None:
        return []
    role = await _role(connection)
    text = f"role {role} may not refresh views: that takes a temporary table, which it may not make in {database}"
    return [Finding("rights to refresh", "error", text, f'grant temporary on database "{database}" to {role}')]


def _changing(tables: list[Any], schema: str, role: str) -> Iterator[Finding]:
    granted = {each["name"]: each["rights"] for each in tables if each["rights"]}
    if not tables:
        return
    if tables[0]["is_superuser"]:
        text = f"role {role} is a superuser: no right stops it, only triggers keep it from changing the log"
        yield Finding("rights", "warning", text, _ROLE)
    elif granted:
        named = "; ".join(f"{', '.join(rights)} on {schema}.{name}" for name, rights in granted.items())
        text = f"role {role} may change what happened: {named}"
        fix = f"revoke update, delete, truncate on {', '.join(f'{schema}.{name}' for name in granted)} from {role}"
        yield Finding("rights", "error", text, f"{fix}, and from public and the roles whose member it is")
    elif any(each["is_owner"] for each in tables):
        text = f"role {role} cannot change the log, but owns its tables: it could give itself the right again"
        yield Finding("rights", "note", text, _ROLE)
    else:
        yield Finding("rights", "ok", f"role {role} can neither change nor delete what happened")


def _guards(tables: list[Any], schema: str) -> Iterator[Finding]:
    for each in tables:
        if not each["is_guarded"]:
            name = f"{schema}.{each['name']}"
            text = f"the trigger of {name} that stops superusers is switched off, or gone"
            yield Finding(f"trigger {each['name']}", "error", text, f"alter table {name} enable trigger refuse_change")


async def _role(connection: Connection) -> str:
    role: str = await connection.fetchval("select current_user::text")
    return role
