"""`diptych projections`: where read models stand, and whether they are right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from diptych.application import Application
from diptych.cli.printing import as_json, table
from diptych.cli.target import Target, about_an_application, run
from diptych.ports import Checkpoint

_JSON = click.option("--json", "json", is_flag=True, help="Print JSON.")


@click.group()
def projections() -> None:
    """See where read models stand, and check them."""


@projections.command("list")
@about_an_application
@_JSON
def list_(json: bool, **options: Any) -> None:  # noqa: FBT001 (a flag of the command line)
    """Print every projection with its position, how far it is behind, and its state."""
    application = Target(options["app"], options["events"], options["reads"]).application(projections="follow")

    async def work(app: Application) -> list[dict[str, Any]]:
        head, stored = await app.head(), await app.checkpoints()
        return [standing(app, name, head, stored) for name in app.projections]

    found = run(application, work)
    if json:
        as_json(found)
        return
    columns = ("projection", "version", "position", "behind", "generation", "state", "error")
    titles = tuple(f">{name}" if name in ("version", "position", "behind", "generation") else name for name in columns)
    table(titles, [[each[name] for name in columns] for each in found])


def standing(app: Application, name: str, head: int, stored: Mapping[str, Checkpoint]) -> dict[str, Any]:
    """Say where a projection stands beside the head of the log."""
    checkpoint = stored.get(name)
    found = {"projection": name, "version": app.projections[name].version, "head": head, "error": None}
    if checkpoint is None:
        return found | {"position": 0, "behind": head, "generation": 0, "state": "not begun"}
    return found | {
        "position": checkpoint.position,
        "behind": max(0, head - checkpoint.position),
        "generation": checkpoint.generation,
        "state": _state(checkpoint, head),
        "error": checkpoint.error,
    }


def _state(checkpoint: Checkpoint, head: int) -> str:
    if checkpoint.error is not None:
        return "stopped"
    if checkpoint.target is not None:
        return "rebuilding"
    return "caught up" if checkpoint.position >= head else "behind"
