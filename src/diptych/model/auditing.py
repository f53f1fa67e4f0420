"""Auditing: how much is kept of commands that were not accepted, and what of their content."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from diptych.errors import WiringError

Content = Callable[[Any], Any]
"""Return what of a command may be kept, as a value that JSON can hold; None for nothing."""


class Audit:
    """Keep the trail of commands that were not accepted: `Application(..., audit=Audit(keep=1_000_000))`.

    The newest `keep` of them, and none older than `days`. `queue` bounds how many may wait to be written; one more is
    dropped, and counted. Of a command's content nothing is kept, unless `content` returns what of it may be, 10,000
    bytes as JSON at most: fields hold personal data. Raises WiringError for numbers that keep nothing.
    """

    __slots__ = ("content", "days", "keep", "queue")

    def __init__(
        self, *, keep: int = 100_000, days: float = 365.0, queue: int = 10_000, content: Content | None = None
    ) -> None:
        for name, value in (("keep", keep), ("days", days), ("queue", queue)):
            if not 0 < value < math.inf:
                raise WiringError(
                    f"an audit keeps a number of commands, found {name}={value!r}",
                    fix="write audit=None to keep no trail at all",
                )
        self.keep, self.days, self.queue, self.content = keep, days, queue, content

    def __repr__(self) -> str:
        shown = "" if self.content is None else ", content=..."
        return f"Audit(keep={self.keep!r}, days={self.days!r}, queue={self.queue!r}{shown})"
