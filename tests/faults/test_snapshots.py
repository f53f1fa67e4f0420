"""Processes that are killed while they save states: whoever opens the files again knows what the log says."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from diptych.write.saved import unpacked
from tests.faults.pots import POTS, application
from tests.faults.processes import line, process
from tests.sizes import size
from tests.write.saving import Compare, Tell, told

KILLS = size(5, full=150)

pytestmark = [pytest.mark.fault, pytest.mark.timeout(60 + KILLS * 5)]


async def killed(folder: Path, rng: random.Random, **environment: str) -> None:
    async with process("tests.faults.pots", folder, **environment) as child:
        for _ in range(rng.randrange(20, 200)):
            await line(child)
        child.kill()
        await child.wait()


async def differing(folder: Path) -> list[str]:
    """Return the pots of which saved states and all events say different things."""
    async with application(folder) as app, application(folder, every=None) as cold:
        return [pot for pot in POTS if await told(app, Tell(pot)) != await told(cold, Tell(pot))] + [
            "all" for _ in range(await told(app, Compare(POTS)) != await told(cold, Compare(POTS)))
        ]


def positions(folder: Path) -> list[int]:
    with closing(sqlite3.connect(folder / "pots-snapshots.db")) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        found = [unpacked(data) for (data,) in connection.execute("select data from snapshots")]
    return [each.position for each in found if each is not None]


async def test_kills_while_states_are_saved_change_nothing(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    rng, seen = random.Random(20), list[int]()
    for _ in range(KILLS):
        await killed(tmp_path, rng)
        found = await asyncio.to_thread(positions, tmp_path)
        assert len(found) >= len(POTS)
        seen += found

        assert await differing(tmp_path) == []

    assert len(set(seen)) > KILLS
    record_property("kills", KILLS)
    record_property("saved states that were found after them", len(set(seen)))


async def test_a_planted_state_of_other_events_is_caught(tmp_path: Path) -> None:
    await killed(tmp_path, random.Random(21), PLANTED="1")

    assert await differing(tmp_path) != []
