"""`diptych commands`: look commands up."""

from __future__ import annotations

import sys
from typing import Any
from uuid import UUID

import click
import msgspec

from diptych.application import Application
from diptych.cli.printing import as_json, moment, safe
from diptych.cli.target import Target, about_an_application, run
from diptych.ports import Record


@click.group()
def commands() -> None:
    """Look commands up."""


@commands.command()
@click.argument("command_id", type=click.UUID, metavar="ID")
@about_an_application
@click.option("--json", "json", is_flag=True, help="Print JSON.")
def outcome(command_id: UUID, json: bool, **options: Any) -> None:  # noqa: FBT001 (a flag of the command line)
    """Say what became of a command: its stored answer, or that it has not taken effect.

    Ends with status 0 when it took effect, else 1.
    """
    application = Target(options["app"], options["events"], options["reads"]).existing()

    async def work(app: Application) -> Record | None:
        return await app.outcome(command_id)

    record = run(application, work)
    if json:
        as_json(None if record is None else _described(record))
    elif record is None:
        click.echo(f"command {command_id} has not taken effect: it was refused, lost, or is still on its way", err=True)
    else:
        for name, value in _described(record).items():
            text = bytes(value).decode() if isinstance(value, msgspec.Raw) else str(value)
            click.echo(safe(f"{name:<12} {text}"))
    sys.exit(0 if record is not None else 1)


def _described(record: Record) -> dict[str, Any]:
    return {
        "command_id": record.id,
        "command": record.name,
        "position": record.position,
        "recorded_at": moment(record.recorded_at),
        "actor": record.actor,
        "result": msgspec.Raw(record.answer or b"null"),
    }
