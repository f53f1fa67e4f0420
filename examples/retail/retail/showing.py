"""What the commands show while they work: progress on stderr, tables on stdout."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

_EVERY = 0.1


class Rate(ProgressColumn):
    """Show how many are done in a second."""

    def render(self, task: Task) -> Text:
        """Return the rate, once it is known."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s", style="progress.data.speed")


class Stages:
    """Show stages one below the other, each with its rate and the time that it still needs."""

    def __init__(self) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<12}"),
            BarColumn(),
            MofNCompleteColumn(),
            Rate(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._tasks: dict[str, TaskID] = {}
        self._next = 0.0

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Show how far a stage has come; between two pictures, nothing is shown but the end."""
        now = time.monotonic()
        if now < self._next and done != total and stage in self._tasks:
            return
        self._next = now + _EVERY
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total)
        self._progress.update(self._tasks[stage], completed=done, total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


def figures_table(title: str, figures: dict[str, object]) -> Table:
    """Return figures as a table, nested ones in rows of their own."""
    table = Table(title=title, show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    for name, figure in figures.items():
        label = name.replace("_", " ")
        if isinstance(figure, dict):
            table.add_row(label, "")
            for inner, value in figure.items():
                table.add_row(f"  {inner.replace('_', ' ')}", _shown(value))
        else:
            table.add_row(label, _shown(figure))
    return table


def _shown(figure: object) -> str:
    return f"{figure:,}" if isinstance(figure, int) else "" if figure is None else str(figure)
