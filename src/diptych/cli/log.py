"""`diptych log`: look after the log."""

from __future__ import annotations

import sys
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from diptych.application import Application
from diptych.cli.printing import as_json, err
from diptych.cli.target import Target, about_an_application, run
from diptych.errors import CorruptionError, SettingsError
from diptych.ports import Examined


@click.group()
def log() -> None:
    """Look after the log."""


@log.command()
@about_an_application
@click.option("--json", "json", is_flag=True, help="Print JSON.")
def verify(json: bool, **options: Any) -> None:  # noqa: FBT001 (a flag of the command line)
    """Read the whole log again and compare every event with its hash.

    Ends with status 0 when everything is right, else 1, naming the first position that is not.
    """
    application = Target(options["app"], options["events"], options["reads"]).existing()
    found = run(application, verified)
    if json:
        as_json(found)
    elif found["error"] is None:
        click.echo(f"every event is as it was written, up to position {found['verified']}")
    else:
        click.echo(f"right up to position {found['verified']}, then: {found['error']}", err=True)
    sys.exit(0 if found["error"] is None else 1)


async def verified(app: Application) -> dict[str, Any]:
    """Verify the log; return how far it is right, the head, and what is wrong."""
    store = app.store
    if not isinstance(store, Examined):
        raise SettingsError(f"the store of {app.urls[0]} cannot be verified")
    head, reached = await app.head(), 0
    with _progress() as progress:
        task = progress.add_task("verifying", total=head)
        try:
            async for reached in store.verify():
                progress.update(task, completed=reached)
        except CorruptionError as wrong:
            return {"verified": reached, "head": head, "error": str(wrong)}
    return {"verified": reached, "head": head, "error": None}


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err(), transient=True, disable=not sys.stderr.isatty())
