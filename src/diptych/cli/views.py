"""`diptych views`: where materialised views stand, and their refresh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from diptych.application import Application
from diptych.cli.printing import JSON_OPTION, as_json, table
from diptych.cli.target import Target, about_an_application, run
from diptych.read.views import Refreshed, ViewStanding

_COLUMNS = ("view", "refresh", ">position", ">rows", ">age", ">seconds", "state")


@click.group()
def views() -> None:
    """See where materialised views stand, and refresh them."""


@views.command("list")
@about_an_application
@JSON_OPTION
def list_(json: bool, **options: Any) -> None:
    """Print every view with its position, its rows, and the seconds since its last refresh and those that it took."""
    application = Target.of(options).existing()

    async def work(app: Application) -> Mapping[str, ViewStanding]:
        return await app.views()

    found = [_described(each) for each in run(application, work).values()]
    if json:
        as_json(found)
        return
    table(_COLUMNS, [[_shown(each[title.lstrip(">")]) for title in _COLUMNS] for each in found])


@views.command()
@click.argument("name")
@about_an_application
@JSON_OPTION
def refresh(name: str, json: bool, **options: Any) -> None:
    """Refresh a view from the read models as they are now, whatever code made its rows."""
    application = Target.of(options).existing()

    async def work(app: Application) -> Refreshed:
        return await app.refresh(name)

    done = run(application, work)
    if json:
        as_json({"view": done.name, "position": done.position, "rows": done.rows, "seconds": done.seconds})
    else:
        click.echo(f"view {done.name}: {done.rows} rows at position {done.position}, in {done.seconds:.3f} s")


def _described(standing: ViewStanding) -> dict[str, Any]:
    return {
        "view": standing.name,
        "refresh": str(standing.refresh),
        "position": standing.position,
        "rows": standing.rows,
        "age": standing.age,
        "seconds": standing.seconds,
        "state": standing.state,
    }


def _shown(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value
