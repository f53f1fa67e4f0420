"""`diptych history`: what a row was, since when, and which event, command and principal were behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import click

from diptych.application import Application
from diptych.cli.moments import MOMENT
from diptych.cli.patience import once_built
from diptych.cli.printing import JSON_OPTION, as_json, table
from diptych.cli.target import F, Target, about_an_application, refuse_absent, run
from diptych.codec import encode
from diptych.history.blame import FieldChange
from diptych.history.causes import Cause
from diptych.history.keys import text_of_key
from diptych.history.refold import LIMIT
from diptych.history.telling import told_blame, told_diff, told_versions
from diptych.model.projections import Key, ReadModel
from diptych.read.past import is_kept

T = TypeVar("T")
Tell = Callable[[Application, ReadModel[Any], Key], Awaitable[T]]
_CAUSE = (">position", "recorded", "event", "by", "command")


def _about_a_row(function: F) -> F:
    for option in (
        JSON_OPTION,
        click.option(
            "--wait", type=float, default=10.0, show_default=True, metavar="SECONDS", help="Wait at most so long."
        ),
        click.option(
            "--limit", type=click.IntRange(0), default=LIMIT, show_default=True, help="Read at most so many events."
        ),
        about_an_application,
        click.argument("key"),
        click.argument("model"),
    ):
        function = option(function)
    return function


@click.group()
def history() -> None:
    """Tell the past of a row.

    KEY is the value of the key column, or of several parted by commas. A read model without history=True is folded
    again from the events of the row, and what that costs is told on stderr first.
    """


@history.command()
@click.option("--field", metavar="NAME", help="Only this field.")
@click.option("--as-of", "as_of", type=MOMENT, help="Of the row as it was then.")
@_about_a_row
def blame(field: str | None, as_of: int | datetime | None, **options: Any) -> None:
    """Print which event, command and principal set each field to its value, and when."""

    async def tell(app: Application, model: ReadModel[Any], key: Key) -> Any:
        moment = await app.head() if as_of is None else as_of
        ask = partial(app.history.blame, model.name, key, field=field, as_of=moment, limit=options["limit"])
        return await once_built(lambda left: ask(wait=left), wait=options["wait"])

    model, found = _told(options, tell)
    if options["json"]:
        as_json(told_blame(model, found))
    else:
        table(
            ("field", "value", *_CAUSE),
            [(each.field, _shown(each.value), *_cause(each.cause)) for each in found.fields],
        )


@history.command()
@_about_a_row
@click.argument("start", metavar="FROM", type=MOMENT)
@click.argument("end", metavar="TO", type=MOMENT)
def diff(start: int | datetime, end: int | datetime, **options: Any) -> None:
    """Print what became of a row between two positions or times, and by which events."""

    async def tell(app: Application, model: ReadModel[Any], key: Key) -> Any:
        if await app.history.position_of(start) > await app.history.position_of(end):
            raise click.UsageError(f"FROM comes before TO, found {start} before {end}")
        ask = partial(app.history.diff, model.name, key, start, end, limit=options["limit"])
        return await once_built(lambda left: ask(wait=left), wait=options["wait"])

    model, found = _told(options, tell)
    if options["json"]:
        as_json(told_diff(model, found))
        return
    title = f"{model.name} {text_of_key(found.key)}"
    click.echo(f"{title}: {_state(found.before)} at {found.start}, {_state(found.after)} at {found.end}")
    table(("field", f"at {found.start}", f"at {found.end}"), [_change(each) for each in found.fields])
    click.echo()
    _print_events(found.events)


@history.command()
@click.option("--after", type=click.IntRange(0), default=0, metavar="POSITION", help="Only what came after there.")
@click.option("--count", type=click.IntRange(1), default=50, show_default=True, help="Print at most so many.")
@_about_a_row
def versions(after: int, count: int, **options: Any) -> None:
    """Print what every event did to a row, the oldest first."""
    key_of: dict[str, Key] = {}

    async def tell(app: Application, model: ReadModel[Any], key: Key) -> Any:
        key_of["row"], limits = key, {"limit": options["limit"], "count": count}
        ask = partial(app.history.versions, model.name, key, after=after, as_of=await app.head(), **limits)
        return await once_built(lambda left: ask(wait=left), wait=options["wait"])

    model, found = _told(options, tell)
    if options["json"]:
        as_json(told_versions(model, key_of["row"], found))
    else:
        _print_events(found)


def _told(options: Mapping[str, Any], tell: Tell[T]) -> tuple[ReadModel[Any], T]:
    application = Target.of(options).application()
    refuse_absent(application)
    model = application.history.model(options["model"])
    key = application.history.key_of(model.name, options["key"])

    async def work(app: Application) -> T:
        cost = await app.history.cost(model.name, key)
        if cost.events or cost.scans:
            how = "scanning whole types of events" if cost.scans else "by tags"
            click.echo(f"{model.name} keeps no history: folding {cost.events} events again, {how}", err=True)
        return await tell(app, model, key)

    return model, run(application.configured(projections="run" if is_kept(model) else "follow"), work)


def _print_events(events: Any) -> None:
    rows = [(*_cause(each.cause), "deleted" if each.row is None else _changes(each.fields)) for each in events]
    table((*_CAUSE, "changed"), rows)


def _cause(cause: Cause) -> tuple[object, ...]:
    recorded = f"{cause.recorded_at:%Y-%m-%dT%H:%M:%S.%f}Z"
    return cause.position, recorded, f"{cause.event}@{cause.version}", cause.actor, cause.command


def _changes(fields: tuple[FieldChange, ...]) -> str:
    return ", ".join(f"{each.field}: {_shown(each.before)} -> {_shown(each.after)}" for each in fields)


def _change(change: FieldChange) -> tuple[object, ...]:
    return change.field, _shown(change.before), _shown(change.after)


def _state(row: Any) -> str:
    return "absent" if row is None else "there"


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else encode(value).decode().strip('"')
