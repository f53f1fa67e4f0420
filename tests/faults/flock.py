"""Three projections of the bank for three workers, as `diptych worker tests.faults.flock:application` runs them.

FOLD_SECONDS makes each fold slow, so that a process that is stopped often has a batch in hand. PLANTED takes the fence
out of the SQLite row store.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from diptych.application import Application
from diptych.model.caching import Cached
from diptych.model.marks import Tag
from diptych.model.messages import Query
from diptych.model.projections import Projection
from diptych.module import Module
from diptych.read.rows import Rows
from diptych.stores.sqlite.rows_writer import SqliteRowWriter
from tests.write.domain import Moved, Opened, bank

_SLOW = float(os.environ.get("FOLD_SECONDS", "0"))


@dataclass(frozen=True, slots=True)
class Sum:
    account: Annotated[UUID, Tag("account")]
    amount: int


@dataclass(frozen=True, slots=True)
class Moves:
    account: Annotated[UUID, Tag("account")]
    count: int


@dataclass(frozen=True, slots=True)
class Largest:
    account: Annotated[UUID, Tag("account")]
    amount: int


@dataclass(frozen=True, slots=True)
class GetSum(Query[Sum | None]):
    account: UUID


@dataclass(frozen=True, slots=True)
class GetTotal(Query[int]):
    pass


sums, moves, largest = Projection("sums"), Projection("moves"), Projection("largest")
sum_rows = sums.read_model(Sum, key="account")
move_rows = moves.read_model(Moves, key="account")
largest_rows = largest.read_model(Largest, key="account")
teller = Module("teller")


@sum_rows.on
def opened(_: Sum | None, event: Opened) -> Sum:
    return Sum(event.account, 0)


@sum_rows.on
def summed(row: Sum, event: Moved) -> Sum:
    time.sleep(_SLOW)
    return Sum(row.account, row.amount + event.amount)


@move_rows.on
def counted(row: Moves | None, event: Moved) -> Moves:
    time.sleep(_SLOW)
    return Moves(event.account, (row.count if row else 0) + 1)


@largest_rows.on
def grown(row: Largest | None, event: Moved) -> Largest:
    time.sleep(_SLOW)
    return Largest(event.account, max(row.amount if row else 0, event.amount))


@teller.query
async def get_sum(query: GetSum, found: Rows[Sum]) -> Sum | None:
    return await found.get(query.account)


@teller.query(cache=Cached(until_change=True))
async def get_total(query: GetTotal, found: Rows[Sum]) -> int:
    """Return how much there is on all accounts."""
    return sum([row.amount for row in await found.find(limit=100)])


def application() -> Application:
    """Return the bank; `--events` or DIPTYCH_EVENTS says where."""
    return Application(bank, teller, sums, moves, largest, events=os.environ.get("DIPTYCH_EVENTS", "memory://"))


def renewed() -> Application:
    """Return the bank of tomorrow, whose projections have another version."""
    for each in (sums, moves, largest):
        each.version = 2
    return application()


def _unfenced(self: Any, connection: Any, old: Any, new: Any) -> None:
    del self
    values = (new.position, new.target, new.error, old.projection)
    connection.execute("update diptych_checkpoint set position = ?, target = ?, error = ? where projection = ?", values)


if os.environ.get("PLANTED"):
    SqliteRowWriter._move = _unfenced  # type: ignore[method-assign]  # the planted bug
