"""Rows that a test puts into read models, and the queries it asks of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from diptych.application import Application
from diptych.model.messages import Query
from diptych.model.projections import Key, Projection, ReadModel
from diptych.module import Module
from diptych.ports import Changes
from diptych.read.fingerprint import fingerprint_of
from diptych.testing.clock import NOON, FixedClock
from diptych.testing.ids import SequentialIds
from diptych.testing.settling import settle

R = TypeVar("R")
Placed = tuple[ReadModel[Any], Key, Any]
_LEASE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Stored:
    """Hold rows, each with its read model and key, and ask queries of a read store in memory that holds only them."""

    parts: tuple[Module | Projection, ...]
    provided: tuple[Any, ...]
    rows: tuple[Placed, ...]

    def ask(
        self, query: Query[R], *, now: datetime = NOON, principal: str | None = None, provide: Iterable[Any] = ()
    ) -> R:
        """Return the answer of the query's handler, with what the scenario provides and `provide`.

        Raises UnknownMessageError when no module answers the query, InvalidMessageError for a query that is wrong.
        """
        return settle(self._ask(query, now, principal, (*self.provided, *provide)))

    async def _ask(self, query: Query[R], now: datetime, principal: str | None, provided: Sequence[Any]) -> R:
        app = Application(
            *self.parts, provide=provided, clock=FixedClock(now), ids=SequentialIds(), projections="follow"
        )
        async with app:
            await self._fill(app)
            return await app.ask(query, principal=principal)

    async def _fill(self, app: Application) -> None:
        projections = tuple(app.projections.values())
        fingerprints = {each.name: fingerprint_of(each, app.codec.lineage) for each in projections}
        async with app.rows.writer() as writer:
            await writer.lease(fingerprints, seconds=_LEASE_SECONDS)
            installed = await writer.install(
                projections, fingerprints, log_id=app.store.log_id, head=0, mode="production"
            )
            for projection in projections:
                checkpoint = installed[projection.name]
                await writer.save(checkpoint, checkpoint.position, list(self._changes(projection)))

    def _changes(self, projection: Projection) -> Iterator[Changes]:
        for model in projection.models:
            rows = {key: row for owner, key, row in self.rows if owner is model}
            yield Changes(model, rows, dict.fromkeys(rows, 0))
