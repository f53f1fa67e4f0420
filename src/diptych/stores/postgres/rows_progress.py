"""The progress of projections as PostgreSQL has it: checkpoints, and how far the read models changed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from diptych.ports import Checkpoint
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.statements import sql
from diptych.stores.postgres.texts import storable

_GENERATION = 1 << 44


class KnownChanges:
    """Know how far read models changed, as long as nobody but one writer may change them; from any thread.

    What is known is what is stored: nothing while a change is under way, which others may see before its answer is
    here, and nothing beyond the end of the writer's lease.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._until = 0.0

    def hold(self, until: float) -> None:
        """Say until when, by the monotonic clock, nobody else changes what was told."""
        self._until = until

    @contextmanager
    def changing(self, told: Mapping[str, int]) -> Iterator[None]:
        """Know nothing of some read models while they are changed, and their new numbers at the end."""
        for model in told:
            self._numbers.pop(model, None)
        try:
            yield
        except BaseException:
            self.forget()  # it is open what became of it, and who else writes
            raise
        self._numbers.update(told)

    def forget(self) -> None:
        """Know nothing: others may have changed it."""
        self._numbers = {}

    def sum(self, models: Iterable[str]) -> int | None:
        """Return the sum of the numbers of read models, as `read_changes` tells them; None if one is not known."""
        if time.monotonic() >= self._until:
            return None
        numbers, total = self._numbers, 0
        for model in models:
            number = numbers.get(model)
            if number is None:
                return None
            total += number
        return total


async def read_checkpoints(connection: Connection, schema: str) -> Mapping[str, Checkpoint]:
    """Return every stored checkpoint."""
    found = await connection.fetch(sql("rows_checkpoints", schema))
    return {values[0]: _checkpoint(*values) for values in found}


async def read_changes(connection: Connection, schema: str) -> Mapping[str, int]:
    """Return a number of every read model and view that grows with each change and each rebuild of it."""
    found = await connection.fetch(sql("rows_models", schema))
    return {name: change_of(generation, position) for name, generation, position in found}


def change_of(generation: int, position: int) -> int:
    """Return the number of a read model whose last change in a generation was that of the event at a position."""
    return generation * _GENERATION + position


async def put_checkpoint(connection: Connection, schema: str, new: Checkpoint) -> None:
    """Store a checkpoint whatever stood there."""
    values = (new.position, new.generation, new.version, new.fingerprint, new.log_id, new.epoch, new.target)
    await connection.execute(sql("rows_put_checkpoint", schema), new.projection, *values, storable(new.error))


def _checkpoint(name: str, position: int, generation: int, version: int, fingerprint: str, *rest: Any) -> Checkpoint:
    log_id, epoch, target, error = rest
    # A plain UUID: others are written otherwise where an answer shows them.
    return Checkpoint(name, position, generation, version, fingerprint, UUID(int=log_id.int), epoch, target, error)
