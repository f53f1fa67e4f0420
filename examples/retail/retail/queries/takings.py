"""Takings by day, computed by SQL and refreshed by period: what `SalesDay` folds event by event, the other way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
import sqlalchemy as sa

from diptych import Cached, Every, Module, Page, Query, Rows, Specification, computed, fields, parameter
from retail.queries.paging import Limit, Offset
from retail.values import Money, average
from retail.views.sales import SaleSummary

takings_queries = Module("takings_queries")


class DayTakings(msgspec.Struct, frozen=True):
    """The sales of a day that were not cancelled, as of the last refresh."""

    day: date
    count: int
    lines: int
    units: int
    total: Money
    cash_count: int
    cash: Money

    @computed
    def average(self) -> Money:
        """Return the total per sale, with four places, halves to even."""
        return average(self.total, self.count)


@takings_queries.materialised(DayTakings, key="day", name="takings", refresh=Every(minutes=5))
def takings(sales: Rows[SaleSummary]) -> sa.Select[Any]:
    """Add up the sales of each day."""
    sale = sales.table.c
    in_cash = sale.payment == "cash"
    return (
        sa.select(
            sale.day,
            sa.func.count().label("count"),
            sa.func.sum(sale.lines).label("lines"),
            sa.func.sum(sale.units).label("units"),
            sa.func.sum(sale.total).label("total"),
            sa.func.count().filter(in_cash).label("cash_count"),
            sa.func.coalesce(sa.func.sum(sale.total).filter(in_cash), 0).label("cash"),
        )
        .where(sale.status == "completed")
        .group_by(sale.day)
    )


@dataclass(frozen=True, slots=True)
class ListTakings(Query[Page[DayTakings]]):
    """Ask for the takings of a range of days, both ends included, the newest first; they may be minutes old."""

    first: date | None = None
    last: date | None = None
    limit: Limit = 100
    offset: Offset = 0


_its = fields(DayTakings)
_since = _its.day >= parameter("first")
_until = _its.day <= parameter("last")


@takings_queries.query(cache=Cached(ttl=30))
async def list_takings(query: ListTakings, days: Rows[DayTakings]) -> Page[DayTakings]:
    """Return the page of days."""
    return await days.find(*_between(query), order=["-day"], limit=query.limit, offset=query.offset)


def _between(query: ListTakings) -> Iterator[Specification[DayTakings]]:
    if query.first is not None:
        yield _since.bind(first=query.first)
    if query.last is not None:
        yield _until.bind(last=query.last)
