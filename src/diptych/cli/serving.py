"""`diptych serve`: an application over HTTP."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from typing import Any

import click

from diptych.application import Application
from diptych.cli.printing import as_json, out
from diptych.cli.target import F, Target, about_an_application
from diptych.web.server import serve as serve_over_http

HOST, PORT = "127.0.0.1", 8000


def addressed(function: F) -> F:
    """Add the options that say where to listen."""
    for option in (
        click.option("--json", "json", is_flag=True, help="Print what is served as one line of JSON, once it listens."),
        click.option("--port", type=int, help=f"Port, {PORT} by default; 0 takes a free one."),
        click.option("--host", help=f"Address to listen on, {HOST} by default."),
    ):
        function = option(function)
    return function


@click.command()
@click.argument("application", required=False, metavar="[APP]")
@about_an_application
@addressed
@click.option("--only", type=click.Choice(["commands", "queries"]), help="Serve only these, and fold nothing here.")
def serve(application: str | None, *, json: bool, **options: Any) -> None:
    """Serve an application over HTTP until Ctrl-C.

    It also folds projections and runs subscribers, as far as no other process does; with --only it leaves them to
    others, such as `diptych worker`. One that serves only queries needs no right to write.
    """
    given = {name: options[name] for name in ("events", "reads", "host", "port", "only")}
    served(Target(application or options["app"], **given), json=json)


def served(target: Target, *, json: bool = False) -> None:
    """Serve the application of a target; say what it has, and where, once it listens."""
    settings = target.settings()
    application = target.application(only=settings.only)
    port = PORT if settings.port is None else settings.port

    def announce(address: str) -> None:
        as_json(described(application, address)) if json else _tell(application, address)
        sys.stdout.flush()

    with logging_to_stderr():
        serve_over_http(application, host=settings.host or HOST, port=port, announce=announce)


@contextlib.contextmanager
def logging_to_stderr() -> Iterator[None]:
    """Show what Diptych logs on stderr, rebuilds included, unless the application says where it goes."""
    log = logging.getLogger("diptych")
    if log.hasHandlers():
        yield
        return
    handler, level = logging.StreamHandler(), log.level
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(level or logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def described(application: Application, address: str) -> dict[str, Any]:
    """Return what an application has and where it is served, as a value that JSON can hold."""
    return {
        "address": address,
        "docs": f"{address}/docs",
        "mode": application.mode,
        "only": application.ownership.only,
        "commands": sorted(application.commands),
        "queries": sorted(application.queries),
        "events": sorted(application.events),
        "projections": {name: each.version for name, each in application.projections.items()},
        "subscribers": sorted(application.subscribers),
    }


def _tell(application: Application, address: str) -> None:
    found = described(application, address)
    found["projections"] = [f"{name} (version {version})" for name, version in found["projections"].items()]
    kinds = ("commands", "queries", "events", "projections", *(["subscribers"] if found["subscribers"] else []))
    rows = [(name, ", ".join(found[name]) or "none") for name in kinds]
    console = out()
    for name, names in rows:
        console.print(f"[bold]{name:<12}[/]{names}", soft_wrap=True)
    mode = " in mode dev" if application.mode == "dev" else ""
    only = application.ownership.only
    mode += f", only {only}" if only else ""
    console.print(f"[bold]{'address':<12}[/][green]{address}[/]{mode}, described at {address}/docs", soft_wrap=True)
