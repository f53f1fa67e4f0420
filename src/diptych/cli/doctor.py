"""`diptych doctor`: examine an application, its stores and this machine."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

import click

from diptych.application import Application
from diptych.application.databases import examine
from diptych.cli import findings, kinds
from diptych.cli.printing import JSON_OPTION, as_json, out, safe
from diptych.cli.target import Target, about_an_application, refuse_absent
from diptych.errors import Error
from diptych.ports import Examined, Finding, Level

_COLOURS: dict[Level, str] = {"ok": "green", "note": "cyan", "warning": "yellow", "error": "red"}
_SCHEMA = "schema "


@click.command()
@about_an_application
@click.option("--only", type=click.Choice(["commands", "queries"]), help="Examine it as one that serves only these.")
@click.option("--strict", is_flag=True, help="End with status 1 for warnings too.")
@JSON_OPTION
def doctor(strict: bool, json: bool, **options: Any) -> None:
    """Examine versions, durability, servers, files, and where read models stand; name the fix for what is wrong.

    Changes nothing: an application whose tables are not up to date is not opened. Ends with status 1 when it finds an
    error, else 0.
    """
    target = Target.of(options, only=options["only"])
    found = asyncio.run(examined(_application(target)))
    if json:
        as_json([finding.described() for finding in found])
    else:
        _tell(found)
    bad = {"error", "warning"} if strict else {"error"}
    sys.exit(1 if any(finding.level in bad for finding in found) else 0)


async def examined(application: Application) -> list[Finding]:
    """Examine an application: the servers of its stores first, what is in them where nothing is in the way."""
    servers = await examine(application)
    found = [*findings.versions(), *servers]
    if any(_is_in_the_way(each) for each in servers):
        return [
            *found,
            Finding("application", "note", "not opened, for what was found above", "mend it, and ask again"),
        ]
    try:
        async with application as opened:
            return found + await _inside(opened) + await _beside(opened, servers)
    except Error as wrong:
        text, _, fix = str(wrong).partition("; ")
        return [*found, Finding("application", "error", f"does not open: {text}", fix)]


def _application(target: Target) -> Application:
    only = target.settings().only
    if only is None:
        return target.existing()
    application = target.application(only=only)
    refuse_absent(application)
    return application


async def _inside(app: Application) -> list[Finding]:
    store, head = app.store, await app.head()
    described = await store.describe() if isinstance(store, Examined) else {}
    found = [*findings.sqlite(described)]
    if described.get("store") != "postgresql":
        found.append(findings.durability(described, app.urls[0]))
    found.append(Finding("log", "ok", f"{store.log_id}, head {head}"))
    found += await findings.newest(store, app.clock)
    found += findings.files(app.urls)
    found += kinds.events(app, described)
    found += findings.progress(app, head, store.log_id, await app.checkpoints())
    return found


async def _beside(app: Application, servers: Sequence[Finding]) -> list[Finding]:
    """Examine what stands beside the log: where it is due it is made by whoever looks, and doctors make nothing."""
    is_due = any(each.about.startswith(_SCHEMA) and each.level != "ok" for each in servers)
    if is_due or app.ownership.only == "queries":
        return []
    found = findings.subscribers(app, await app.head(), app.store.log_id, await app.reactions.bookmarks())
    return [*found, findings.audited(await app.audit.trail())]


def _is_in_the_way(each: Finding) -> bool:
    return each.level == "error" or (each.level == "warning" and each.about.startswith(_SCHEMA))


def _tell(found: list[Finding]) -> None:
    console = out()
    for finding in found:
        console.print(f"[{_COLOURS[finding.level]}]{finding.level:<8}[/]", end="")
        click.echo(safe(f"{finding.about}: {finding.text}"))
        if finding.fix:
            click.echo(safe(f"        fix: {finding.fix}"))
