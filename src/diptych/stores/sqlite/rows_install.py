"""Install projections: their tables, views and checkpoints, and new generations where they are due."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

import msgspec

from diptych.model.projections import Projection, ReadModel
from diptych.ports import Checkpoint
from diptych.stores.installations import Terms
from diptych.stores.sqlite.rows_database import put_checkpoint, read_checkpoints, row_sql
from diptych.stores.sqlite.rows_history import HistoryWriting, history_drop_of, history_of, history_statements
from diptych.stores.sqlite.rows_statements import Writing, drop_of, physical, writing_of
from diptych.stores.sqlite.text_index import text_index_of


class Installation:
    """Put projections in place inside one transaction of the writer. `epochs` are those of the owned projections."""

    def __init__(self, connection: sqlite3.Connection, epochs: Mapping[str, int], terms: Terms) -> None:
        self._connection, self._epochs, self._terms = connection, epochs, terms
        self._stored = read_checkpoints(connection)
        self.writings: dict[str, Writing] = {}
        self.histories: dict[str, HistoryWriting] = {}

    def put(self, projection: Projection, fingerprint: str) -> Checkpoint:
        """Return the checkpoint from which the projection goes on: its own, or that of a new generation."""
        stored = self._stored.get(projection.name)
        if stored is not None:
            self._terms.refuse_foreign(stored)
        if stored is None or self._terms.is_due(stored, projection, fingerprint):
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

    def _begin(self, projection: Projection, fingerprint: str, *, generation: int) -> Checkpoint:
        for name, old in self._connection.execute(row_sql("models_of"), (projection.name,)).fetchall():
            self._drop(name, old)
        head = self._terms.head
        for model in projection.models:
            self._claim(model.name, projection)
            writing = writing_of(model, generation)
            finish = () if head else writing.finish  # else the save that ends the rebuild does it
            for statement in (*writing.create, *history_statements(model, generation), *finish):
                self._connection.execute(statement)
            self._connection.execute(row_sql("put_model"), (model.name, projection.name, generation, 0, head))
        name, log_id, epoch = projection.name, self._terms.log_id, self._epochs[projection.name]
        return Checkpoint(name, 0, generation, projection.version, fingerprint, log_id, epoch, head or None)

    def _claim(self, model: str, projection: Projection) -> None:
        """Take a read model over from a projection of this application that declares it no longer; refuse any other."""
        for name, owner, generation in self._connection.execute(row_sql("owners")).fetchall():
            if name != model or owner == projection.name:
                continue
            self._terms.refuse_claim(model, projection, owner)
            self._connection.execute(row_sql("fence"), (owner,))  # a zombie would write into a table of this name
            self._drop(name, generation)

    def _drop(self, name: str, generation: int) -> None:
        for statement in (*drop_of(name, generation), *history_drop_of(name, generation)):
            self._connection.execute(statement)
        self._connection.execute(row_sql("drop_feed"), (name,))
        self._connection.execute(row_sql("drop_model"), (name,))
