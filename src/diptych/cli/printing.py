"""What commands print: JSON for machines, tables for people, progress on stderr when it is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.json import JSON
from rich.table import Table
from rich.text import Text

from diptych.codec import encode

JSON_OPTION = click.option("--json", "json", is_flag=True, help="Print JSON.")
_WIDE = 1 << 14


def out() -> Console:
    """Return a console on stdout that never cuts a line which a program may read."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDE, highlight=False)


def err() -> Console:
    """Return a console on stderr."""
    return Console(file=sys.stderr, highlight=False)


def as_json(value: Any) -> None:  # Any: whatever the codec writes
    """Print a value as one line of JSON."""
    click.echo(encode(value).decode())


def pretty(data: bytes) -> None:
    """Print JSON for a person."""
    if sys.stdout.isatty():
        out().print(JSON(data.decode()))
    else:
        click.echo(data.decode())


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows below their titles; `>` before a title aligns its column to the right."""
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in columns:
        right = title.startswith(">")
        shown.add_column(title.lstrip(">"), justify="right" if right else "left", overflow="fold")
    for row in rows:
        shown.add_row(*[Text(safe("" if cell is None else str(cell))) for cell in row])
    out().print(shown)


def safe(text: str) -> str:
    r"""Return a text that cannot steer a terminal.

    >>> safe("a\x1b[2J")
    'a\\x1b[2J'
    """
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def first_line(text: str | None) -> str | None:
    r"""Return what stands before the first end of a line: an error without its traceback.

    >>> first_line("KeyError: 'a'\nTraceback ...")
    "KeyError: 'a'"
    """
    return None if text is None else text.partition("\n")[0]


def moment(micros: int) -> str:
    """Return microseconds since 1970 as a UTC time.

    >>> moment(1_000_000)
    '1970-01-01T00:00:01.000000Z'
    """
    return f"{datetime.fromtimestamp(micros / 1e6, UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
