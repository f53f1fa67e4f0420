"""Metrics: counts and latencies of messages, told as Prometheus text. Two dictionary writes per message."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping

from diptych.ports import Checkpoint
from diptych.read.cache import CacheFigures
from diptych.read.ownership import Ownership
from diptych.read.views import ViewStanding

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
UNKNOWN = "unknown"
_HELP = {"command": "Commands by name and outcome.", "query": "Queries by name and outcome."}
_PLURAL = {"command": "commands", "query": "queries"}


class Meter:
    """Count the messages of one kind by name and outcome, and how long they took.

    Names are those that the application knows; every other counts as `unknown`, so that nobody can fill the memory.
    """

    def __init__(self, kind: str, names: Iterable[str]) -> None:
        self.kind = kind
        self._counts: dict[tuple[str, str], int] = {}
        self._buckets = {name: [0] * (len(BOUNDS) + 1) for name in (*names, UNKNOWN)}
        self._sums = dict.fromkeys(self._buckets, 0.0)

    def observe(self, name: str, outcome: str, seconds: float) -> None:
        """Count one message."""
        buckets = self._buckets.get(name)
        if buckets is None:
            name = UNKNOWN
            buckets = self._buckets[name]
        key = (name, outcome)
        self._counts[key] = self._counts.get(key, 0) + 1
        buckets[bisect_left(BOUNDS, seconds)] += 1
        self._sums[name] += seconds

    def lines(self) -> Iterator[str]:
        """Yield the counts and the histogram as Prometheus text."""
        metric = f"diptych_{_PLURAL[self.kind]}_total"
        yield from (f"# HELP {metric} {_HELP[self.kind]}", f"# TYPE {metric} counter")
        for (name, outcome), count in sorted(self._counts.items()):
            yield f'{metric}{{{self.kind}="{name}",outcome="{outcome}"}} {count}'
        metric = f"diptych_{self.kind}_seconds"
        yield from (f"# HELP {metric} Seconds from request to answer.", f"# TYPE {metric} histogram")
        for name, buckets in sorted(self._buckets.items()):
            if any(buckets):
                yield from self._histogram(metric, name, buckets)

    def _histogram(self, metric: str, name: str, buckets: list[int]) -> Iterator[str]:
        label, total = f'{self.kind}="{name}"', 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), buckets, strict=True):
            total += count
            yield f'{metric}_bucket{{{label},le="{bound}"}} {total}'
        yield f"{metric}_sum{{{label}}} {self._sums[name]:.9f}"
        yield f"{metric}_count{{{label}}} {total}"


def cached(figures: CacheFigures) -> Iterator[str]:
    """Yield how the cache of answers is doing as Prometheus text."""
    metric = "diptych_query_cache"
    yield f"# HELP {metric}_total Asks of cached queries by name and outcome."
    yield f"# TYPE {metric}_total counter"
    for (name, outcome), count in sorted(figures.asked.items()):
        yield f'{metric}_total{{query="{name}",outcome="{outcome}"}} {count}'
    for kind, text, value in (
        ("evictions_total", "Answers that made room for others.", figures.evictions),
        ("oversize_total", "Answers that were too big to be kept.", figures.oversize),
    ):
        yield from (f"# HELP {metric}_{kind} {text}", f"# TYPE {metric}_{kind} counter", f"{metric}_{kind} {value}")
    yield from gauge(f"{metric}_bytes", "Bytes that answers take in memory.", [("", figures.bytes)])
    yield from gauge(f"{metric}_limit_bytes", "Bytes that answers may take.", [("", figures.limit)])
    yield from gauge(f"{metric}_entries", "Answers that are kept.", [("", figures.entries)])


def audited(dropped: int, waiting: int) -> Iterator[str]:
    """Yield how the audit trail keeps up as Prometheus text."""
    metric = "diptych_audit_dropped_total"
    yield f"# HELP {metric} Commands not accepted that the audit trail had no room for."
    yield from (f"# TYPE {metric} counter", f"{metric} {dropped}")
    yield from gauge("diptych_audit_waiting", "Commands not accepted that are not in the trail yet.", [("", waiting)])


def positions(head: int, checkpoints: Mapping[str, Checkpoint]) -> Iterator[str]:
    """Yield the head of the log and where each projection stands as Prometheus text."""
    yield from gauge("diptych_head_position", "Position of the last event of the log.", [("", head)])
    rows = sorted(checkpoints.items())
    for metric, text, values in (
        ("position", "Position up to which the projection is folded.", [each.position for _, each in rows]),
        ("lag", "Positions between the head and the projection.", [max(0, head - each.position) for _, each in rows]),
        ("rebuilding", "1 while the projection is being rebuilt.", [int(each.target is not None) for _, each in rows]),
        ("stopped", "1 when the projection stopped at an event.", [int(each.error is not None) for _, each in rows]),
    ):
        labels = [f'{{projection="{name}"}}' for name, _ in rows]
        yield from gauge(f"diptych_projection_{metric}", text, zip(labels, values, strict=True))


def owned(projections: Iterable[str], ownership: Ownership) -> Iterator[str]:
    """Yield what this process folds, and how often it came too late, as Prometheus text."""
    here = ownership.here
    rows = [(f'{{projection="{name}"}}', int(name in here)) for name in sorted(projections)]
    yield from gauge("diptych_projection_folded_here", "1 while this process folds the projection.", rows)
    metric = "diptych_projection_fenced_writes_total"
    yield f"# HELP {metric} Writes refused since another process had taken the projection over."
    yield from (f"# TYPE {metric} counter", f"{metric} {ownership.fenced}")


def views(standings: Mapping[str, ViewStanding]) -> Iterator[str]:
    """Yield where each materialised view stands as Prometheus text; nothing for one that has no rows yet."""
    rows = [(f'{{view="{name}"}}', each) for name, each in sorted(standings.items()) if each.state != "absent"]
    for metric, text, values in (
        ("position", "Position that the rows of the view hold.", [each.position for _, each in rows]),
        ("rows", "Rows of the view.", [each.rows for _, each in rows]),
        ("age_seconds", "Seconds since the last refresh of the view.", [each.age or 0.0 for _, each in rows]),
        ("refresh_seconds", "Seconds that its last refresh took.", [each.seconds or 0.0 for _, each in rows]),
    ):
        labels = [label for label, _ in rows]
        if rows:
            yield from gauge(f"diptych_view_{metric}", text, zip(labels, values, strict=True))


def gauge(metric: str, text: str, values: Iterable[tuple[str, float]]) -> Iterator[str]:
    """Yield a gauge as Prometheus text: its labels with their values."""
    yield from (f"# HELP {metric} {text}", f"# TYPE {metric} gauge")
    yield from (f"{metric}{label} {value}" for label, value in values)
