"""The command line on a PostgreSQL that is in trouble: one message that says what to do, a status, and no traceback."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cli.conftest import Run
from tests.clusters import Database

COMMANDS = {
    "doctor": ("doctor",),
    "send": ("send", "Open", "--account", "a", "--owner", "ann"),
    "ask": ("ask", "FindAccounts"),
    "events": ("events", "list"),
    "serve": ("serve", "--port", "0"),
    "worker": ("worker",),
}


def unreachable(_: Database) -> str:
    return "postgresql://shop:secret@127.0.0.1:1/shop"


def unknown(database: Database) -> str:
    return database.cluster.url("missing")


def forbidden(database: Database) -> str:
    database.sql("do $$ begin create role nobody login; exception when duplicate_object then end $$")
    return database.cluster.url(database.name, user="nobody")


def newer(database: Database) -> str:
    database.sql("create schema diptych")
    database.sql("create table diptych.migrations (component text, number integer, name text, checksum text)")
    database.sql("insert into diptych.migrations values ('log', 9999, 'future', 'x')")
    return database.url


TROUBLES: dict[Callable[[Database], str], str] = {
    unreachable: "no PostgreSQL answers at 127.0.0.1:1",
    unknown: "create it, or name another in the URL",
    forbidden: "with a role that may",
    newer: "made by a newer Diptych",
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.__name__)
def test_each_command_tells_what_to_do(
    newest_postgres: Database,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    trouble: Callable[[Database], str],
    command: str,
) -> None:
    monkeypatch.setenv("DIPTYCH_EVENTS", trouble(newest_postgres))

    result = run(*COMMANDS[command])

    assert result.exit_code in (1, 2), result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    assert TROUBLES[trouble] in " ".join(result.output.split())
    assert "secret" not in result.output
