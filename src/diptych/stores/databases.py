"""Databases that many share: PostgreSQL behind a log or its read models, examined and brought up to date."""

from __future__ import annotations

from collections.abc import Sequence

from diptych.errors import SettingsError
from diptych.ports import Clock, Finding, Kept
from diptych.stores.postgres.address import LOG_SCHEMA, ROWS_SCHEMA, SCHEMES, Address
from diptych.stores.postgres.components import House, Roles, Whose, house_of_log, house_of_reads
from diptych.stores.postgres.extra import needing_asyncpg


async def examined(events: str, reads: str, clock: Clock, whose: Whose) -> Sequence[Finding]:
    """Examine the servers of these URLs for a role that runs an application, or queries alone; nothing is changed."""
    houses = _houses(events, reads)
    found: Sequence[Finding] = []
    if houses:
        found = await needing_asyncpg("doctor.examination").examined(houses, clock, whose)
    return found


async def brought_up(events: str, reads: str, roles: Roles) -> Sequence[Kept]:
    """Bring the tables up to date, and give the roles what they need; return what was done, schema by schema."""
    houses = _houses(events, reads)
    _refuse_roles(houses, roles)
    done: Sequence[Kept] = await needing_asyncpg("upkeep").brought_up(houses, roles) if houses else []
    return done


async def wanting(events: str, reads: str, roles: Roles) -> Sequence[Kept]:
    """Return what `brought_up` would do."""
    houses = _houses(events, reads)
    _refuse_roles(houses, roles)
    due: Sequence[Kept] = await needing_asyncpg("upkeep").wanting(houses, roles) if houses else []
    return due


def _refuse_roles(houses: Sequence[House], roles: Roles) -> None:
    if not houses and any(roles):
        raise SettingsError("only PostgreSQL has roles; who may read a file is said by its mode, which is 0600")


def _houses(events: str, reads: str) -> list[House]:
    found = []
    if events.startswith(SCHEMES):
        found.append(house_of_log(Address.of(events, schema=LOG_SCHEMA)))
    if reads.startswith(SCHEMES):
        found.append(house_of_reads(Address.of(reads, schema=ROWS_SCHEMA)))
    _refuse_one_house(found)
    return found


def _refuse_one_house(houses: Sequence[House]) -> None:
    """Raise for a log among read models: those become the application's own, and the log would with them."""
    places = {(each.address.server, each.address.database, each.address.schema) for each in houses}
    if len(places) < len(houses):
        schema = houses[0].address.schema
        raise SettingsError(
            f"log and read models are both in schema {schema} of {houses[0].address.server}; the rights of roles need "
            f"one for each: name another in the URL of the read models, ?schema={schema}_reads"
        )
