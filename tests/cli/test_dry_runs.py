"""`diptych send --dry-run`: what a command would do, and no trace of it."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.conftest import Run

Told = Callable[..., Any]
OPEN = ("send", "Open", "--account", "A1", "--owner", "Ada")


def test_result_events_and_rows_are_told_for_a_person(run: Run, folder: Path) -> None:
    run(*OPEN)
    before = hashlib.sha256((folder / "bank.db").read_bytes()).hexdigest()

    result = run("send", "PayIn", "--account", "A1", "--amount", "2.50", "--times", "2", "--dry-run")

    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert lines[:2] == ["would be accepted at position 3; nothing was stored", '"5.00"']
    assert lines[2].split() == ["position", "event", "tags", "data"]
    assert lines[3].split() == ["2", "account.paid_in@1", "account:A1", '{"account":"A1","amount":"2.50"}']
    assert lines[5:] == ["~ account_view A1", "    amount  0.00 -> 5.00"]
    assert hashlib.sha256((folder / "bank.db").read_bytes()).hexdigest() == before
    assert len(json.loads(run("events", "list", "--json").stdout)) == 1


def test_a_row_that_would_come_shows_all_of_its_columns(run: Run) -> None:
    run(*OPEN)

    result = run("send", "Open", "--account", "A2", "--owner", "E\x1bve", "--dry-run")

    assert result.stdout.splitlines()[-4:] == [
        "+ account_view A2",
        "    account  A2",
        "    owner    E\\x1bve",
        "    amount   0.00",
    ]


def test_json_is_that_of_http(told: Told) -> None:
    told(*OPEN)

    answer = told("send", "PayIn", "--account", "A1", "--amount", "2", "--dry-run")

    assert (answer["dry_run"], answer["position"], answer["result"]) == (True, 2, "2")
    assert [each["name"] for each in answer["events"]] == ["account.paid_in"]
    assert answer["changes"] == [
        {
            "model": "account_view",
            "key": ["A1"],
            "before": {"account": "A1", "owner": "Ada", "amount": "0.00"},
            "after": {"account": "A1", "owner": "Ada", "amount": "2.00"},
            "fields": ["amount"],
        }
    ]


def test_what_would_not_be_accepted_ends_with_status_1(run: Run) -> None:
    run(*OPEN)

    refused = run(*OPEN, "--dry-run")
    conflict = run("send", "PayIn", "--account", "A1", "--amount", "1", "--expected", "0", "--dry-run")
    as_json = run(*OPEN, "--dry-run", "--json")

    assert (refused.exit_code, refused.stderr) == (1, "refused (already-open): it is open\n")
    assert (conflict.exit_code, conflict.stdout) == (1, "")
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout) | {"data": None} == {
        "dry_run": True,
        "status": "refused",
        "code": "already-open",
        "error": "it is open",
        "position": 1,
        "data": None,
    }


def test_a_key_that_was_used_says_so(run: Run) -> None:
    run(*OPEN, "--key", "k")

    result = run(*OPEN, "--key", "k", "--dry-run")

    assert result.stdout.startswith("would be accepted at position 1 (it was accepted before); nothing was stored")


def test_a_dry_run_makes_no_log(run: Run, folder: Path) -> None:
    result = run(*OPEN, "--dry-run")

    assert result.exit_code == 1
    assert "there is no log at sqlite:///bank.db" in result.stderr
    assert list(folder.glob("*.db*")) == []


def test_a_log_in_memory_is_tried_as_the_empty_log_that_it_is(run: Run) -> None:
    result = run("send", "bank:memory", "Open", "--account", "A1", "--owner", "Ada", "--dry-run")

    assert result.exit_code == 0, result.output
    assert "would be accepted at position 1" in result.stdout


def test_a_projection_that_would_stop_is_told(run: Run, folder: Path) -> None:
    bank = (folder / "bank.py").read_text(encoding="utf-8")
    (folder / "bank.py").write_text(
        bank.replace("Decimal(0))\n\n\n@views.on", "1 / 0)\n\n\n@views.on"), encoding="utf-8"
    )
    run("send", "bank:app", "PayIn", "--account", "A0", "--amount", "1")  # makes the log, and is refused

    result = run(*OPEN, "--dry-run")

    assert result.exit_code == 0, result.output
    assert "would stop projection listing at position 1: ZeroDivisionError" in result.stderr
