"""Tables of units of work: made where they are missing, and refused at start where they cannot stand beside the log."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from diptych.errors import WiringError
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.testing.contract.material import appending, event


def tables(*columns: sa.Column[object], name: str = "shelves", schema: str | None = None) -> sa.MetaData:
    made = sa.MetaData()
    sa.Table(name, made, *(columns or (sa.Column("id", sa.Integer, primary_key=True),)), schema=schema)
    return made


async def opened(path: Path, *metadata: sa.MetaData) -> list[str]:
    store = SqliteEventStore(path)
    store.declare(metadata)
    async with store:
        pass
    with contextlib.closing(sqlite3.connect(path)) as other:
        return [name for (name,) in other.execute("select name from sqlite_master where name like 'shel%'")]


def altered(path: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute(statement)


async def test_tables_are_made_once(tmp_path: Path) -> None:
    declared = tables(sa.Column("id", sa.Integer, primary_key=True), sa.Column("code", sa.String))

    first, second = await opened(tmp_path / "log.db", declared), await opened(tmp_path / "log.db", declared)

    assert first == second == ["shelves"]


async def test_tables_are_made_in_a_log_that_holds_events(tmp_path: Path) -> None:
    async with SqliteEventStore(tmp_path / "log.db") as store:
        await store.append(appending(event()))

    assert await opened(tmp_path / "log.db", tables()) == ["shelves"]


@pytest.mark.parametrize(
    "name", ["events", "Tags", "commands", "log", "types", "event_tags", "sqlite_own", "diptych_x"]
)
def test_a_name_of_the_logs_own_tables_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(WiringError, match=f"table '{name}' has a name that the log in the same file uses itself"):
        SqliteEventStore(tmp_path / "log.db").declare([tables(name=name)])


def test_two_tables_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WiringError, match="two modules declare a table 'shelves'"):
        SqliteEventStore(tmp_path / "log.db").declare([tables(), tables()])


def test_a_table_in_a_schema_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WiringError, match="lies in a schema"):
        SqliteEventStore(tmp_path / "log.db").declare([tables(schema="other")])


async def test_a_table_that_lacks_a_column_is_refused(tmp_path: Path) -> None:
    await opened(tmp_path / "log.db", tables())
    wider = tables(sa.Column("id", sa.Integer, primary_key=True), sa.Column("code", sa.String))

    with pytest.raises(WiringError, match=r"table 'shelves' exists .* it lacks code"):
        await opened(tmp_path / "log.db", wider)


async def test_a_table_with_a_further_column_that_must_be_filled_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    await opened(
        path, tables(sa.Column("id", sa.Integer, primary_key=True), sa.Column("code", sa.String, nullable=False))
    )

    with pytest.raises(WiringError, match="needs values for code"):
        await opened(path, tables())


async def test_a_table_with_a_further_column_that_may_stay_empty_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    await opened(path, tables())
    altered(path, "alter table shelves add column code text")

    assert await opened(path, tables()) == ["shelves"]


def test_a_missing_extra_is_named_at_start(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['aiosqlite'] = None\n"
        "from pathlib import Path\n"
        "from diptych.stores.sqlite.events import SqliteEventStore\n"
        f"SqliteEventStore(Path({str(tmp_path / 'log.db')!r})).declare([])\n"
    )

    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=50
    ).stderr

    assert "units of work need the extra `sql`" in said
    assert "pip install 'diptych[sql]'" in said
