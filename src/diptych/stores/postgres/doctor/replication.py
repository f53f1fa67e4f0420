"""Replication: whether this server is the primary, who follows it, and what a failover would lose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from diptych.errors import Error
from diptych.ports import Finding
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection, close, connect
from diptych.stores.postgres.statements import sql

_BEHIND = 64 * 1024 * 1024


async def replication(connection: Connection, address: Address) -> list[Finding]:
    """Examine the primary, and the replica that the URL names."""
    asked = await connection.fetchrow(sql("doctor_replication", address.schema))
    if asked["is_standby"]:
        text = f"{address.server} is a standby: nothing can be appended there"
        fix = "name the primary; several hosts with target_session_attrs=read-write find it"
        return [Finding("replication", "error", text, fix)]
    found = [*_standbys(asked), *_slots(asked["idle_slots"])]
    return [*found, *([] if address.replica is None else [await _replica(connection, address)])]


def _standbys(asked: Any) -> Iterator[Finding]:
    count, names, synchronous = asked["standbys"], asked["names"], asked["synchronous"]
    if names and not synchronous and not asked["unknown"]:
        text = f"synchronous_standby_names is {names!r}, and none of them follows: every commit waits"
        yield Finding(
            "replication", "error", text, "start the standby, or alter system reset synchronous_standby_names"
        )
    elif names and asked["commits"] in ("local", "off"):
        text = f"synchronous_commit is {asked['commits']}: nobody waits for {names!r}, and a failover loses commands"
        yield Finding("replication", "warning", text, "alter system set synchronous_commit = on")
    elif count and not names:
        text = f"{count} follow, and no commit waits for them: a failover may lose what was acknowledged last"
        yield Finding("replication", "note", text, "alter system set synchronous_standby_names = 'ANY 1 (*)'")
    elif count:
        yield Finding("replication", "ok", f"{count} follow, {synchronous or 'some'} of them synchronously")
    else:
        text = "nobody follows: when its disk is lost, so is all that came after the newest backup"
        yield Finding("replication", "note", text, "add a standby, and commits that wait for it")


def _slots(names: list[str]) -> Iterator[Finding]:
    if names:
        text = f"nobody reads the replication slots {', '.join(names)}: WAL is kept for them until the disk is full"
        fix = (
            f"start their standbys, or select pg_drop_replication_slot('{names[0]}'); max_slot_wal_keep_size bounds it"
        )
        yield Finding("slots", "warning", text, fix)


async def _replica(connection: Connection, address: Address) -> Finding:
    written = await connection.fetchval(sql("doctor_written", address.schema))
    about = f"replica {address.replica}"
    try:
        other = await connect(address.at_replica(), purpose="doctor")
    except Error as wrong:
        text, _, fix = str(wrong).partition("; ")
        return Finding(about, "error", text, fix)
    try:
        asked = await other.fetchrow(sql("doctor_standby", address.schema), written)
    finally:
        await close(other)
    return _following(about, asked["behind"], asked["seconds"], is_standby=asked["is_standby"])


def _following(about: str, behind: int, seconds: float, *, is_standby: bool) -> Finding:
    if not is_standby:
        return Finding(about, "error", "follows nobody: it is a primary itself", "name a standby in replica=")
    text = f"is {behind} bytes of WAL behind, its newest transaction is {seconds:.0f} s old"
    if behind > _BEHIND:
        return Finding(about, "warning", text, "queries there are stale: look at its disk, network and long queries")
    return Finding(about, "ok", text)
