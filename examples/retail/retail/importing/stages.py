"""Stages: what an import does one after the other, and who hears how far it has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from diptych import Command
from retail.importing.records import Malformed, Placed

Reject = Callable[[Malformed], None]
"""Take a line that is not imported."""


class Hear(Protocol):
    """Hear how far a stage of the import has come."""

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Hear it."""


class Act(NamedTuple):
    """A command, its key, and the lines that it stands for."""

    command: Command[Any]  # Any: each has its own result
    key: str
    lines: Sequence[Placed] = ()


class Plan(NamedTuple):
    """What a file asks for: how many lines it has, and its acts; a stage is sent whole before the next one begins."""

    lines: int
    stages: Iterator[Iterator[Act]]


def told(found: Iterator[Act], hear: Hear, stage: str, total: int) -> Iterator[Act]:
    """Yield acts and tell how many there were."""
    for count, act in enumerate(found, 1):
        yield act
        hear(stage, count, total)
