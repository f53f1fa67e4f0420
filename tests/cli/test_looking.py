"""Looking: events, commands, projections, log, doctor."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.cli.conftest import Run

Told = Callable[..., Any]


@pytest.fixture
def bank(told: Told) -> dict[str, Any]:
    """Two accounts; 3 events in the second command's record."""
    told("send", "Open", "--account", "A1", "--owner", "Ada")
    told("send", "Open", "--account", "A2", "--owner", "Bob")
    return told("send", "PayIn", "--account", "A1", "--amount", "5", "--times", "3")


def test_events_are_listed_by_type_tag_and_position(bank: dict[str, Any], told: Told) -> None:
    def positions(*words: str) -> list[int]:
        return [each["position"] for each in told("events", "list", *words)]

    assert positions() == [1, 2, 3, 4, 5]
    assert positions("--type", "account.opened") == [1, 2]
    assert positions("--type", "account.opened", "--type", "account.paid_in") == [1, 2, 3, 4, 5]
    assert positions("--tag", "account:A1", "--limit", "2") == [1, 3]
    assert positions("--after", "3") == [4, 5]
    assert positions("--backwards", "--limit", "2") == [5, 4]
    assert positions("--tag", "account:A9") == []


def test_events_are_listed_for_people(bank: dict[str, Any], run: Run) -> None:
    lines = run("events", "list", "--limit", "1").stdout.splitlines()

    assert lines[0].split() == ["position", "recorded", "event", "tags", "data"]
    assert lines[1].split()[0] == "1"
    assert "account.opened@1" in lines[1]
    assert '"owner":"Ada"' in lines[1]


def test_an_event_is_shown_whole(bank: dict[str, Any], told: Told, run: Run) -> None:
    shown = told("events", "show", "3")

    assert shown["type"] == "account.paid_in"
    assert shown["data"] == {"account": "A1", "amount": "5"}
    assert shown["metadata"]["command"] == bank["command_id"]
    assert shown["intact"] is True
    lines = run("events", "show", "3").stdout.splitlines()
    assert lines[1] == "type         account.paid_in"
    assert lines[3] == "tags         account:A1"
    assert lines[7] == "intact       yes"


def test_a_position_without_an_event_is_told(bank: dict[str, Any], run: Run) -> None:
    result = run("events", "show", "9")

    assert result.exit_code == 1
    assert result.stderr == "Error: there is no event at position 9; the log ends at 5\n"


def test_the_outcome_of_a_command_is_found_by_its_id(bank: dict[str, Any], told: Told, run: Run) -> None:
    record = told("commands", "outcome", bank["command_id"])

    assert (record["command"], record["position"], record["result"]) == ("PayIn", 5, "15")
    assert "PayIn" in run("commands", "outcome", bank["command_id"]).stdout


def test_a_command_that_never_took_effect_ends_with_status_1(bank: dict[str, Any], run: Run) -> None:
    unknown, wrong = run("commands", "outcome", str(uuid4())), run("commands", "outcome", "x")

    assert (unknown.exit_code, wrong.exit_code) == (1, 2)
    assert "has not taken effect" in unknown.stderr
    assert run("commands", "outcome", str(uuid4()), "--json").stdout == "null\n"


def test_projections_are_listed_with_what_they_lack(bank: dict[str, Any], told: Told, run: Run) -> None:
    before = told("projections", "list")
    run("ask", "GetAccount", "--account", "A1")
    after = told("projections", "list")

    assert (before[0]["projection"], before[0]["behind"], before[0]["state"]) == ("listing", 5, "not begun")
    assert (after[0]["position"], after[0]["behind"], after[0]["state"]) == (5, 0, "caught up")
    assert "caught up" in run("projections", "list").stdout


def test_rows_of_other_code_are_told(bank: dict[str, Any], told: Told, run: Run, folder: Path) -> None:
    run("ask", "GetAccount", "--account", "A1")
    tamper(folder / "bank-reads.db", "diptych_checkpoint", "fingerprint = 'other'")

    doctor = {each["about"]: each for each in told("doctor")}

    assert told("projections", "list")[0]["state"] == "outdated"
    assert doctor["projection listing"]["level"] == "error"
    assert doctor["projection listing"]["fix"].startswith("raise it to 2")


def test_people_are_told_why_a_projection_stopped_in_one_line_and_machines_the_traceback_too(
    bank: dict[str, Any], told: Told, run: Run, folder: Path
) -> None:
    run("ask", "GetAccount", "--account", "A1")
    tamper(folder / "bank-reads.db", "diptych_checkpoint", "error = 'event 3: KeyError' || char(10) || 'Traceback'")

    doctor = {each["about"]: each for each in told("doctor")}

    assert run("projections", "list").stdout.rstrip().endswith("event 3: KeyError")
    assert doctor["projection listing"]["text"].endswith("event 3: KeyError")
    assert told("projections", "list")[0]["error"] == "event 3: KeyError\nTraceback"


def test_rows_of_other_code_are_not_checked(bank: dict[str, Any], run: Run, folder: Path) -> None:
    run("ask", "GetAccount", "--account", "A1")
    tamper(folder / "bank-reads.db", "diptych_checkpoint", "fingerprint = 'other'")

    result = run("projections", "check", "listing")

    assert result.exit_code == 1
    assert "at version 1, and this code has changed code under it; they are rebuilt when it is served" in result.stderr


