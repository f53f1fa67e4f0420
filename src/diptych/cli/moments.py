"""Moments on the command line."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from diptych.history.keys import moment_of_text


class _Moment(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4 only
    """A position, or a time in ISO 8601 with a zone."""

    name = "moment"

    def get_metavar(self, *_: Any, **__: Any) -> str:
        """Return how help names it."""
        return "POSITION|TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | datetime:
        """Return the moment that a text means."""
        try:
            return moment_of_text(str(value))
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)


MOMENT = _Moment()
