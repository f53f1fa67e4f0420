"""Stalls of goods: the shop's events folded with references, a fan-out and rollups, and with history."""

from __future__ import annotations

from dataclasses import dataclass, replace

from diptych.model.meta import Meta
from diptych.model.projections import Projection
from diptych.model.rowfolds import RowChange
from tests.read.shop import Closed, Created, Removed, Renamed, Sold


@dataclass(frozen=True, slots=True)
class Stall:
    name: str
    opened: int
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Good:
    code: str
    stall: str
    opened: int
    sold: int = 0
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Total:
    stall: str
    goods: int = 0
    sold: int = 0
    closed: int = 0


def stalls() -> Projection:
    """Rows that refer to their stall, close with it, and are counted by it."""
    projection = Projection("stalls")
    places = projection.read_model(Stall, key="name")
    goods = projection.read_model(Good, key="code", history=True)
    totals = projection.read_model(Total, key="stall")

    @places.on
    def opened(row: Stall | None, event: Created | Renamed, meta: Meta) -> Stall:
        return replace(row, closed=False) if row else Stall(event.name, meta.position)

    @places.on(key="shop")
    def closed(row: Stall | None, event: Closed) -> Stall | None:
        return row and replace(row, closed=True)

    @goods.on(stall=places["name"])
    def made(row: Good | None, event: Created, stall: Stall) -> Good:
        return Good(event.code, event.name, stall.opened, row.sold if row else 0, stall.closed)

    @goods.on(stall=places["name"])
    def moved(row: Good, event: Renamed, stall: Stall | None) -> Good:
        return replace(row, stall=event.name, opened=stall.opened if stall else 0)

    @goods.on(keys=lambda sold: [code for code, _ in sold.lines])
    def sold(row: Good | None, event: Sold, key: str) -> Good:
        count = sum(quantity for code, quantity in event.lines if code == key)
        return replace(row, sold=row.sold + count) if row else Good(key, "", 0, count)

    @goods.on
    def removed(row: Good | None, event: Removed) -> None:
        return None

    @goods.where(stall="shop").on
    def shut(row: Good, event: Closed) -> Good:
        return replace(row, closed=True)

    totals.rollup(goods)(counted)
    return projection


def counted(row: Total | None, change: RowChange[Good], key: str) -> Total | None:
    """Count a good where it came to, and no longer where it left."""
    total = row or Total(key)
    for good, sign in ((change.before, -1), (change.after, 1)):
        if good is not None:
            sold, closed = total.sold + sign * good.sold, total.closed + sign * int(good.closed)
            total = Total(key, total.goods + sign, sold, closed)
    return total if total.goods else None
