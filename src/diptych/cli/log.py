"""`diptych log`: look after the log."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import click
import msgspec

from diptych.application.houses import house
from diptych.cli.migrating import migrate
from diptych.cli.moving import copy, export, import_, shown
from diptych.cli.printing import JSON_OPTION, as_json
from diptych.cli.target import Target, about_an_application
from diptych.errors import CorruptionError, SettingsError
from diptych.moving.digest import digest_of
from diptych.moving.house import House, Tell
from diptych.ports import Examined


@click.group()
def log() -> None:
    """Look after the log."""


for each in (copy, export, import_, migrate):
    log.add_command(each)


@log.command()
@click.argument("url", required=False)
@about_an_application
@JSON_OPTION
def verify(url: str | None, json: bool, **options: Any) -> None:
    """Read the whole log again and compare every event with its hash; the application's, or the one at URL.

    Ends with status 0 when everything is right, else 1, naming the first position that is not. Logs whose counts and
    hashes are equal hold the same.
    """
    found = asyncio.run(_verified(url or _url_of(options)))
    if json:
        as_json(found)
    elif found["error"] is None:
        click.echo(f"every event is as it was written, up to position {found['verified']}")
        for kind in ("events", "records"):
            click.echo(f"{kind:<7}  {found[kind]:>12}  {found[f'{kind}_hash']}")
    else:
        click.echo(f"{found['error']}; the pages before it are right, up to position {found['verified']}", err=True)
    sys.exit(0 if found["error"] is None else 1)


async def verified(opened: House, tell: Tell) -> dict[str, Any]:
    """Verify a log; return how far it is right, the head, and what is wrong, or what it holds."""
    if not isinstance(opened.log, Examined):
        raise SettingsError("the store of this log cannot be verified")
    head, reached = await opened.log.head(), 0
    try:
        async for reached in opened.log.verify():
            tell("verifying", reached, head)
        digest = await digest_of(opened, "hashing", tell, until=reached)
    except CorruptionError as wrong:
        return {"verified": reached, "head": head, "error": str(wrong)}
    return {"verified": reached, "head": head, "error": None} | msgspec.structs.asdict(digest)


async def _verified(url: str) -> dict[str, Any]:
    async with house(url, exists=True) as opened:
        with shown() as tell:
            return await verified(opened, tell)


def _url_of(options: dict[str, Any]) -> str:
    return Target.of(options).existing().urls[0]
