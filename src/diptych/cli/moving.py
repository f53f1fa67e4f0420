"""`diptych log copy`, `export`, `import`: move a log into another store, by a file or without one."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Iterator

import click
import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from diptych.application.houses import copy_log, export_log, import_log
from diptych.cli.printing import JSON_OPTION, as_json, err, safe
from diptych.moving.copying import Copied
from diptych.moving.digest import Digest
from diptych.moving.files import STANDARD
from diptych.moving.house import Tell
from diptych.moving.importing import Imported


@click.command("copy")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@JSON_OPTION
def copy(source: str, target: str, json: bool) -> None:
    """Copy the log at the URL FROM into an empty one at the URL TO, and compare them.

    Events, records of commands and bookmarks of subscribers are copied. It may run beside the application of FROM, may
    be interrupted, and goes on where it was when it is called again; no application opens TO until it is whole.
    """
    with shown() as tell:
        copied = asyncio.run(copy_log(source, target, tell))
    as_json(msgspec.to_builtins(copied)) if json else _tell_copied(copied)


@click.command("export")
@click.argument("source", metavar="FROM")
@click.argument("file", default=STANDARD)
@JSON_OPTION
def export(source: str, file: str, json: bool) -> None:
    """Write the log at the URL FROM into a new FILE, one JSON object a line; packed when its name ends in .gz.

    Without FILE, or with -, to standard output; what it wrote is then told on stderr.
    """
    with shown() as tell:
        digest = asyncio.run(export_log(source, file, tell))
    click.echo(msgspec.json.encode(digest).decode() if json else _told(digest), err=file == STANDARD)


@click.command("import")
@click.argument("file")
@click.argument("target", metavar="TO")
@JSON_OPTION
def import_(file: str, target: str, json: bool) -> None:
    """Read a FILE that `export` wrote, or - for standard input, into an empty log at the URL TO.

    Every event is compared with its hash, and all events and records with the last line. It may be interrupted, and
    goes on when it is called again with the same FILE; no application opens TO until it is whole.
    """
    with shown() as tell:
        imported = asyncio.run(import_log(file, target, tell))
    as_json(msgspec.to_builtins(imported)) if json else _tell_imported(imported)


@contextlib.contextmanager
def shown() -> Iterator[Tell]:
    """Show progress on stderr while this is entered, when that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err(), transient=True, disable=not sys.stderr.isatty()) as progress:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total or None)
            progress.update(tasks[what], completed=done)

        yield tell


def _told(digest: Digest) -> str:
    return f"events   {digest.events:>12}  {digest.events_hash}\nrecords  {digest.records:>12}  {digest.records_hash}"


def _tell_copied(copied: Copied) -> None:
    click.echo(_told(copied.digest))
    click.echo(f"equal to its source up to position {copied.through}; {copied.new_events} events were new")
    click.echo(f"{copied.subscribers} subscribers go on where they stood")
    if copied.ahead:
        click.echo(f"the source has grown by {copied.ahead} events since: stop its application, and copy again")
    if copied.left:
        names = safe(", ".join(copied.left))
        click.echo(f"not copied, since they are yours: tables {names}; carry them while nothing writes", err=True)


def _tell_imported(imported: Imported) -> None:
    click.echo(_told(imported.digest))
    click.echo(f"all that the file holds, up to position {imported.through}; {imported.new_events} events were new")
