"""Ends of a PostgreSQL and of what is connected to it, under whoever uses it."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import asyncpg

from diptych.ports import Appended
from diptych.stores.postgres.writer import LogWriter, Request
from tests.clusters import Cluster, Database

_GONE = 30.0
_END_WAITING = """
do $$
declare
    ended integer;
begin
    perform diptych.take_position();
    loop
        perform pg_stat_clear_snapshot();
        select count(pg_terminate_backend(pid)) into ended from pg_stat_activity
        where datname = current_database() and application_name = 'diptych log' and wait_event_type = 'Lock';
        exit when ended > 0 or clock_timestamp() > now() + interval '5 s';  -- nobody may append any more
    end loop;
end
$$
"""


async def end_one(database: Database, drawn: random.Random, like: str) -> bool:
    """End a random connection to a database whose application has such a name; say whether there was one."""
    other = await asyncpg.connect(database.url)
    try:
        found = await other.fetch(
            "select pid from pg_stat_activity where datname = current_database() and application_name like $1", like
        )
        return bool(found) and await other.fetchval("select pg_terminate_backend($1)", drawn.choice(found)["pid"])
    finally:
        await other.close()


async def end_in_the_middle(database: Database) -> None:
    """End the connection of a writer while its append is under way, which surely is not written then."""
    await asyncio.to_thread(database.sql, _END_WAITING)


async def believe(self: LogWriter, batch: Sequence[Request], _: Exception) -> None:
    """Be the planted bug: nobody looks up what became of a batch whose answer was lost."""
    await self._session.reopen()
    for request in batch:
        if not request.future.done():
            request.future.set_result(Appended(1, 2, 0))


async def restart(cluster: Cluster, how: signal.Signals) -> None:
    """End a server so, and start it at once."""
    await asyncio.to_thread(_restart, cluster, how)


def _restart(cluster: Cluster, how: signal.Signals) -> None:
    cluster.stop(how)
    end = time.monotonic() + _GONE
    while cluster.data.resolve() in _folders():  # a killed server leaves its children to end by themselves
        assert time.monotonic() < end, "the processes of a killed server are still there"
        time.sleep(0.005)
    cluster.start()


def _folders() -> set[Path]:
    """Return the folders in which processes are."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            found.add((process / "cwd").readlink())
    return found
