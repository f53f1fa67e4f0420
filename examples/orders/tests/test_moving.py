"""The second part of the demo: a log moves from a file to PostgreSQL, and the application goes on there."""

from __future__ import annotations

import os
import subprocess
import sys

import asyncpg
import pytest

from moving import GIVEN, database
from tests.clusters import PASSWORD, Database


def demo(server: str) -> str:
    """Run it as `make demo` does; return what it printed."""
    command = [sys.executable, "-m", "moving"]
    done = subprocess.run(
        command, env=os.environ | {GIVEN: server, "COLUMNS": "120"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_orders_of_a_file_go_on_in_postgres_where_they_were(newest_postgres: Database) -> None:
    before = newest_postgres.sql("select count(*) from pg_database")

    told = demo(newest_postgres.url)

    in_file, copied, in_postgres = (part.split("\n", 1)[1] for part in told.split("\n$ ")[1:])
    assert "24 order.status_updated@1" in in_file
    assert "equal to its source up to position 24; 24 events were new" in copied
    assert "48 order.status_updated@1" in in_postgres
    assert (in_file.count("Ada"), in_postgres.count("Ada")) == (1, 2)
    assert PASSWORD.replace(" ", "%20") not in told
    assert newest_postgres.sql("select count(*) from pg_database") == before


def test_where_no_server_is_the_demo_says_so_and_ends_well() -> None:
    told = demo("postgresql://127.0.0.1:1/nothing").splitlines()

    assert told[-1].startswith("No PostgreSQL to move to: ")
    assert GIVEN in told[-1]


async def test_without_a_name_a_server_is_started_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(GIVEN, raising=False)

    with database() as url:
        connection = await asyncpg.connect(url)
        tables = await connection.fetch("select 1 from pg_tables where schemaname !~ '^(pg_|information_schema$)'")
        await connection.close()

    assert tables == []
