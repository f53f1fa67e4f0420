"""The past from the command line: ask as of a moment, blame, diff and versions."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run


@pytest.fixture
def past(run: Run, folder: Path) -> Run:
    """A bank whose accounts keep history: opened by ann at 1, paid in by bob at 2 and 3."""
    text = (folder / "bank.py").read_text()
    text = text.replace('key="account")', 'key="account", history=True)')
    text += """
cheap = Projection("cheap")
plain = cheap.read_model(AccountView, key="account", name="plain")
plain.on(opened)
plain.on(paid)


def both() -> Application:
    other = Module("other")
    return Application(other, cheap, events="sqlite:///bank.db", reads="sqlite:///cheap.db")
"""
    (folder / "bank.py").write_text(text)
    for words in (
        ("Open", "--account", "a", "--owner", "Ann", "--user", "ann"),
        ("PayIn", "--account", "a", "--amount", "5", "--user", "bob"),
        ("PayIn", "--account", "a", "--amount", "2.50", "--user", "bob"),
    ):
        assert run("send", *words).exit_code == 0
    return run


def test_ask_as_of_a_position(past: Run) -> None:
    answers = [past("ask", "GetAccount", "--account", "a", "--as-of", str(at), "--json") for at in range(4)]

    assert [json.loads(each.stdout) and json.loads(each.stdout)["amount"] for each in answers] == [
        None,
        "0.00",
        "5.00",
        "7.50",
    ]
    assert json.loads(past("ask", "FindAccounts", "--as-of", "2", "--json").stdout)["items"][0]["amount"] == "5.00"


def test_ask_as_of_a_time(past: Run) -> None:
    assert json.loads(past("ask", "GetAccount", "--account", "a", "--as-of", "2001-01-01T00:00:00Z").stdout) is None
    assert "7.50" in past("ask", "GetAccount", "--account", "a", "--as-of", "2901-01-01T00:00:00Z").stdout


def test_a_moment_that_is_none_is_told(past: Run) -> None:
    result = past("ask", "GetAccount", "--account", "a", "--as-of", "tuesday")

    assert result.exit_code == 2
    assert "expected a position or a time with a zone such as" in result.stderr


def test_blame_prints_a_table(past: Run) -> None:
    result = past("history", "blame", "account_view", "a")

    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["field", "value", "position", "recorded", "event", "by", "command"]
    owner, amount = (next(line.split() for line in lines if line.startswith(name)) for name in ("owner", "amount"))
    assert (owner[1:3], owner[4:6]) == (["Ann", "1"], ["account.opened@1", "ann"])
    assert (amount[1:3], amount[4:6]) == (["7.50", "3"], ["account.paid_in@1", "bob"])


def test_blame_of_a_field_as_of_a_position_as_json(past: Run, told: Callable[..., Any]) -> None:
    found = told("history", "blame", "account_view", "a", "--field", "amount", "--as-of", "2")

    assert [(each["field"], each["value"], each["at"]) for each in found["fields"]] == [("amount", "5.00", 2)]


def test_diff_and_versions(past: Run, told: Callable[..., Any]) -> None:
    diff = told("history", "diff", "account_view", "a", "1", "3")
    versions = told("history", "versions", "account_view", "a", "--after", "1")["versions"]

    assert diff["fields"] == {"amount": {"before": "0.00", "after": "7.50"}}
    assert [each["at"] for each in diff["events"]] == [2, 3]
    assert [each["row"]["amount"] for each in versions] == ["5.00", "7.50"]


def test_diff_and_versions_print_tables(past: Run) -> None:
    diff = past("history", "diff", "account_view", "a", "0", "2").stdout
    versions = past("history", "versions", "account_view", "a").stdout

    assert "account_view a: absent at 0, there at 2" in diff
    assert "amount: 0.00 -> 5.00" in diff
    assert "amount: 5.00 -> 7.50" in versions


def test_a_read_model_without_history_tells_its_cost_first(past: Run) -> None:
    result = past("history", "blame", "plain", "a", "--app", "bank:both")
    refused = past("history", "blame", "plain", "a", "--app", "bank:both", "--limit", "2")

    assert result.exit_code == 0, result.output
    assert result.stderr == "plain keeps no history: folding 3 events again, by tags\n"
    assert "account.paid_in@1" in result.stdout
    assert refused.exit_code == 1
    assert "the limit is 2: raise it, or declare the read model with history=True" in refused.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("blame", "accounts", "a"), "there is no read model 'accounts'; there are: account_view"),
        (("blame", "account_view", "z"), "'account_view' has no row 'z' at position 3"),
        (("blame", "account_view", "a", "--field", "x"), "no field 'x'; it has: account, owner, amount"),
        (("diff", "account_view", "z", "0", "1"), "had no row 'z' from position 0 to 1"),
        (("blame", "account_view", "a", "--as-of", "9"), "position 9 lies beyond the head of the log (3)"),
    ],
)
def test_what_is_not_there_is_told(past: Run, words: tuple[str, ...], told: str) -> None:
    result = past("history", *words)

    assert result.exit_code == 1
    assert told in result.stderr


def test_a_diff_that_runs_backwards_is_a_wrong_word(past: Run) -> None:
    result = past("history", "diff", "account_view", "a", "3", "1")

    assert result.exit_code == 2
    assert "FROM comes before TO, found 3 before 1" in result.stderr
