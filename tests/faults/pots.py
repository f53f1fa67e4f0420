"""A process that fills pots as fast as it can and saves their states at every second event; killed at any time."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from diptych import Application
from diptych.write import snapshots
from diptych.write.stateforms import StateForm
from tests.write.saving import Empty, Fill, Pot, kitchen

POTS = tuple(f"pot {number}" for number in range(6))


def application(folder: Path, every: int | None = 2, state_bytes: int = 0) -> Application:
    """Build the kitchen over the files of a folder; each command loads."""
    return Application(
        kitchen(every=every), events=f"sqlite:///{folder}/pots.db", reads="memory://", state_bytes=state_bytes
    )


async def fill(folder: Path) -> None:
    """Fill and empty the pots, and say so each time."""
    async with application(folder) as app:
        await asyncio.gather(*[_filling(app, pot) for pot in POTS])


async def _filling(app: Application, pot: str) -> None:
    for number in itertools.count():
        command = Empty(pot) if number % 40 == 39 else Fill(pot, Decimal(number), f"cook {number % 5}")
        (await app.send(command)).unwrap()
        print(pot, flush=True)


class Planted(StateForm):
    """The planted bug: what is saved is not the state of the event under which it is saved."""

    def written(self, state: Any) -> bytes:
        """Write a pot that has lost its last amount."""
        return super().written(replace(state, amounts=state.amounts[:-1]) if isinstance(state, Pot) else state)


if __name__ == "__main__":
    if os.environ.get("PLANTED"):
        vars(snapshots)["StateForm"] = Planted
    asyncio.run(fill(Path(sys.argv[1])))
