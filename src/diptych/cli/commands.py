"""`diptych commands`: what was sent, and what became of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import click
import msgspec

from diptych.application import Application
from diptych.cli.moments import MOMENT
from diptych.cli.printing import JSON_OPTION, as_json, moment, safe, table
from diptych.cli.target import Target, about_an_application, run
from diptych.cli.tracing import show_trace
from diptych.history.keys import command_of_text
from diptych.history.sent import OUTCOMES, CommandPage, SentCommand
from diptych.history.traced import Trace, told_sent, told_trace
from diptych.ports import Record, Trail

_COLUMNS = ("at", "outcome", "command", "by", ">position", "id", "reason")


@click.group()
def commands() -> None:
    """See what was sent, and what became of it."""


@commands.command("list")
@about_an_application
@click.option("--name", metavar="NAME", help="Only commands of this name.")
@click.option("--principal", metavar="WHO", help="Only those of this principal.")
@click.option("--outcome", type=click.Choice(OUTCOMES), help="Only those that ended so.")
@click.option("--since", type=MOMENT, help="Only those from this time on.")
@click.option("--before", metavar="CURSOR", help="Go on where a page ended: what it says is next.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@JSON_OPTION
def list_(**options: Any) -> None:
    """Print commands, accepted or not, the newest first.

    Those that were not accepted come from the audit trail, which holds as many as the application says.
    """
    chosen = {name: options[name] for name in ("name", "principal", "outcome", "before", "limit")}
    since = _since(options["since"])

    async def work(app: Application) -> tuple[CommandPage, Trail]:
        try:
            return await app.audit.page(**chosen, since=since), await app.audit.trail()
        except ValueError as wrong:
            raise click.UsageError(str(wrong)) from wrong

    page, trail = run(_existing(options), work)
    if options["json"]:
        kept = {"kept": trail.kept, "dropped": trail.dropped}
        as_json({"commands": [told_sent(each) for each in page.commands], "next": page.next, "trail": kept})
        return
    table(_COLUMNS, [_row(each) for each in page.commands])
    if page.next is not None:
        click.echo(f"more: --before {page.next}", err=True)
    if trail.dropped:
        click.echo(f"{trail.dropped} that were not accepted were dropped: the trail had no room", err=True)


@commands.command()
@click.argument("command_id", type=click.UUID, metavar="ID")
@about_an_application
@JSON_OPTION
def outcome(command_id: UUID, json: bool, **options: Any) -> None:
    """Say what became of a command: its stored answer, why it was not accepted, or that nothing is known of it.

    Ends with status 0 when it took effect, else 1.
    """

    async def work(app: Application) -> tuple[Record | None, SentCommand | None]:
        found = await app.audit.of(command_id)
        return await app.outcome(command_id), found[-1] if found else None

    record, sent = run(_existing(options), work)
    told = None if sent is None else told_sent(sent) if record is None else _described(record)
    if json:
        as_json(told)
    elif told is None:
        click.echo(f"command {command_id} has not taken effect: it was refused, lost, or is still on its way", err=True)
    else:
        _show(told)
    sys.exit(0 if record is not None else 1)


@commands.command()
@click.argument("command", metavar="ID|POSITION")
@about_an_application
@JSON_OPTION
def trace(command: str, json: bool, **options: Any) -> None:
    """Print what a command led to, as a tree: its events, the rows that they changed, the commands that they caused.

    It is named by its id, or by the position of one of its events.
    """
    try:
        named = command_of_text(command)
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from wrong

    async def work(app: Application) -> Trace:
        return await app.trace(named)

    found = run(_existing(options), work)
    if json:
        as_json(told_trace(found))
    else:
        show_trace(found)


def _existing(options: Mapping[str, Any]) -> Application:
    return Target.of(options).existing()


def _since(given: int | datetime | None) -> datetime | None:
    if isinstance(given, int):
        raise click.UsageError(f"--since takes a time with a zone such as 2026-01-31T12:00:00Z, found {given}")
    return given


def _row(sent: SentCommand) -> tuple[object, ...]:
    at = f"{sent.at:%Y-%m-%d %H:%M:%S.%f}"
    return (at, sent.outcome, sent.name, sent.principal, sent.position, sent.command_id, sent.reason)


def _show(told: Mapping[str, Any]) -> None:
    for name, value in told.items():
        if value is not None:
            text = bytes(value).decode() if isinstance(value, msgspec.Raw) else str(value)
            click.echo(safe(f"{name:<12} {text}"))


def _described(record: Record) -> dict[str, Any]:
    return {
        "command_id": record.id,
        "command": record.name,
        "position": record.position,
        "recorded_at": moment(record.recorded_at),
        "actor": record.actor,
        "result": msgspec.Raw(record.answer or b"null"),
    }
