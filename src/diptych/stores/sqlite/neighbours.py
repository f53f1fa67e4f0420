"""Tables that stand in the file of a log and are not the log's: a copy of the log leaves them behind."""

from __future__ import annotations

import contextlib
from pathlib import Path

from diptych.stores.sqlite.connection import connect_reader
from diptych.stores.sqlite.schema import OWN_NAMES

_TABLES = "select name from sqlite_schema where type = 'table' order by name"
_OWN_PREFIXES = ("sqlite_", "diptych_")


def neighbours(path: Path) -> tuple[str, ...]:
    """Return the names of the tables that units of work, or other programs, keep in the file of a log."""
    with contextlib.closing(connect_reader(path)) as connection:
        names = [name for (name,) in connection.execute(_TABLES)]
    return tuple(name for name in names if name not in OWN_NAMES and not name.startswith(_OWN_PREFIXES))
