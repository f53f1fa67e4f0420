"""Catch up: fold a whole log into one read model of eight fields, the events of its rows interleaved."""

from __future__ import annotations

from functools import partial
from time import perf_counter

from benchmarks.logs import Logs, url
from benchmarks.orders import EVENTS, SEEN, GetOrder, orders
from benchmarks.rows import Goal, Row, Size
from benchmarks.timing import interleaved, per_second
from diptych import Application


async def catchup(size: Size, logs: Logs) -> list[Row]:
    """Measure from the opening of the application to the last event of the log in the read model."""
    events = size.of(200_000) // EVENTS * EVENTS
    found = await interleaved({"ours": partial(_ours, logs, events)}, size.rounds)
    name = f"catch-up of one read model of 8 fields, {events:,} events, interleaved keys"
    return [Row("catchup", name, "events/s", found["ours"], goal=Goal(">=", 100_000))]


async def _ours(logs: Logs, events: int) -> float:
    log = await logs.copy(events)
    started = perf_counter()
    async with Application(orders, *SEEN, events=url(log)) as app:
        await app.caught_up(timeout=600)
        rate = per_second(events, started)
        view = await app.ask(GetOrder(events // EVENTS - 1))
        assert view is not None
        assert view.lines == EVENTS - 1
    logs.drop(log)
    return rate