def test_rows_that_are_not_there_yet_are_not_checked(bank: dict[str, Any], run: Run) -> None:
    result = run("projections", "check", "listing")

    assert result.exit_code == 1
    assert "'listing' has not begun" in result.stderr


def test_a_right_projection_checks_out(bank: dict[str, Any], run: Run) -> None:
    run("ask", "GetAccount", "--account", "A1")

    result = run("projections", "check", "listing")

    assert result.exit_code == 0, result.output


def test_a_row_that_was_tampered_with_is_found(bank: dict[str, Any], run: Run, folder: Path) -> None:
    run("ask", "GetAccount", "--account", "A1")
    tamper(folder / "bank-reads.db", "account_view", "owner = 'Eve'")

    result = run("projections", "check", "listing")
    machine = run("projections", "check", "listing", "--json")

    assert (result.exit_code, machine.exit_code) == (1, 1)
    assert "Eve" in result.output
    assert json.loads(machine.stdout)["differences"]


def test_an_unknown_projection_is_told(bank: dict[str, Any], run: Run) -> None:
    result = run("projections", "check", "nothing")

    assert result.exit_code == 1
    assert "listing" in result.stderr


def test_a_log_as_it_was_written_is_verified(bank: dict[str, Any], told: Told, run: Run) -> None:
    found = told("log", "verify")
    assert found.items() >= {"verified": 5, "head": 5, "error": None, "events": 5, "records": 3}.items()
    lines = run("log", "verify").stdout.splitlines()
    assert lines[0] == "every event is as it was written, up to position 5"
    assert [line.split() for line in lines[1:]] == [
        ["events", "5", found["events_hash"]],
        ["records", "3", found["records_hash"]],
    ]
    assert told("log", "verify", "sqlite:///bank.db") == found


def test_a_changed_event_is_found(bank: dict[str, Any], run: Run, told: Told, folder: Path) -> None:
    tamper(folder / "bank.db", "events", """data = cast(replace(data, '"5"', '"6"') as blob)""")

    result = run("log", "verify")

    assert result.exit_code == 1
    assert "position 3" in result.stderr
    assert told("events", "show", "3")["intact"] is False


def test_doctor_finds_a_healthy_application_healthy(bank: dict[str, Any], told: Told, run: Run) -> None:
    run("ask", "GetAccount", "--account", "A1")

    found = {each["about"]: each for each in told("doctor")}

    assert {each["level"] for each in found.values()} <= {"ok", "note"}
    assert found["durability"]["text"].startswith("an acknowledged command is on disk")
    assert found["projection listing"]["text"] == "caught up"
    assert "synchronous FULL" in found["sqlite"]["text"]
    assert run("doctor", "--strict").exit_code == 0


def test_doctor_names_and_counts_stored_events_that_no_class_reads(
    bank: dict[str, Any], told: Told, run: Run, folder: Path
) -> None:
    tamper(folder / "bank.db", "types", "version = 7 where name = 'account.paid_in'")

    found = {each["about"]: each for each in told("doctor")}

    lost = found["events account.paid_in@7"]
    assert (lost["level"], lost["text"]) == ("error", "3 events that no class and no upcaster reads")
    assert '@module.upcasts("account.paid_in", version=7)' in lost["fix"]
    assert "events" not in found
    assert run("doctor").exit_code == 1


def test_doctor_finds_files_that_others_may_read(bank: dict[str, Any], run: Run, folder: Path) -> None:
    (folder / "bank.db").chmod(0o644)

    result = run("doctor", "--strict")

    assert result.exit_code == 1
    assert "others on this machine may read" in result.stdout
    assert "fix: chmod 600" in result.stdout


def test_doctor_finds_an_event_from_the_future(bank: dict[str, Any], told: Told, run: Run, folder: Path) -> None:
    tamper(folder / "bank.db", "events", "recorded_at = recorded_at + 65000000 where position = 5")

    found = {each["about"]: each for each in told("doctor")}["newest event"]

    assert found["level"] == "warning"
    assert found["text"].startswith("event 5 was recorded 6")
    assert run("doctor", "--strict").exit_code == 1


def test_doctor_finds_read_models_of_another_log(bank: dict[str, Any], run: Run, folder: Path) -> None:
    run("ask", "GetAccount", "--account", "A1")
    for path in folder.glob("bank.db*"):
        path.unlink()
    run("send", "Open", "--account", "A9", "--owner", "Zoe")

    result = run("doctor")

    assert result.exit_code == 1
    assert "belongs to another log" in result.stdout


def test_doctor_says_that_memory_forgets(run: Run) -> None:
    result = run("doctor", "--app", "bank:memory")

    assert result.exit_code == 0
    assert "not durable" in result.stdout
    assert run("doctor", "--app", "bank:memory", "--strict").exit_code == 1


def tamper(path: Path, table: str, change: str) -> None:
    """Change rows behind the back of the store, in the table whose name begins so and holds the columns."""
    with sqlite3.connect(path) as connection:
        tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        name = next(each for each in sorted(tables, key=len) if each.startswith(table))
        assert connection.execute(f"update {name} set {change}").rowcount  # noqa: S608 (a test's own text)
    connection.close()
