"""Measure in turns: A B A B ..., so that what the machine does meanwhile falls on both sides alike."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import perf_counter, perf_counter_ns

Measure = Callable[[], Awaitable[float]]


async def interleaved(sides: Mapping[str, Measure], rounds: int) -> dict[str, list[float]]:
    """Run every side once per round, in turns, and return the figures of each; garbage is collected between."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, measure in sides.items():
            gc.collect()
            found[name].append(await measure())
    return found


def per_second(count: int, started: float) -> float:
    """Return how many of `count` went through per second since `started` (of `perf_counter`)."""
    return count / (perf_counter() - started)


async def nanoseconds_each(call: Callable[[], Awaitable[object]], count: int) -> float:
    """Await a call again and again; return nanoseconds per call, the loop's own cost included."""
    turns = range(count)
    started = perf_counter_ns()
    for _ in turns:
        await call()
    return (perf_counter_ns() - started) / count


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
