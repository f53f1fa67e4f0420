"""Moving a log on the command line."""

import contextlib
import gzip
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.clusters import Database

Told = Callable[..., Any]


@pytest.fixture
def bank(told: Told) -> None:
    """Two accounts, and one of them paid into."""
    told("send", "Open", "--account", "A1", "--owner", "Ada")
    told("send", "Open", "--account", "A2", "--owner", "Bob")
    told("send", "PayIn", "--account", "A1", "--amount", "5", "--times", "3")


def test_a_log_is_copied_and_used_in_its_new_house(bank: None, told: Told, run: Run) -> None:
    copied = told("log", "copy", "sqlite:///bank.db", "sqlite:///new.db")

    assert (copied["through"], copied["new_events"], copied["ahead"]) == (5, 5, 0)
    assert (copied["digest"]["events"], copied["digest"]["records"]) == (5, 3)
    assert told("ask", "GetAccount", "--account", "A1", "--events", "sqlite:///new.db")["amount"] == "15.00"


def test_people_are_told_what_was_copied(bank: None, run: Run) -> None:
    first = run("log", "copy", "sqlite:///bank.db", "sqlite:///new.db")
    again = run("log", "copy", "sqlite:///bank.db", "sqlite:///new.db")

    lines = first.stdout.splitlines()
    assert first.exit_code == 0
    assert [line.split()[:2] for line in lines[:2]] == [["events", "5"], ["records", "3"]]
    assert lines[2:] == [
        "equal to its source up to position 5; 5 events were new",
        "0 subscribers go on where they stood",
    ]
    assert "5; 0 events were new" in again.stdout
    assert lines[:2] == run("log", "verify", "sqlite:///new.db").stdout.splitlines()[1:]


def test_tables_that_stay_behind_are_named(bank: None, told: Told, run: Run, folder: Path) -> None:
    before = run("log", "copy", "sqlite:///bank.db", "sqlite:///new.db")
    with contextlib.closing(sqlite3.connect(folder / "bank.db")) as file:
        file.execute("create table loans (book text primary key)")
    after = run("log", "copy", "sqlite:///bank.db", "sqlite:///new.db")

    assert "not copied" not in before.stderr
    assert after.stderr == "not copied, since they are yours: tables loans; carry them while nothing writes\n"
    assert told("log", "copy", "sqlite:///bank.db", "sqlite:///new.db")["left"] == ["loans"]


def test_a_log_goes_to_postgres_and_back(bank: None, told: Told, newest_postgres: Database) -> None:
    there = told("log", "copy", "sqlite:///bank.db", newest_postgres.url)
    back = told("log", "copy", newest_postgres.url, "sqlite:///back.db")

    assert there["digest"] == back["digest"]
    found = told("log", "verify", newest_postgres.url)
    assert found == {"verified": 5, "head": 5, "error": None, **back["digest"]}


@pytest.mark.parametrize("name", ["bank.ndjson", "bank.ndjson.gz"])
def test_a_log_is_exported_and_imported(bank: None, told: Told, run: Run, folder: Path, name: str) -> None:
    exported = told("log", "export", "sqlite:///bank.db", name)
    imported = told("log", "import", name, "sqlite:///new.db")

    assert imported["digest"] == exported == told("log", "copy", "sqlite:///bank.db", "sqlite:///new.db")["digest"]
    assert imported["through"] == imported["new_events"] == 5
    assert told("ask", "GetAccount", "--account", "A1", "--events", "sqlite:///new.db")["amount"] == "15.00"
    people = run("log", "import", name, "sqlite:///other.db").stdout.splitlines()
    assert people[2] == "all that the file holds, up to position 5; 5 events were new"


def test_standard_output_holds_the_lines_alone(bank: None, run: Run, folder: Path) -> None:
    exported = run("log", "export", "sqlite:///bank.db", "--json")

    kinds = [json.loads(line)["kind"] for line in exported.stdout.splitlines()]
    assert kinds == ["diptych-log", *["event"] * 5, *["record"] * 3, "end"]
    assert json.loads(exported.stderr)["events"] == 5
    assert run("log", "import", "-", "sqlite:///new.db", stdin=exported.stdout).exit_code == 0


def test_a_file_that_was_cut_off_is_told(bank: None, run: Run, folder: Path) -> None:
    run("log", "export", "sqlite:///bank.db", "bank.gz")
    lines = gzip.decompress((folder / "bank.gz").read_bytes()).splitlines(keepends=True)
    (folder / "cut.ndjson").write_bytes(b"".join(lines[:-1]))

    result = run("log", "import", "cut.ndjson", "sqlite:///new.db")

    assert result.exit_code == 1
    assert result.stderr == "Error: the file ends after line 9, and that is not its last one: it was cut off\n"
    sent = run("send", "Open", "--account", "A3", "--owner", "Cid", "--events", "sqlite:///new.db")
    assert sent.exit_code == 1
    assert "unfinished copy" in sent.stderr


@pytest.mark.parametrize(
    ("words", "told_as"),
    [
        ("copy sqlite:///typo.db sqlite:///new.db", "there is no log at sqlite:///typo.db"),
        ("copy sqlite:///bank.db memory://", "a log in memory lives in its process alone and cannot be moved"),
        ("copy sqlite:///bank.db sqlite:///bank.db", "cannot be copied into itself"),
        ("copy sqlite:///bank.db bank2.db", "no store answers to 'bank2.db'"),
        ("export sqlite:///bank.db pyproject.toml", "pyproject.toml is there already"),
        ("import missing.gz sqlite:///new.db", "missing.gz cannot be read"),
        ("import pyproject.toml sqlite:///new.db", "line 1 is damaged"),
        ("verify sqlite:///typo.db", "there is no log at sqlite:///typo.db"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(
    bank: None, run: Run, folder: Path, words: str, told_as: str
) -> None:
    result = run("log", *words.split())

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert told_as in result.stderr
    assert "Traceback" not in result.output
    assert not (folder / "typo.db").exists()
