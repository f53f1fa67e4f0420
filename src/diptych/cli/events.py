"""`diptych events`: look into the log."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from diptych.application import Application
from diptych.cli.printing import JSON_OPTION, as_json, moment, pretty, safe, table
from diptych.cli.target import F, Target, about_an_application, run
from diptych.codec import encode, verify_content
from diptych.errors import CorruptionError
from diptych.model.criteria import Clause, Criteria
from diptych.ports import StoredEvent
from diptych.subscription import subscribe

_PAGE = 500


def _selecting(function: F) -> F:
    for option in (
        click.option("--tag", "tags", multiple=True, metavar="KEY:VALUE", help="Carrying it; several: all of them."),
        click.option(
            "--type", "types", multiple=True, metavar="NAME", help="Of this stored name, or of one of several."
        ),
    ):
        function = option(function)
    return function


@click.group()
def events() -> None:
    """Look into the log."""


@events.command("list")
@about_an_application
@_selecting
@click.option("--after", type=int, default=0, metavar="POSITION", help="Only what lies after there.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@click.option("--backwards", is_flag=True, help="The newest first.")
@JSON_OPTION
def list_(types: Sequence[str], tags: Sequence[str], **options: Any) -> None:
    """Print events in the order of the log."""
    criteria = Criteria((Clause(tuple(types), tuple(tags)),))

    async def work(app: Application) -> Sequence[StoredEvent]:
        found = await app.store.read(
            criteria, after=options["after"], limit=options["limit"], backwards=options["backwards"]
        )
        return found.events

    found = run(_target(options).existing(), work)
    if options["json"]:
        as_json([described(event) for event in found])
    else:
        table((">position", "recorded", "event", "tags", "data"), [_row(event) for event in found])


@events.command()
@about_an_application
@_selecting
@click.option("--after", type=int, metavar="POSITION", help="Begin after there; the end of the log if absent.")
@JSON_OPTION
def tail(types: Sequence[str], tags: Sequence[str], **options: Any) -> None:
    """Print events as they are recorded, until Ctrl-C; with --json one per line."""
    criteria = Criteria((Clause(tuple(types), tuple(tags)),))
    application = _target(options).existing()

    async def work(app: Application) -> None:
        after = await app.head() if options["after"] is None else options["after"]
        async for event in subscribe(app.store, criteria, after=after, page=_PAGE):
            if options["json"]:
                as_json(described(event))
            else:
                click.echo("  ".join(str(cell) for cell in _row(event)))

    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        run(application, work)


@events.command()
@click.argument("position", type=int)
@about_an_application
@JSON_OPTION
def show(position: int, **options: Any) -> None:
    """Print the event at a position, whole, whether it matches its hash, and what an upcaster makes of it today."""

    async def work(app: Application) -> dict[str, Any]:
        found = await app.store.read(Criteria.all(), after=position - 1, until=position, limit=1)
        if not found.events:
            raise click.ClickException(f"there is no event at position {position}; the log ends at {await app.head()}")
        event = found.events[0]
        return described(event) | {"hash": event.hash.hex(), "intact": _is_intact(event)} | _upcast(app, event)

    shown = run(_target(options).existing(), work)
    if options["json"]:
        as_json(shown)
        return
    data, today = shown.pop("data"), shown.pop("today", ())
    for name, value in shown.items():
        click.echo(safe(f"{name.replace('_', ' '):<11}  {_told(value)}"))
    pretty(bytes(data))
    for each in today:
        click.echo(safe(f"{'today':<11}  {each['type']}@{each['version']}"))
        pretty(bytes(each["data"]))


def described(event: StoredEvent) -> dict[str, Any]:
    """Return an event as a value that JSON can hold."""
    return {
        "position": event.position,
        "type": event.name,
        "version": event.version,
        "tags": event.tags,
        "recorded_at": moment(event.recorded_at),
        "data": msgspec.Raw(event.data),
        "metadata": msgspec.Raw(event.metadata or b"{}"),
    }


def _upcast(app: Application, event: StoredEvent) -> dict[str, Any]:
    """Return what an upcaster makes of an event, as a value that JSON can hold; nothing where it is as it was."""
    if app.codec.upcaster(event.name, event.version) is None:
        return {}
    found = [(app.codec.types[type(each)], each) for each in app.codec.read(event.name, event.version, event.data)]
    return {
        "today": [{"type": kind.name, "version": kind.version, "data": msgspec.Raw(encode(e))} for kind, e in found]
    }


def _row(event: StoredEvent) -> tuple[object, ...]:
    return (
        event.position,
        moment(event.recorded_at),
        f"{event.name}@{event.version}",
        safe(" ".join(event.tags)),
        safe(event.data.decode()),
    )


def _told(value: object) -> str:
    if isinstance(value, msgspec.Raw):
        return bytes(value).decode()
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(value) if isinstance(value, tuple) else str(value)


def _is_intact(event: StoredEvent) -> bool:
    try:
        verify_content(event.position, event.hash, event.name, event.version, event.tags, event.data, event.metadata)
    except CorruptionError:
        return False
    return True


def _target(options: dict[str, Any]) -> Target:
    return Target.of(options)
