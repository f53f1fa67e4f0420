"""`diptych send` and `diptych ask`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.conftest import Run

Told = Callable[..., Any]


def test_a_command_is_sent_and_a_query_sees_it(run: Run) -> None:
    sent = run("send", "Open", "--account", "A1", "--owner", "Ada")
    asked = run("ask", "GetAccount", "--account", "A1")

    assert (sent.exit_code, asked.exit_code) == (0, 0), sent.output + asked.output
    assert "accepted at position 1" in sent.stdout
    assert json.loads(asked.stdout) == {"account": "A1", "owner": "Ada", "amount": "0.00"}


def test_a_command_as_json_is_answered_as_json(run: Run) -> None:
    run("send", "Open", "--account", "A1", "--owner", "Ada")

    result = run("send", "PayIn", "--json", '{"account": "A1", "amount": "2.50", "times": 2}')
    answer = json.loads(result.stdout)

    assert answer["status"] == "accepted"
    assert (answer["result"], answer["position"], answer["replayed"]) == ("5.00", 3, False)


def test_a_command_comes_from_stdin(run: Run) -> None:
    result = run("send", "Open", "--json", "-", stdin='{"account": "A1", "owner": "Ada"}')

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["result"] == "A1"


def test_the_application_may_be_named_first(run: Run, folder: Path) -> None:
    (folder / "pyproject.toml").unlink()

    assert run("send", "bank:app", "Open", "--account", "A1", "--owner", "Ada").exit_code == 0
    assert run("ask", "--app", "bank:app", "GetAccount", "--account", "A1").exit_code == 0


def test_a_key_makes_a_command_take_effect_once(told: Told, run: Run) -> None:
    command = ("send", "Open", "--account", "A1", "--owner", "Ada", "--key", "k1", "--user", "ada")

    first, again = told(*command), told(*command)
    other = run("send", "Open", "--account", "A1", "--owner", "Eve", "--key", "k1", "--user", "ada")

    assert first["command_id"] == again["command_id"]
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert other.exit_code == 1
    assert other.stderr.startswith("Error: ")


def test_every_wrong_field_is_told_at_once(run: Run) -> None:
    result = run("send", "PayIn", "--amount", "1.234", "--times", "0")

    assert result.exit_code == 1
    assert result.stdout == ""
    for path in ("account: is required", "amount: ", "times: "):
        assert path in result.stderr


def test_a_state_error_names_its_field(told: Told) -> None:
    told("send", "Open", "--account", "A1", "--owner", "Ada")

    answer = told("send", "PayIn", "--account", "A1", "--amount", "2000")

    assert (answer["status"], answer["errors"]) == ("invalid", {"amount": ["is over the limit"]})


def test_what_is_not_accepted_ends_with_status_1(run: Run) -> None:
    run("send", "Open", "--account", "A1", "--owner", "Ada")

    refused = run("send", "Open", "--account", "A1", "--owner", "Ada")
    missing = run("send", "PayIn", "--account", "A2", "--amount", "1")
    forbidden = run("send", "Open", "--account", "A3", "--owner", "Ada", "--user", "mallory")
    conflict = run("send", "PayIn", "--account", "A1", "--amount", "1", "--expected", "0")

    assert [each.exit_code for each in (refused, missing, forbidden, conflict)] == [1, 1, 1, 1]
    assert refused.stderr == "refused (already-open): it is open\n"
    assert missing.stderr == "not found: no account A2\n"
    assert forbidden.stderr == "forbidden: mallory may not open accounts\n"
    assert conflict.stderr.startswith("conflict: changed at position 1")


def test_the_user_is_recorded(told: Told) -> None:
    told("send", "Open", "--account", "A1", "--owner", "Ada", "--user", "ada")

    assert told("events", "show", "1")["metadata"]["actor"] == "ada"


def test_nothing_is_null(run: Run) -> None:
    run("send", "Open", "--account", "A1", "--owner", "Ada")

    result = run("ask", "GetAccount", "--account", "nobody")

    assert (result.exit_code, result.stdout) == (0, "null\n")


def test_a_query_takes_lists_and_numbers(told: Told) -> None:
    for number in range(3):
        told("send", "Open", "--account", f"A{number}", "--owner", "Ada")

    page = told("ask", "FindAccounts", "--owners", "Ada", "--limit", "2", "--after", "3")

    assert (len(page["items"]), page["total"]) == (2, 3)


def test_a_position_beyond_the_log_is_told(run: Run) -> None:
    run("send", "Open", "--account", "A1", "--owner", "Ada")

    result = run("ask", "GetAccount", "--account", "A1", "--after", "99")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: position 99 lies beyond the head of the log (1)")


def test_a_broken_query_is_told(run: Run) -> None:
    missing = run("ask", "GetAccount")
    broken = run("ask", "GetAccount", "--json", "{")

    assert (missing.exit_code, broken.exit_code) == (1, 1)
    assert "account: is required" in missing.stderr
    assert "expected JSON" in broken.stderr


def test_an_unknown_message_is_a_usage_error(run: Run) -> None:
    sent, asked = run("send", "Opne"), run("ask", "GetAcount")

    assert (sent.exit_code, asked.exit_code) == (2, 2)
    assert "did you mean Open?" in sent.stderr
    assert "did you mean GetAccount?" in asked.stderr


def test_a_log_in_memory_is_said_to_end_with_the_process(run: Run) -> None:
    result = run("send", "bank:memory", "Open", "--account", "A1", "--owner", "Ada")

    assert result.exit_code == 0
    assert result.stderr.startswith("the log is in memory and ends with this process")


def test_a_value_may_begin_with_a_minus_whatever_follows(run: Run) -> None:
    for value in ("-amount", "-hash", "-7"):
        assert run("send", "Open", "--account", value, "--owner", "Ada", "-a", "bank:app").exit_code == 0

    asked = run("ask", "GetAccount", "--account", "-amount")

    assert json.loads(asked.stdout)["account"] == "-amount"


def test_an_option_behind_a_field_without_a_value_stays_an_option(run: Run) -> None:
    result = run("ask", "GetAccount", "--account", "-a", "bank:app")

    assert result.exit_code == 2
    assert "--account needs a value" in result.stderr
