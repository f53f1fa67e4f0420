"""The row stores that tests run on: memory, a file, and PostgreSQL, each test in a schema of its own."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from diptych.ports import RowStore
from diptych.stores.postgres.address import ROWS_SCHEMA, Address
from diptych.stores.postgres.rows import PostgresRowStore
from diptych.stores.sqlite.rows import SqliteRowStore
from tests.clusters import NEWEST, OLDEST, Database

Place = Path | str | None
"""Where rows are: in a file, where a URL says, or in memory."""
SQLITE = ("memory", "file")
POSTGRES = (f"postgres {OLDEST}", f"postgres {NEWEST}")
NEWEST_POSTGRES = POSTGRES[-1]
EVERY = (*SQLITE, *POSTGRES)
"""For contracts of stores: what depends on the version of a server is promised there."""
KINDS = (*SQLITE, NEWEST_POSTGRES)
"""For what stands on those contracts."""


def row_store(request: pytest.FixtureRequest, kind: str, folder: Path | None = None) -> RowStore:
    """Return the unopened store of a kind: an empty one."""
    if kind in SQLITE:
        return SqliteRowStore(None if kind == "memory" or folder is None else folder / "rows.db")
    return PostgresRowStore(Address.of(rows_url(request, kind), schema=ROWS_SCHEMA))


def place_of(request: pytest.FixtureRequest, kind: str, folder: Path) -> Path | str:
    """Return where rows of a kind that outlives its store are: an empty place."""
    return folder / "rows.db" if kind in SQLITE else rows_url(request, kind)


def rows_url(request: pytest.FixtureRequest, kind: str) -> str:
    """Return the URL of an empty schema in a server of a kind."""
    database: Database = request.getfixturevalue("rows_database_of")(kind.removeprefix("postgres "))
    return f"{database.url}?schema=rows_{secrets.token_hex(6)}"
