"""A group of commands that imports a command's module when the command runs, and tells errors in one sentence."""

from __future__ import annotations

import importlib
import os
import traceback
from collections.abc import Mapping
from typing import Any

import click

from diptych.errors import Error, StaleError

TRACEBACK = "DIPTYCH_TRACEBACK"


class LazyGroup(click.Group):
    """Know commands by name, `module:attribute` and one line of help.

    An error of Diptych's ends the program with its message and status 1; any other with its kind, message and place.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]], **options: Any) -> None:  # Any: click's own
        super().__init__(*args, **options)
        self._lazy = dict(lazy)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        del ctx
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of this name."""
        del ctx
        if cmd_name not in self._lazy:
            return None
        module, _, attribute = self._lazy[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands, importing none of them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._lazy.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; tell what goes wrong as a user can use it."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as wrong:
            if os.environ.get(TRACEBACK):
                raise
            raise click.ClickException(told(wrong)) from wrong


def told(wrong: BaseException) -> str:
    """Return an error as one sentence; a bug with its kind and place."""
    while isinstance(wrong, BaseExceptionGroup):
        wrong = wrong.exceptions[0]
    if isinstance(wrong, StaleError):
        return f"{wrong}; where they stay there, `diptych doctor` looks for the reason"
    if isinstance(wrong, Error):
        return str(wrong)
    if isinstance(wrong, SyntaxError):
        return f"{type(wrong).__name__} at {wrong.filename}:{wrong.lineno}: {wrong.msg}"
    frames = traceback.extract_tb(wrong.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(wrong).__name__}{place}: {wrong} ({TRACEBACK}=1 shows the whole traceback)"
