"""Subscribers over HTTP: where each stands, for `/health/ready` and `/metrics`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from diptych.ports import Bookmark
from diptych.web.metrics import gauge


def standings(names: Iterable[str], head: int, bookmarks: Mapping[str, Bookmark]) -> dict[str, dict[str, Any]]:
    """Return where each subscriber stands: `running`, `starting`, or `failing` with position and attempts."""
    return {name: _standing(bookmarks.get(name), head) for name in names}


def lines(head: int, bookmarks: Mapping[str, Bookmark]) -> Iterator[str]:
    """Yield where each subscriber stands as Prometheus text."""
    rows = [(f'{{subscriber="{name}"}}', each) for name, each in sorted(bookmarks.items())]
    for metric, text, values in (
        ("position", "Position up to which the subscriber has handled the log.", [each.position for _, each in rows]),
        ("lag", "Positions between the head and the subscriber.", [max(0, head - each.position) for _, each in rows]),
        ("failing", "1 while the subscriber stands at an event.", [int(each.failure is not None) for _, each in rows]),
        (
            "attempts",
            "Failed attempts at this event.",
            [each.failure.attempts if each.failure else 0 for _, each in rows],
        ),
    ):
        if rows:
            yield from gauge(
                f"diptych_subscriber_{metric}", text, zip([label for label, _ in rows], values, strict=True)
            )


def _standing(bookmark: Bookmark | None, head: int) -> dict[str, Any]:
    if bookmark is None:
        return {"status": "starting", "position": 0, "lag": head}
    told = {"position": bookmark.position, "lag": max(0, head - bookmark.position)}
    failure = bookmark.failure
    if failure is None:
        return {"status": "running", **told}
    return {"status": "failing", **told, "event": failure.position, "attempts": failure.attempts}
