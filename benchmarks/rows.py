"""The rows of the table: what was measured, beside what, against which goal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

Verdict = Literal["ok", "misses"]


@dataclass(frozen=True, slots=True)
class Size:
    """Say how much to measure: at least 5 rounds for figures, one short one to see that everything runs.

    `logs` are of so many events, `aggregates` too; logs of the long ones take seconds to make.
    `processes` is how many write at once.
    """

    rounds: int
    scale: float
    logs: tuple[int, ...]
    aggregates: tuple[int, ...]
    processes: tuple[int, ...]

    def of(self, count: int) -> int:
        """Return a count scaled to this size, at least 64."""
        return max(64, int(count * self.scale))


FULL = Size(rounds=5, scale=1.0, logs=(10_000, 100_000, 1_000_000), aggregates=(10, 1_000, 10_000), processes=(2, 4))
QUICK = Size(rounds=1, scale=0.02, logs=(1_000, 2_000), aggregates=(10, 200), processes=(2,))


@dataclass(frozen=True, slots=True)
class Goal:
    """Bound a figure from above or below; `stretch` is what would be better still."""

    bound: Literal["<=", ">="]
    value: float
    stretch: float | None = None

    def is_met_by(self, figure: float) -> bool:
        """Say whether a figure meets the goal."""
        return self._holds(figure, self.value)

    def is_stretched_by(self, figure: float) -> bool | None:
        """Say whether a figure meets the stretch; None where there is none."""
        return None if self.stretch is None else self._holds(figure, self.stretch)

    def _holds(self, figure: float, limit: float) -> bool:
        return figure <= limit if self.bound == "<=" else figure >= limit


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one row: the samples of Diptych and, where there is raw code to compare with, the raw code's.

    With raw code the goal bounds the ratio of the medians, without it, or where it is `absolute`, the median itself.
    """

    part: str
    name: str
    unit: str
    ours: Sequence[float]
    raw: Sequence[float] = ()
    beside: str = ""
    goal: Goal | None = None
    absolute: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)  # Any: further figures, as JSON-able values

    @property
    def ratio(self) -> float | None:
        """Return Diptych's median by the raw code's."""
        return median(self.ours) / median(self.raw) if self.raw else None

    @property
    def judged(self) -> float:
        """Return the figure that the goal bounds."""
        return median(self.ours) if self.ratio is None or self.absolute else self.ratio

    @property
    def verdict(self) -> Verdict | None:
        """Return ok or misses; None where there is no goal."""
        return None if self.goal is None else "ok" if self.goal.is_met_by(self.judged) else "misses"

    def described(self) -> dict[str, Any]:  # Any: JSON
        """Return the row as a value that JSON can hold."""
        goal, unit = self.goal, "x" if self.raw and not self.absolute else f" {self.unit}"
        return {
            "part": self.part,
            "name": self.name,
            "unit": self.unit,
            "ours": _samples(self.ours),
            "raw": _samples(self.raw) | {"what": self.beside} if self.raw else None,
            "ratio": None if self.ratio is None else round(self.ratio, 4),
            "goal": None if goal is None else f"{goal.bound} {goal.value:,g}{unit}",
            "stretch": None if goal is None or goal.stretch is None else f"{goal.bound} {goal.stretch:,g}{unit}",
            "verdict": self.verdict,
            "stretch_met": None if goal is None else goal.is_stretched_by(self.judged),
            **({"more": dict(self.more)} if self.more else {}),
        }


def _samples(values: Sequence[float]) -> dict[str, Any]:
    return {
        "median": round(median(values), 4),
        "min": round(min(values), 4),
        "max": round(max(values), 4),
        "samples": [round(value, 4) for value in values],
    }
