"""Caching: how long the answers of a query may be kept, and what else they depend on."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, overload

from diptych.errors import WiringError
from diptych.model.meta import Context

Vary = Callable[[Context], Any]  # Any: what has a JSON form
"""Return what answers depend on beside the query: text, a number, None, or a tuple of them."""


class Cached:
    """Keep the answers of a query: `@module.query(cache=Cached(ttl=300))` or `Cached(until_change=True)`.

    With `ttl` an answer is one that was right at most so many seconds before it was asked for. With `until_change` it
    is as new as without a cache: it is kept until a row of a read model that its handler read may have changed. `vary`
    returns what answers depend on beside the query, such as `lambda context: context.principal`; a handler that takes
    Context, or anything else made per message, needs it. Raises WiringError unless exactly one of the two is given.
    """

    __slots__ = ("ttl", "vary")

    @overload
    def __init__(self, *, ttl: float, vary: Vary | None = None) -> None: ...
    @overload
    def __init__(self, *, until_change: Literal[True], vary: Vary | None = None) -> None: ...
    def __init__(
        self, *, ttl: float | None = None, until_change: Literal[True] | None = None, vary: Vary | None = None
    ) -> None:
        if (ttl is None) == (not until_change):
            given = "neither" if ttl is None else "both"
            raise WiringError(
                f"Cached takes either ttl= or until_change=True, found {given}",
                fix="write Cached(until_change=True) for answers that are never old, Cached(ttl=<seconds>) for others",
            )
        if ttl is not None and not 0 < ttl < math.inf:
            raise WiringError(f"a ttl is a number of seconds above 0, found {ttl!r}", fix="write Cached(ttl=300)")
        self.ttl: float | None = ttl
        self.vary: Vary | None = vary

    def __repr__(self) -> str:
        kept = "until_change=True" if self.ttl is None else f"ttl={self.ttl!r}"
        return f"Cached({kept}{'' if self.vary is None else ', vary=...'})"
