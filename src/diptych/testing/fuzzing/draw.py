"""Draws: from a random number generator that Hypothesis seeds, or from a strategy of the user's.

A step draws one seed from Hypothesis, and everything else from a generator with that seed: that is a hundred times as
fast as a choice of Hypothesis for every number and letter. What a run then fails on is made short by `shortening`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")
Strategy = st.SearchStrategy[Any]
_RARELY = 0.2


class Draw:
    """Draw what one step needs; the same seed draws the same."""

    def __init__(self, seed: int, strategy: Callable[[Strategy], Any]) -> None:
        self._random = Random(seed)  # noqa: S311 (test data)
        self.of = strategy

    def one(self, values: Sequence[T]) -> T:
        """Draw one of the values."""
        return self._random.choice(values)

    def early(self, values: Sequence[T]) -> T:
        """Draw one of the values, the first ones more often."""
        return values[min(self._random.randrange(len(values)) for _ in range(2))]

    def between(self, low: int, high: int) -> int:
        """Draw a whole number, both ends included."""
        return self._random.randint(low, high)

    def coin(self) -> bool:
        """Draw True half of the time."""
        return self._random.random() < 0.5  # noqa: PLR2004 (a half)

    def rarely(self) -> bool:
        """Draw True one time in five."""
        return self._random.random() < _RARELY

    def subset(self, values: Sequence[T]) -> frozenset[T]:
        """Draw some of the values, or none, but never all."""
        return frozenset(self._random.sample(values, self._random.randint(0, len(values) - 1)))
