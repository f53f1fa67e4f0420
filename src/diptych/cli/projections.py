"""`diptych projections`: where read models stand, and whether they are right."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from diptych.application import Application
from diptych.cli.printing import JSON_OPTION, as_json, first_line, safe, table
from diptych.cli.target import Target, about_an_application, run
from diptych.history.check import Difference, Report
from diptych.ports import Checkpoint


@click.group()
def projections() -> None:
    """See where read models stand, and check them."""


@projections.command("list")
@about_an_application
@JSON_OPTION
def list_(json: bool, **options: Any) -> None:
    """Print every projection with its position, how far it is behind, its state, and the process that folds it."""
    application = Target.of(options).existing()

    async def work(app: Application) -> list[dict[str, Any]]:
        head, stored, owners = await app.head(), await app.checkpoints(), await app.ownership.owners()
        named = {name: each.name for name, each in owners.items()}
        return [standing(app, name, head, stored) | {"owner": named.get(name)} for name in app.projections]

    found = run(application, work)
    if json:
        as_json(found)
        return
    columns = ("projection", "version", "position", "behind", "generation", "state", "owner", "error")
    titles = tuple(f">{name}" if name in ("version", "position", "behind", "generation") else name for name in columns)
    rows = [each | {"error": first_line(each["error"])} for each in found]  # --json has the traceback, too
    table(titles, [[each[name] for name in columns] for each in rows])


@projections.command()
@click.argument("name")
@about_an_application
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Print so many differences.")
@JSON_OPTION
def check(name: str, json: bool, limit: int, **options: Any) -> None:
    """Compare every row of a projection with an independent fold of the log.

    Ends with status 0 when nothing differs, else 1.
    """
    application = Target.of(options).existing()

    async def work(app: Application) -> Report:
        return await app.check(name)

    report = run(application, work)
    shown = report.differences[:limit]
    if json:
        as_json(_described(report, shown))
    else:
        for difference in shown:
            click.echo(safe(str(difference)))
        verdict = "nothing differs" if report.is_right else f"{len(report.differences)} differences"
        click.echo(f"projection {name} at position {report.position}: {report.rows} rows compared, {verdict}")
    sys.exit(0 if report.is_right else 1)


def _described(report: Report, shown: Sequence[Difference]) -> dict[str, Any]:
    return {
        "projection": report.projection,
        "position": report.position,
        "rows": report.rows,
        "found": len(report.differences),
        "differences": [
            {
                "model": each.model,
                "key": [str(part) for part in each.key],
                "field": each.field,
                "stored": None if each.stored is None else str(each.stored),
                "expected": None if each.expected is None else str(each.expected),
            }
            for each in shown
        ],
    }


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
        "state": _state(checkpoint, head) if app.fits(checkpoint) else "outdated",
        "error": checkpoint.error,
    }


def _state(checkpoint: Checkpoint, head: int) -> str:
    if checkpoint.error is not None:
        return "stopped"
    if checkpoint.target is not None:
        return "rebuilding"
    return "caught up" if checkpoint.position >= head else "behind"
