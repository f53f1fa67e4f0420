"""Copies: rows that are surely new go into their table by COPY, which takes two thirds of the time of a statement."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from diptych.model.projections import Key, ReadModel
from diptych.ports import Changes
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.rows_statements import Writing

FEWEST = 500
"""How many new rows of a read model are copied: for fewer, the round trips that it takes cost more than it saves."""


class Copied(NamedTuple):
    """New rows of one read model."""

    model: ReadModel[Any]
    rows: Mapping[Key, Any]

    async def into(self, connection: Connection, writing: Writing) -> None:
        """Copy them into the table of a generation; only inside a transaction that may write there."""
        records = (writing.encode(key, row) for key, row in self.rows.items())
        await connection.copy_records_to_table(writing.table.name, columns=writing.columns, records=records)


class NewRows:
    """Know which rows of a save are new: append-only ones, and those of which the loads before it found nothing."""

    def __init__(self) -> None:
        self._absent: dict[str, dict[str, set[Key]]] = {}  # by projection: they are saved one by one

    def missed(self, model: ReadModel[Any], keys: Sequence[Key], found: Collection[Key]) -> None:
        """Take note of what a load did not find; nobody else writes these rows."""
        if len(found) < len(keys):
            absent = self._absent.setdefault(model.projection, {}).setdefault(model.name, set())
            absent.update(key for key in keys if key not in found)

    def forget(self, projection: str) -> None:
        """Know nothing more of a projection: what was new is there, or what became of it is not known."""
        self._absent.pop(projection, None)

    def parted(self, projection: str, changes: Sequence[Changes]) -> tuple[Sequence[Changes], Sequence[Copied]]:
        """Return what of a save is written by a statement, and what is copied. Nothing is taken for new twice."""
        absent = self._absent.pop(projection, {})
        found = (_copied(each, absent.get(each.model.name, ())) for each in changes)
        copies = [each for each in found if each is not None]
        new = {each.model.name: each.rows for each in copies}
        return [_without(each, new[each.model.name]) if each.model.name in new else each for each in changes], copies


def _copied(changes: Changes, absent: Collection[Key]) -> Copied | None:
    sure = changes.rows if changes.model.append_only else absent
    if len(sure) < FEWEST:
        return None
    new = {key: row for key, row in changes.rows.items() if row is not None and key in sure}
    return Copied(changes.model, new) if len(new) >= FEWEST else None


def _without(changes: Changes, new: Mapping[Key, Any]) -> Changes:
    return changes._replace(rows={key: row for key, row in changes.rows.items() if key not in new})
