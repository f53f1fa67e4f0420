"""`diptych subscribers`: where subscribers stand, and how to get one past an event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from diptych.application import Application
from diptych.cli.printing import JSON_OPTION, as_json, first_line, moment, safe, table
from diptych.cli.target import Target, about_an_application, run
from diptych.ports import Bookmark, Skip


@click.group()
def subscribers() -> None:
    """See where subscribers stand, and skip an event at which one fails."""


@subscribers.command("list")
@about_an_application
@JSON_OPTION
def list_(json: bool, **options: Any) -> None:
    """Print every subscriber with its position, how far it is behind, its failure, and what was ever skipped."""
    application = Target.of(options).existing()

    async def work(app: Application) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        head, stored = await app.head(), await app.reactions.bookmarks()
        skipped = [_skipped(each) for each in await app.reactions.skips()]
        return [standing(name, head, stored) for name in app.subscribers], skipped

    found, skipped = run(application, work)
    if json:
        as_json({"subscribers": found, "skipped": skipped})
        return
    columns = ("subscriber", "position", "behind", "state", "attempts", "error")
    titles = tuple(f">{name}" if name in ("position", "behind", "attempts") else name for name in columns)
    rows = [each | {"error": first_line(each["error"])} for each in found]
    table(titles, [[each[name] for name in columns] for each in rows])
    for each in skipped:
        text = f"skipped for {each['subscriber']} at {each['skipped_at']}: {first_line(each['error'])}"
        click.echo(safe(text))


@subscribers.command()
@click.argument("name")
@click.argument("position", type=click.IntRange(1))
@about_an_application
@JSON_OPTION
def skip(name: str, position: int, json: bool, **options: Any) -> None:
    """Leave out the event at POSITION, at which the subscriber fails; that is recorded, and it goes on after it.

    Works beside a running server. Any other event is refused.
    """
    application = Target.of(options).existing()

    async def work(app: Application) -> Bookmark:
        return await app.reactions.skip(name, position)

    bookmark = run(application, work)
    if json:
        as_json({"subscriber": name, "position": bookmark.position})
    else:
        click.echo(safe(f"subscriber {name} goes on after position {bookmark.position}"))


def standing(name: str, head: int, stored: Mapping[str, Bookmark]) -> dict[str, Any]:
    """Say where a subscriber stands beside the head of the log."""
    bookmark = stored.get(name)
    found = {"subscriber": name, "head": head, "failing": None, "attempts": 0, "error": None}
    if bookmark is None:
        return found | {"position": 0, "behind": head, "state": "not begun"}
    behind = max(0, head - bookmark.position)
    found |= {"position": bookmark.position, "behind": behind}
    failure = bookmark.failure
    if failure is None:
        return found | {"state": "behind" if behind else "caught up"}
    shown = {"failing": failure.position, "attempts": failure.attempts, "error": failure.error}
    return found | shown | {"state": "failing"}


def _skipped(skip: Skip) -> dict[str, Any]:
    return {
        "subscriber": skip.subscriber,
        "position": skip.position,
        "skipped_at": moment(skip.skipped_at),
        "error": skip.error,
    }
