"""`diptych doctor`: examine an application, its stores and this machine."""

from __future__ import annotations

import sys
from typing import Any

import click

from diptych.application import Application
from diptych.cli import findings, kinds
from diptych.cli.findings import Finding, Level
from diptych.cli.printing import as_json, out, safe
from diptych.cli.target import Target, about_an_application, run
from diptych.ports import Examined

_COLOURS: dict[Level, str] = {"ok": "green", "note": "cyan", "warning": "yellow", "error": "red"}


@click.command()
@about_an_application
@click.option("--strict", is_flag=True, help="End with status 1 for warnings too.")
@click.option("--json", "json", is_flag=True, help="Print JSON.")
def doctor(strict: bool, json: bool, **options: Any) -> None:  # noqa: FBT001 (flags of the command line)
    """Examine versions, durability, files, and where read models stand; name the fix for what is wrong.

    Ends with status 1 when it finds an error, else 0.
    """
    application = Target(options["app"], options["events"], options["reads"]).existing()
    found = run(application, examined)
    if json:
        as_json([finding.described() for finding in found])
    else:
        _tell(found)
    bad = {"error", "warning"} if strict else {"error"}
    sys.exit(1 if any(finding.level in bad for finding in found) else 0)


async def examined(app: Application) -> list[Finding]:
    """Examine an open application."""
    store = app.store
    described = await store.describe() if isinstance(store, Examined) else {}
    found = [*findings.versions(), *findings.sqlite(described), findings.durability(described, app.urls[0])]
    found.append(Finding("log", "ok", f"{store.log_id}, head {await app.head()}"))
    found += findings.files(app.urls)
    found += kinds.events(app, described)
    found += findings.progress(app, await app.head(), store.log_id, await app.checkpoints())
    found += findings.subscribers(app, await app.head(), store.log_id, await app.reactions.bookmarks())
    found.append(findings.audited(await app.audit.trail()))
    return found


def _tell(found: list[Finding]) -> None:
    console = out()
    for finding in found:
        console.print(f"[{_COLOURS[finding.level]}]{finding.level:<8}[/]", end="")
        click.echo(safe(f"{finding.about}: {finding.text}"))
        if finding.fix:
            click.echo(safe(f"        fix: {finding.fix}"))
