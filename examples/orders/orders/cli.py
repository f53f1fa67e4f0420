"""`orders`: order management on the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import click

from orders.app import build, command_side, query_side
from orders.demo import show
from orders.place import Place, made, place_of
from orders.serving import serve as serve_over_http
from orders.settings import OrderSettings, settings_of

F = TypeVar("F", bound=Callable[..., Any])


def addressed(function: F) -> F:
    """Add the options that say where the books are and where to listen."""
    kept = "Where the books are kept: a folder, or a postgresql:// URL."
    for option in (
        click.option("--port", default=8000, show_default=True, help="0 takes a free one."),
        click.option("--data", type=place_of, default="orders-data", show_default=True, help=kept),
    ):
        function = option(function)
    return function


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run order management on 127.0.0.1.

    ORDERS_WRITE=sourced|normalised chooses the write model; ORDERS_STAFF names the staff, with commas between.
    """


@main.command()
@addressed
def serve(data: Place, port: int) -> None:
    """Serve both sides from one process until Ctrl-C."""
    settings = _settings()
    serve_over_http(build(made(data), settings, subscribers="run"), settings, port)


@main.command("command-service")
@addressed
def command_service(data: Place, port: int) -> None:
    """Serve the commands alone: it records events, and no read model is near."""
    settings = _settings()
    serve_over_http(command_side(made(data), settings), settings, port)


@main.command("query-service")
@addressed
def query_service(data: Place, port: int) -> None:
    """Serve the queries alone: it folds what command services have recorded, and decides nothing."""
    settings = _settings()
    serve_over_http(query_side(made(data), settings), settings, port)


@main.command()
@click.option("--data", type=place_of, help="A folder, or a postgresql:// URL; a temporary folder by default.")
def demo(data: Place | None) -> None:
    """Send some commands, and trace one of them to its events and to the rows that they changed."""
    asyncio.run(show(None if data is None else made(data), _settings()))


def _settings() -> OrderSettings:
    try:
        return settings_of()
    except ValueError as wrong:
        raise click.ClickException(str(wrong)) from wrong
