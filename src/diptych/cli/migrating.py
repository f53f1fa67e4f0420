"""`diptych log migrate`: bring the tables of a database up to date, and give roles the rights that they need."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from diptych.application.databases import bring_up, due
from diptych.cli.printing import JSON_OPTION, as_json
from diptych.cli.target import Target, about_an_application
from diptych.ports import Kept


@click.command("migrate")
@click.argument("url", required=False)
@about_an_application
@click.option("--grant", metavar="ROLE", help="Give the role of the application what it needs, and nothing else.")
@click.option("--read-only", metavar="ROLE", help="Give the role of processes that only answer queries what they need.")
@click.option("--check", is_flag=True, help="Change nothing; end with status 1 when something is due.")
@JSON_OPTION
def migrate(
    url: str | None,
    grant: str | None,
    read_only: str | None,
    check: bool,
    json: bool,
    **options: Any,
) -> None:
    """Bring the tables of the log at URL, and of its read models, up to date; the application's without URL.

    In PostgreSQL, with the rights of the role that the URL names: it makes the tables and owns them. Roles for --grant
    and --read-only must exist. Files of SQLite are brought up to date when they are opened.
    """
    events, reads = _urls(url, options)
    work = due if check else bring_up
    kept = asyncio.run(work(events, reads, grant=grant, read_only=read_only))
    if json:
        as_json([asdict(each) for each in kept])
    else:
        _tell(kept, "due" if check else "done")
    sys.exit(1 if check and any(each.migrations or each.grants for each in kept) else 0)


def _urls(url: str | None, options: dict[str, Any]) -> tuple[str, str | None]:
    if url is not None:
        return url, options["reads"]
    return Target.of(options).application().urls


def _tell(kept: Sequence[Kept], done: str) -> None:
    if not kept:
        click.echo("nothing to do: what is not in PostgreSQL is brought up to date when it is opened")
    for each in kept:
        if not (each.migrations or each.grants):
            click.echo(f"schema {each.schema}: up to date")
        for name in (*each.migrations, *each.grants):
            click.echo(f"schema {each.schema}: {done}: {name}")
