"""`diptych send --dry-run`: what a command would do, told to a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from diptych.application import Application
from diptych.cli.messages import Words
from diptych.cli.patience import once_built
from diptych.cli.printing import err, out, safe, table
from diptych.cli.target import run
from diptych.codec import encode
from diptych.history.foreseen import RowDiff
from diptych.history.trial import Trial
from diptych.write.requests import Delivery

_WAIT = 10.0


def tried(application: Application, given: Words, request: bytes, delivery: Delivery) -> Trial[Any]:
    """Open the application, try the command and close it again."""

    async def work(app: Application) -> Trial[Any]:
        return await once_built(lambda left: app.trials.receive(given.name, request, delivery, wait=left), wait=_WAIT)

    return run(application, work)


def show_trial(trial: Trial[Any]) -> None:
    """Print what a command would do that would be accepted: its value, its events, the rows before and after."""
    again = " (it was accepted before)" if getattr(trial.result, "replayed", False) else ""
    out().print(f"[green]would be accepted[/] at position {trial.result.position}{again}; nothing was stored")
    if trial.result.value is not None:
        click.echo(encode(trial.result.value).decode())
    if trial.events:
        rows = [(e.position, f"{e.name}@{e.version}", " ".join(e.tags), encode(e.event).decode()) for e in trial.events]
        table((">position", "event", "tags", "data"), rows)
    for diff in trial.changes:
        out().print(f"[bold]{_sign(diff)}[/] ", end="")
        click.echo(safe(f"{diff.model} {' '.join(map(_text, diff.key))}"))
        for line in _lines(diff):
            click.echo(safe(line))
    for stop in trial.stops:
        err().print("[red]would stop[/] ", end="")
        click.echo(safe(f"projection {stop.projection} at position {stop.position}: {stop.reason}"), err=True)


def _sign(diff: RowDiff) -> str:
    return "+" if diff.before is None else "-" if diff.after is None else "~"


def _lines(diff: RowDiff) -> Iterator[str]:
    width = max(map(len, diff.fields))
    for name in diff.fields:
        found = [_text(getattr(row, name)) for row in (diff.before, diff.after) if row is not None]
        yield f"    {name:<{width}}  {' -> '.join(found)}"


def _text(value: object) -> str:
    """Return a value as JSON has it, a text bare."""
    return value if isinstance(value, str) else encode(value).decode().strip('"')
