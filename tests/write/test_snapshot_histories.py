"""Whatever happens to saved states, and whenever: what a decision knows is the fold of all events."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diptych import Application
from tests.sizes import size
from tests.write.saving import Compare, Empty, Fill, Tell, kitchen, told
from tests.write.test_snapshots import flipped

POTS = ("salt", "oil")
pytestmark = pytest.mark.timeout(60 + size(0, full=600))


@dataclass(frozen=True)
class Process:
    """A process from start to end: how it saves, what it does."""

    every: int
    version: int
    state_bytes: int
    steps: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True)
class Damage:
    """What happens to the files between two processes; `at` picks a row, a bit or a length."""

    kind: str
    at: int


steps = st.tuples(
    st.sampled_from(["fill", "fill", "fill", "empty", "tell", "compare"]), st.sampled_from(POTS), st.integers(1, 9)
)
processes = st.builds(
    Process,
    every=st.integers(1, 6),
    version=st.integers(1, 2),
    state_bytes=st.sampled_from([0, 2_000, 1 << 26]),
    steps=st.lists(steps, max_size=12).map(tuple),
)
KINDS = ["flip", "truncate", "delete", "swap rows", "back up", "restore log", "restore all", "restore snapshots"]
damages = st.builds(Damage, kind=st.sampled_from(KINDS), at=st.integers(0, 1 << 20))


@settings(max_examples=size(20, full=1500), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=st.lists(processes | damages, min_size=2, max_size=8))
def test_any_history_of_processes_and_damage_is_the_fold_of_all_events(history: list[Process | Damage]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for each in history:
            if isinstance(each, Process):
                asyncio.run(lived(Path(folder), each))
            else:
                suffered(Path(folder), each)
        asyncio.run(lived(Path(folder), Process(3, 1, 0, ())))


async def lived(folder: Path, process: Process) -> None:
    url = f"sqlite:///{folder}/pots.db"
    module = kitchen(every=process.every, version=process.version)
    async with Application(module, events=url, reads="memory://", state_bytes=process.state_bytes) as app:
        for kind, pot, number in process.steps:
            match kind:
                case "fill":
                    (await app.send(Fill(pot, Decimal(number), f"cook {number}"))).unwrap()
                case "empty":
                    (await app.send(Empty(pot))).unwrap()
                case "tell":
                    await told(app, Tell(pot))
                case _:
                    await told(app, Compare(POTS))
        async with Application(kitchen(every=None), events=url, reads="memory://", state_bytes=0) as cold:
            for command in (*map(Tell, POTS), Compare(POTS)):
                assert await told(app, command) == await told(cold, command)


def suffered(folder: Path, damage: Damage) -> None:
    log, snapshots = folder / "pots.db", folder / "pots-snapshots.db"
    match damage.kind:
        case "flip" | "truncate" | "swap rows":
            if snapshots.exists():
                _spoilt(snapshots, damage)
        case "delete":
            _gone(snapshots)
        case "back up":
            for each in (log, snapshots):
                if each.exists():
                    shutil.copy(each, each.with_suffix(".backup"))
        case _:
            for each in (log, snapshots):
                backup = each.with_suffix(".backup")
                if (
                    damage.kind in ("restore all", f"restore {'log' if each == log else 'snapshots'}")
                    and backup.exists()
                ):
                    _gone(each)
                    shutil.copy(backup, each)


def _spoilt(snapshots: Path, damage: Damage) -> None:
    with closing(sqlite3.connect(snapshots)) as connection, connection:
        rows = connection.execute("select rowid, data from snapshots order by rowid").fetchall()
        if not rows:
            return
        row, data = rows[damage.at % len(rows)]
        if damage.kind == "swap rows":
            other, others = rows[(damage.at + 1) % len(rows)]
            values = [(others, row), (data, other)]
        elif damage.kind == "flip" and data:
            values = [(flipped(data, damage.at), row)]
        else:
            values = [(data[: damage.at % (len(data) + 1)], row)]
        connection.executemany("update snapshots set data = ? where rowid = ?", values)


def _gone(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
