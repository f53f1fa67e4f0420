"""`orders`: order management on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from diptych import Application
from diptych.web.server import serve as serve_over_http
from orders.app import TITLE, build, command_side, query_side
from orders.settings import OrderSettings, settings_of

F = TypeVar("F", bound=Callable[..., Any])


def addressed(function: F) -> F:
    """Add the options that say where the files are and where to listen."""
    for option in (
        click.option("--port", default=8000, show_default=True, help="0 takes a free one."),
        click.option("--host", default="127.0.0.1", show_default=True),
        click.option(
            "--data",
            type=click.Path(file_okay=False, path_type=Path),
            default="orders-data",
            show_default=True,
            help="The folder of the files.",
        ),
    ):
        function = option(function)
    return function


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run order management; ORDERS_WRITE=sourced|normalised chooses the write model, ORDERS_STAFF names the staff."""


@main.command()
@addressed
def serve(data: Path, host: str, port: int) -> None:
    """Serve both sides from one process until Ctrl-C."""
    _serve(build(_made(data), _settings(), subscribers="run"), host, port)


@main.command("command-service")
@addressed
def command_service(data: Path, host: str, port: int) -> None:
    """Serve the commands alone; run as many as you like over one folder."""
    _serve(command_side(_made(data), _settings()), host, port)


@main.command("query-service")
@addressed
def query_service(data: Path, host: str, port: int) -> None:
    """Serve the queries alone: it folds what command services have recorded."""
    _serve(query_side(_made(data), _settings()), host, port)


def _serve(application: Application, host: str, port: int) -> None:
    serve_over_http(
        application,
        host=host,
        port=port,
        announce=lambda address: click.echo(f"{address} ({address}/docs)"),
        title=TITLE,
    )


def _settings() -> OrderSettings:
    try:
        return settings_of()
    except ValueError as wrong:
        raise click.ClickException(str(wrong)) from wrong


def _made(data: Path) -> Path:
    data.mkdir(parents=True, exist_ok=True)
    return data
