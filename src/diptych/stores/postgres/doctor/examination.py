"""An examination: every question to the servers of an application, asked before the application opens them."""

from __future__ import annotations

from collections.abc import Sequence

from diptych.errors import Error
from diptych.ports import Clock, Finding
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.components import House, Whose
from diptych.stores.postgres.connection import Connection, close, connect
from diptych.stores.postgres.doctor.clocks import clocks
from diptych.stores.postgres.doctor.connections import connections
from diptych.stores.postgres.doctor.generations import generations
from diptych.stores.postgres.doctor.housekeeping import housekeeping
from diptych.stores.postgres.doctor.pooler import found_by, pooler
from diptych.stores.postgres.doctor.replication import replication
from diptych.stores.postgres.doctor.rights import changing, missing, out_of_reach, unrefreshable
from diptych.stores.postgres.doctor.schema import schema
from diptych.stores.postgres.doctor.server import server
from diptych.stores.postgres.faults import FAILED, store_error


async def examined(houses: Sequence[House], clock: Clock, whose: Whose) -> list[Finding]:
    """Examine the servers of these houses, each once, and the houses, for a role of this kind. Nothing is changed."""
    found: list[Finding] = []
    for dsn in dict.fromkeys(house.address.dsn for house in houses):
        found += await _server([house for house in houses if house.address.dsn == dsn], clock, whose)
    return found


async def _server(houses: Sequence[House], clock: Clock, whose: Whose) -> list[Finding]:
    address = houses[0].address
    try:
        met = await pooler(address)
        if met.level == "error":
            return [met]
        connection = await connect(address, purpose="doctor")
    except FAILED as wrong:
        return [found_by(store_error(wrong))]
    except Error as wrong:
        return [found_by(wrong)]
    try:
        return [met, *await _asked(connection, houses, clock, whose)]
    except FAILED as wrong:
        return [found_by(store_error(wrong))]
    finally:
        await close(connection)


async def _asked(connection: Connection, houses: Sequence[House], clock: Clock, whose: Whose) -> list[Finding]:
    address = houses[0].address
    found = [
        *await server(connection, address),
        *await replication(connection, _followed(houses)),
        await connections(connection, address),
        *await housekeeping(connection, address),
    ]
    if all(house.has_rows for house in houses):
        found = [each for each in found if not _is_about_the_log(each)]
    stand = [await schema(connection, house) for house in houses]
    whole = [house for house, each in zip(houses, stand, strict=True) if each.level in ("ok", "note")]
    found += [*stand, *await clocks(connection, _log_of(whole) or address, clock, has_log=_log_of(whole) is not None)]
    for house in whole:
        found += await missing(connection, house, whose)
        if house.has_rows:
            found += await out_of_reach(connection, house, whose)
            found += await unrefreshable(connection, house) if whose == "application" else []
        inside = generations(connection, house.address) if house.has_rows else changing(connection, house)
        found += await inside
    return found


def _is_about_the_log(found: Finding) -> bool:
    """Say whether a finding means nothing where only read models are: those are folded again."""
    return found.about == "durability" or found.level == "note"


def _followed(houses: Sequence[House]) -> Address:
    return next((house.address for house in houses if house.address.replica), houses[0].address)


def _log_of(houses: Sequence[House]) -> Address | None:
    return next((house.address for house in houses if not house.has_rows), None)
