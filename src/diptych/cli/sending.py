"""`diptych send`: a command from the command line."""

from __future__ import annotations

import getpass
import os
import sys
from typing import Any

import click

from diptych.application import Application
from diptych.cli.messages import body, find, split
from diptych.cli.printing import as_json, err, out, safe
from diptych.cli.target import Runs, Target, about_an_application, refuse_absent, run
from diptych.cli.trying import show_trial, tried
from diptych.cli.worded import Worded
from diptych.codec import encode, encode_answer
from diptych.history.trial import Trial, told
from diptych.model.results import Accepted, Result
from diptych.write.requests import Delivery

_MEMORY = "memory://"
WORDS = {"ignore_unknown_options": True, "allow_extra_args": True}


def os_user() -> str:
    """Return the name of the user at the keyboard, or the number where the system knows no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


@click.command(cls=Worded, context_settings=WORDS, options_metavar="[OPTIONS]")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[APP] NAME [--FIELD VALUE]...")
@about_an_application
@click.option("--json", "json", is_flag=False, flag_value="", metavar="['{...}']", help="The command, and the answer.")
@click.option("--key", help="Idempotency key: the same key and command take effect once.")
@click.option("--user", help="On whose behalf; the user of this computer by default.")
@click.option("--expected", type=int, metavar="POSITION", help="Only if nothing that it reads lies after there.")
@click.option("--dry-run", is_flag=True, help="Tell what it would do, events and rows, and do nothing.")
def send(words: tuple[str, ...], json: str | None, key: str | None, user: str | None, **options: Any) -> None:
    """Send a command: its fields as options, or as JSON ('-' reads it from stdin).

    Ends with status 0 when it was, or would be, accepted, else 1.
    """
    given = split(words, json)
    target = Target.of(options, app=given.app)
    folding: Runs = "run" if options["dry_run"] else "follow"
    application = target.application(projections=folding, subscribers="off")
    request = body(find(given.name, application.commands, "command", application.queries), given)
    delivery = Delivery(key, user or os_user(), expected=options["expected"])
    if options["dry_run"]:
        refuse_absent(application)
        trial = tried(application, given, request, delivery)
        _show_trial(trial) if json is None else click.echo(encode_answer(_described_trial(trial)).decode())
        sys.exit(0 if trial.result.is_success else 1)
    if application.urls[0].startswith(_MEMORY):
        click.echo("the log is in memory and ends with this process; --events sqlite:///path keeps it", err=True)
    result = _sent(application, given.name, request, delivery)
    _show(result) if json is None else as_json(described(result))
    sys.exit(0 if result.is_success else 1)


def _sent(application: Application, name: str, request: bytes, delivery: Delivery) -> Result[Any]:
    async def work(app: Application) -> Result[Any]:
        key, principal, expected = delivery.key, delivery.principal, delivery.expected
        return await app.receive(name, request, key=key, principal=principal, expected=expected)

    return run(application, work)


def _show_trial(trial: Trial[Any]) -> None:
    show_trial(trial) if trial.result.is_success else _show(trial.result)


def _described_trial(trial: Trial[Any]) -> dict[str, Any]:
    return told(trial) if trial.result.is_success else described(trial.result) | {"dry_run": True}


def described(result: Result[Any]) -> dict[str, Any]:
    """Return a result as a value that JSON can hold."""
    found: dict[str, Any] = {"status": result.status, "position": result.position}
    if isinstance(result, Accepted):
        return found | {"result": result.value, "command_id": result.command_id, "replayed": result.replayed}
    more = {name: getattr(result, name, None) for name in ("code", "error", "errors", "data")}
    return found | {name: value for name, value in more.items() if value}


def _show(result: Result[Any]) -> None:
    if isinstance(result, Accepted):
        again = " (it had been accepted before)" if result.replayed else ""
        out().print(f"[green]accepted[/] at position {result.position}{again}, command {result.command_id}")
        if result.value is not None:
            click.echo(encode(result.value).decode())
        return
    code = getattr(result, "code", None)
    title = result.status.replace("_", " ") + (f" ({code})" if code else "")
    err().print(f"[red]{title}[/]", end="" if not result.errors else "\n")
    for path, found in result.errors.items():
        click.echo(safe(f"  {path or 'message'}: {'; '.join(found)}"), err=True)
    if not result.errors:
        click.echo(safe(f": {result.error}"), err=True)
