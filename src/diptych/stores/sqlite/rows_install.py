"""Install projections: their tables, views and checkpoints, and new generations where they are due."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import msgspec

from diptych.errors import ForeignLogError, StoreError, WiringError
from diptych.model.projections import Projection, ReadModel
from diptych.ports import Checkpoint, changed_unraised
from diptych.stores.sqlite.rows_database import put_checkpoint, read_checkpoints, row_sql
from diptych.stores.sqlite.rows_history import HistoryWriting, history_drop_of, history_of, history_statements
from diptych.stores.sqlite.rows_statements import Writing, drop_of, physical, writing_of
from diptych.stores.sqlite.text_index import text_index_of

_log = logging.getLogger("diptych.projections")


class Installation:
    """Put projections in place inside one transaction of the writer.

    `epochs` are those of the owned projections, `others` the names of the rest that the application declares, `held`
    those that other workers own.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        epochs: Mapping[str, int],
        others: Collection[str],
        held: Collection[str],
        *,
        log_id: UUID,
        head: int,
        mode: str,
    ) -> None:
        self._connection, self._log_id, self._head, self._mode = connection, log_id, head, mode
        self._epochs, self._declared, self._held = epochs, {*epochs, *others}, held
        self._stored = read_checkpoints(connection)
        self.writings: dict[str, Writing] = {}
        self.histories: dict[str, HistoryWriting] = {}

    def put(self, projection: Projection, fingerprint: str) -> Checkpoint:
        """Return the checkpoint from which the projection goes on: its own, or that of a new generation."""
        stored = self._stored.get(projection.name)
        if stored is not None:
            self._same_log(stored)
        if stored is None or self._is_due(stored, projection, fingerprint):
            checkpoint = self._begin(projection, fingerprint, generation=1 if stored is None else stored.generation + 1)
        else:
            # Stopped projections are tried again: the fold may have been fixed.
            checkpoint = msgspec.structs.replace(stored, epoch=self._epochs[projection.name], error=None)
            self._complete(projection, stored.generation)
        put_checkpoint(self._connection, checkpoint)
        for model in projection.models:
            self.writings[model.name] = writing_of(model, checkpoint.generation)
            self._weigh(model, checkpoint.generation)
            if (history := history_of(model, checkpoint.generation)) is not None:
                self.histories[model.name] = history
        return checkpoint

    def _complete(self, projection: Projection, generation: int) -> None:
        """Give append-only rows that were made before there was history the view of their past."""
        for model in projection.models:
            if model.append_only:
                for statement in history_statements(model, generation):
                    self._connection.execute(statement)

    def _weigh(self, model: ReadModel[Any], generation: int) -> None:
        # Weights lie in the index beside the words: new ones need no rebuild.
        index = text_index_of(model, physical(model.name, generation))
        if index is not None:
            self._connection.execute(index.weigh)

    def _same_log(self, stored: Checkpoint) -> None:
        if stored.log_id != self._log_id:
            raise ForeignLogError(
                f"the rows of {stored.projection!r} were folded from log {stored.log_id}, and this is log "
                f"{self._log_id}; open the log that belongs to them, or name another file for the read models"
            )
        if stored.position > self._head:
            raise ForeignLogError(
                f"the rows of {stored.projection!r} stand at position {stored.position}, and the log ends at "
                f"{self._head}: it was restored or rewound; name another file for the read models, to rebuild them"
            )

    def _is_due(self, stored: Checkpoint, projection: Projection, fingerprint: str) -> bool:
        if stored.version != projection.version:
            _log.info("projection %r: version %d -> %d", projection.name, stored.version, projection.version)
            return True
        if stored.fingerprint == fingerprint:
            return False
        if self._mode != "dev":
            raise changed_unraised(stored, projection)
        _log.warning("projection %r changed: rebuilding (mode dev)", projection.name)
        return True

    def _begin(self, projection: Projection, fingerprint: str, *, generation: int) -> Checkpoint:
        for name, old in self._connection.execute(row_sql("models_of"), (projection.name,)).fetchall():
            self._drop(name, old)
        for model in projection.models:
            self._claim(model.name, projection)
            writing = writing_of(model, generation)
            finish = () if self._head else writing.finish  # else the save that ends the rebuild does it
            for statement in (*writing.create, *history_statements(model, generation), *finish):
                self._connection.execute(statement)
            self._connection.execute(row_sql("put_model"), (model.name, projection.name, generation, 0, self._head))
        name, target = projection.name, self._head or None
        epoch = self._epochs[name]
        return Checkpoint(name, 0, generation, projection.version, fingerprint, self._log_id, epoch, target)

    def _claim(self, model: str, projection: Projection) -> None:
        """Take a read model over from a projection of this application that declares it no longer; refuse any other."""
        for name, owner, generation in self._connection.execute(row_sql("owners")).fetchall():
            if name != model or owner == projection.name:
                continue
            if owner not in self._declared:
                raise WiringError(
                    f"read model {model!r} of projection {projection.name!r} already belongs to projection {owner!r}",
                    fix=f"if {owner!r} is of another application, give it a name of its own, "
                    f"read_model(..., name='{projection.name}_{model}'), or keep the read models elsewhere, reads=...; "
                    f"if it is gone, remove the file of the read models: all are folded anew from the log",
                )
            if owner in self._held:
                raise StoreError(
                    f"read model {model!r} of projection {projection.name!r} still belongs to projection {owner!r}, "
                    f"which another process folds by other code; stop that process, or let it run this code"
                )
            self._connection.execute(row_sql("fence"), (owner,))  # a zombie would write into a table of this name
            self._drop(name, generation)

    def _drop(self, name: str, generation: int) -> None:
        for statement in (*drop_of(name, generation), *history_drop_of(name, generation)):
            self._connection.execute(statement)
        self._connection.execute(row_sql("drop_feed"), (name,))
        self._connection.execute(row_sql("drop_model"), (name,))
