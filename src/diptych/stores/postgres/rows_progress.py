"""The progress of projections as PostgreSQL has it: checkpoints, and how far the read models changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from diptych.ports import Checkpoint
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.statements import sql
from diptych.stores.postgres.texts import storable

_GENERATION = 1 << 44


async def read_checkpoints(connection: Connection, schema: str) -> Mapping[str, Checkpoint]:
    """Return every stored checkpoint."""
    found = await connection.fetch(sql("rows_checkpoints", schema))
    return {values[0]: _checkpoint(*values) for values in found}


async def read_changes(connection: Connection, schema: str) -> Mapping[str, int]:
    """Return a number of every read model and view that grows with each change and each rebuild of it."""
    found = await connection.fetch(sql("rows_models", schema))
    return {name: generation * _GENERATION + at for name, generation, at in found}


async def put_checkpoint(connection: Connection, schema: str, new: Checkpoint) -> None:
    """Store a checkpoint whatever stood there."""
    values = (new.position, new.generation, new.version, new.fingerprint, new.log_id, new.epoch, new.target)
    await connection.execute(sql("rows_put_checkpoint", schema), new.projection, *values, storable(new.error))


def _checkpoint(name: str, position: int, generation: int, version: int, fingerprint: str, *rest: Any) -> Checkpoint:
    log_id, epoch, target, error = rest
    # A plain UUID: others are written otherwise where an answer shows them.
    return Checkpoint(name, position, generation, version, fingerprint, UUID(int=log_id.int), epoch, target, error)
