"""Clocks: how far this machine's is from the server's, and whether an event claims to come from the future."""

from __future__ import annotations

from collections.abc import Iterator

from diptych.ports import Clock, Finding
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.statements import sql

_ROUNDS = 5
_APART = 1_000_000  # microseconds
_SYNCHRONISE = "keep the clocks of both machines by NTP: timedatectl set-ntp true, or chrony"


async def clocks(connection: Connection, address: Address, clock: Clock, *, has_log: bool) -> list[Finding]:
    """Compare clocks: the times of events are those of the processes, the times of leases those of the server."""
    apart, doubt = await _apart(connection, address, clock)
    found = [_difference(apart, doubt, address)]
    if has_log:
        newest = await connection.fetchrow(sql("doctor_newest", address.schema))
        ahead = 0 if newest is None else newest["recorded_at"] - (clock.micros() - apart)
        found += _future(newest and newest["position"], ahead)
    return found


async def _apart(connection: Connection, address: Address, clock: Clock) -> tuple[int, int]:
    """Return by how many microseconds this clock is ahead, and how wrong that may be: of the quickest answer."""
    rounds = []
    for _ in range(_ROUNDS):
        before = clock.micros()
        there = await connection.fetchval(sql("doctor_clock", address.schema))
        after = clock.micros()
        rounds.append((after - before, (before + after) // 2 - there))
    took, apart = min(rounds)
    return apart, took // 2


def _difference(apart: int, doubt: int, address: Address) -> Finding:
    told = f"{abs(apart) / 1e6:.3f} s {'ahead of' if apart > 0 else 'behind'} that of {address.server}"
    text = f"this machine's is {told}, to within {max(doubt, 1) / 1e6:.3f} s"
    if abs(apart) - doubt > _APART:
        return Finding("clock", "warning", f"{text}: events are recorded at wrong times", _SYNCHRONISE)
    return Finding("clock", "ok", text)


def _future(position: int | None, ahead: int) -> Iterator[Finding]:
    if position is not None and ahead > _APART:
        text = f"event {position} was recorded {ahead / 1e6:.1f} s after now: some process's clock is, or was, ahead"
        fix = f"{_SYNCHRONISE}; times never fall, so every event gets that time until then"
        yield Finding("newest event", "warning", text, fix)
