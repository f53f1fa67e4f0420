"""`retail`: the shop on the command line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from diptych.web.server import serve as serve_over_http
from retail.app import TITLE, build
from retail.dashboard import dashboard_routes
from retail.demo import demo as show_demo
from retail.importing.records import HeaderError
from retail.importing.run import Imported, import_file
from retail.place import FILE, Place, made, place_of
from retail.report import figures_of, report_of
from retail.settings import ShopSettings
from retail.showing import Stages, figures_table
from retail.traffic import Traffic, stocked
from retail.watching import caught_up

F = TypeVar("F", bound=Callable[..., Any])
HALF_A_DAY = 43_200


def over_data(function: F) -> F:
    """Add the option that says where the shop keeps its books."""
    text = "Where the shop keeps its books: a folder, or a postgresql:// URL."
    return click.option("--data", type=place_of, default="shop-data", show_default=True, help=text)(function)


def sold_below_zero(function: F) -> F:
    """Add the option that allows negative stock."""
    text = "Sell also what the books say is not there; sales then do not read stock."
    return click.option("--negative-stock", is_flag=True, help=text)(function)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run a retail shop: products, customers, tills, stock and ledger."""


@main.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@over_data
@click.option(
    "--rejects",
    type=click.Path(dir_okay=False, path_type=Path),
    help="rejects.csv by default, in the folder of --data if it is one.",
)
@click.pass_context
def import_(context: click.Context, file: Path, data: Place, rejects: Path | None) -> None:
    """Import sale lines, or a catalogue of products, from a csv or csv.gz file; its header says which of the two.

    Run again, or after a crash, it goes on where it was. Lines that cannot be taken stand with their reasons in the
    rejects file; the exit status is then 1.
    """
    made(data)
    target = rejects or (data if isinstance(data, Path) else Path()) / "rejects.csv"
    with Stages() as stages:
        done = asyncio.run(_import(file, data, target, stages))
    click.echo(
        f"{done.lines:,} lines: {done.accepted:,} commands accepted, {done.replayed:,} had been before, "
        f"{done.rejected_lines:,} lines of {done.rejected_documents:,} documents rejected",
        err=True,
    )
    if not done.is_clean:
        click.echo(f"rejected lines and reasons: {target}", err=True)
        context.exit(1)


async def _import(file: Path, data: Place, rejects: Path, stages: Stages) -> Imported:
    settings = ShopSettings(negative_stock=True)
    async with build(data, settings) as app:
        try:
            done = await import_file(app, file, rejects, settings, stages)
        except HeaderError as wrong:
            raise click.ClickException(str(wrong)) from wrong
        await caught_up(app, stages)
        return done


@main.command()
@over_data
@click.option("--json", "as_json", is_flag=True, help="Print JSON; money is text, exactly.")
def report(data: Place, *, as_json: bool) -> None:
    """Print the figures of the shop, all of them from read models."""
    _refuse_missing(data)
    figures = asyncio.run(_report(data))
    if as_json:
        click.echo(json.dumps(figures, indent=2))
    else:
        Console().print(figures_table("The shop", figures))


async def _report(data: Place) -> dict[str, object]:
    async with build(data) as app:
        await app.caught_up(timeout=HALF_A_DAY)
        return figures_of(await report_of(app))


@main.command()
@over_data
@sold_below_zero
@click.option("--tills", default=4, show_default=True, type=click.IntRange(1, 1000), help="Tills at work.")
@click.option("--rate", default=50.0, show_default=True, type=click.FloatRange(0.1), help="Customers a second.")
@click.option("--seconds", default=60.0, show_default=True, type=click.FloatRange(0), help="How long; 0 for ever.")
@click.option("--seed", default=1, show_default=True, help="The same seed brings the same customers.")
def traffic(data: Place, *, negative_stock: bool, tills: int, rate: float, seconds: float, seed: int) -> None:
    """Send customers to the tills."""
    made(data)
    asyncio.run(_traffic(data, ShopSettings(negative_stock=negative_stock), Traffic(tills, rate, seed), seconds))


async def _traffic(data: Place, settings: ShopSettings, customers: Traffic, seconds: float) -> None:
    async with build(data, settings) as app:
        await stocked(app, customers.seed)
        await customers.run(app, seconds or None)
        Console().print(figures_table("At the tills", dict(customers.counts)))


@main.command()
@over_data
@sold_below_zero
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, help="0 takes a free one.")
def serve(data: Place, *, negative_stock: bool, host: str, port: int) -> None:
    """Serve the shop over HTTP until Ctrl-C: a dashboard at /, and the page /docs says what else it takes."""
    made(data)
    shop = build(data, ShopSettings(negative_stock=negative_stock), subscribers="run")
    serve_over_http(
        shop,
        host=host,
        port=port,
        announce=lambda address: click.echo(f"{address} ({address}/docs)"),
        title=TITLE,
        routes=dashboard_routes(),
    )


@main.command()
@click.option("--data", type=place_of, help="A folder, or a postgresql:// URL; a temporary folder by default.")
@click.option("--port", default=8000, show_default=True, help="Another free one is taken when it is not free.")
@click.option("--seconds", envvar="DEMO_SECONDS", type=click.FloatRange(0), help="Ends by itself after so long.")
def demo(data: Place | None, port: int, seconds: float | None) -> None:
    """Show the shop at work: API, read models, live traffic and a table of figures."""
    show_demo(data, port, seconds)


def _refuse_missing(data: Place) -> None:
    if isinstance(data, Path) and not (data / FILE).exists():
        raise click.ClickException(f"there is no shop in {data}: import a file, or send traffic first")
