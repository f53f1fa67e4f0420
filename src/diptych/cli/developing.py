"""`diptych dev`: an application over HTTP, started anew whenever its code changes."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import click

from diptych.cli.printing import err
from diptych.cli.serving import addressed, served
from diptych.cli.target import Target, about_an_application
from diptych.cli.watching import restarted, this_python
from diptych.settings import Settings


@click.command()
@click.argument("application", required=False, metavar="[APP]")
@about_an_application
@addressed
@click.option("--no-reload", is_flag=True, help="Run once, and let changes of the code be.")
def dev(application: str | None, *, json: bool, no_reload: bool, **options: Any) -> None:
    """Serve an application in mode dev: read models follow the code, and a change of the code starts it anew.

    In mode dev a read model whose fold changed is rebuilt at start without a new version.
    """
    target = Target(
        application or options["app"], options["events"], options["reads"], options["host"], options["port"], "dev"
    )
    settings = target.settings()
    if no_reload or settings.app is None:  # without one, `served` says what is missing
        served(target, json=json)
    else:
        with contextlib.suppress(KeyboardInterrupt):
            restarted(this_python(*sys.argv[1:], "--no-reload"), folders_of(settings), err().print)


def folders_of(settings: Settings) -> list[Path]:
    """Return the folders whose changes start the application anew: the current one, the project's, the module's."""
    found = [Path.cwd()]
    if settings.folder is not None:
        found.append(settings.folder)
    module = (settings.app or "").partition(":")[0].partition(".")[0]
    spec = importlib.util.find_spec(module) if module else None
    if spec is not None and spec.origin is not None:
        origin = Path(spec.origin).parent
        if "site-packages" not in origin.parts and not any(origin.is_relative_to(folder) for folder in found):
            found.append(origin)
    return found
