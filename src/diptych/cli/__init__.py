"""The command line `diptych`. A command's module is imported when it runs: `--help` and mistakes answer at once."""

from __future__ import annotations

import click

from diptych.cli.lazy import LazyGroup

_COMMANDS = {
    "dev": ("diptych.cli.developing:dev", "Serve an application and start it anew whenever its code changes."),
    "serve": ("diptych.cli.serving:serve", "Serve an application over HTTP."),
    "worker": ("diptych.cli.working:worker", "Fold projections and run subscribers, without HTTP."),
    "send": ("diptych.cli.sending:send", "Send a command."),
    "ask": ("diptych.cli.asking:ask", "Ask a query."),
    "events": ("diptych.cli.events:events", "Look into the log: list, tail, show."),
    "commands": ("diptych.cli.commands:commands", "See what was sent and what became of it: list, outcome, trace."),
    "projections": ("diptych.cli.projections:projections", "See where read models stand, and check them."),
    "views": ("diptych.cli.views:views", "See where materialised views stand, and refresh them."),
    "subscribers": ("diptych.cli.subscribers:subscribers", "See where subscribers stand, and skip an event."),
    "history": ("diptych.cli.history:history", "Tell the past of a row: blame, diff, versions."),
    "log": ("diptych.cli.log:log", "Look after the log: verify, copy, export, import, migrate."),
    "describe": ("diptych.cli.describing:describe", "Draw an application: commands, events, read models, queries."),
    "doctor": ("diptych.cli.doctor:doctor", "Examine an application, its stores and this machine."),
}


@click.group(cls=LazyGroup, lazy=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="diptych", message="%(package)s %(version)s")
def main() -> None:
    """Run a Diptych application from the command line.

    An application is named as module:attribute, by --app, DIPTYCH_APP or `app` under [tool.diptych] in pyproject.toml.
    """
