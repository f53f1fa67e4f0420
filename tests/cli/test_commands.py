"""`diptych commands`: what was sent, what became of it, and what it led to."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from diptych.cli.target import imported
from tests.cli.conftest import Run

Told = Callable[..., Any]


@pytest.fixture
def sent(run: Run, folder: Path) -> list[str]:
    """Send what is accepted, refused, invalid and accepted, and fold it."""
    for words in (
        ("Open", "--account", "a", "--owner", "Ada", "--user", "ann"),
        ("Open", "--account", "a", "--owner", "Eve", "--user", "eve"),
        ("Open", "--account", " ", "--owner", "Eve", "--user", "eve"),
        ("PayIn", "--account", "a", "--amount", "5", "--times", "2", "--user", "ann"),
    ):
        run("send", *words)

    return asyncio.run(folded(folder))


async def folded(folder: Path) -> list[str]:
    """Fold what was sent; return the ids of the commands."""
    async with imported("bank:app", folder) as app:
        await app.caught_up()
        return [str(each.command_id) for each in (await app.audit.page()).commands]


def test_they_are_listed_newest_first_whatever_became_of_them(sent: list[str], told: Told, run: Run) -> None:
    found = told("commands", "list")

    assert [(each["command"], each["outcome"], each["principal"]) for each in found["commands"]] == [
        ("PayIn", "accepted", "ann"),
        ("Open", "invalid", "eve"),
        ("Open", "refused", "eve"),
        ("Open", "accepted", "ann"),
    ]
    assert [each["command_id"] for each in found["commands"]] == sent
    assert (found["next"], found["trail"]) == (None, {"kept": 2, "dropped": 0})
    assert "already-open: it is open" in run("commands", "list").stdout


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (("--name", "Open"), 3),
        (("--principal", "eve"), 2),
        (("--outcome", "accepted"), 2),
        (("--outcome", "refused", "--principal", "ann"), 0),
        (("--since", "2000-01-01T00:00:00Z"), 4),
        (("--since", "2999-01-01T00:00:00Z"), 0),
        (("--limit", "3"), 3),
    ],
)
def test_they_are_chosen(sent: list[str], told: Told, words: tuple[str, ...], count: int) -> None:
    assert len(told("commands", "list", *words)["commands"]) == count


def test_pages_follow_each_other(sent: list[str], told: Told, run: Run) -> None:
    seen, cursor = [], ()
    for _ in sent:
        page = told("commands", "list", "--limit", "1", *cursor)
        seen += [each["command_id"] for each in page["commands"]]
        cursor = ("--before", page["next"])

    assert (seen, page["next"]) == (sent, None)
    assert "more: --before " in run("commands", "list", "--limit", "1").stderr


@pytest.mark.parametrize("words", [("--since", "5"), ("--before", "what"), ("--outcome", "lost"), ("--limit", "0")])
def test_what_chooses_nothing_is_refused(sent: list[str], run: Run, words: tuple[str, str]) -> None:
    assert run("commands", "list", *words).exit_code == 2


def test_the_outcome_of_one_that_was_refused_says_why(sent: list[str], run: Run, told: Told) -> None:
    result = run("commands", "outcome", sent[2])

    assert (result.exit_code, "already-open: it is open" in result.stdout) == (1, True)
    assert told("commands", "outcome", sent[2])["outcome"] == "refused"
    assert told("commands", "outcome", sent[0])["result"] == "10"


def test_a_trace_is_a_tree_with_times(sent: list[str], run: Run, told: Told) -> None:
    lines = run("commands", "trace", "3").stdout.splitlines()

    assert lines[0].startswith("PayIn accepted by ann  ")
    assert lines[0].endswith(sent[0])
    assert [line.strip("├│└─ ") for line in lines[1:]] == [
        "2 account.paid_in@1  +0.000 ms",
        "~ account_view a  amount 0.00 -> 5.00",
        "3 account.paid_in@1  +0.000 ms",
        "~ account_view a  amount 5.00 -> 10.00",
    ]
    assert told("commands", "trace", sent[0]) == told("commands", "trace", "2")
    assert "Open refused: already-open: it is open by eve" in run("commands", "trace", sent[2]).stdout


def test_a_trace_of_nothing_says_so(sent: list[str], run: Run) -> None:
    unknown = run("commands", "trace", "00000000-0000-0000-0000-000000000007")

    assert (unknown.exit_code, "nothing is known of command" in unknown.stderr) == (1, True)
    assert "no command is known at position 9" in run("commands", "trace", "9").stderr
    assert run("commands", "trace", "x").exit_code == 2


def test_a_trace_cannot_steer_a_terminal(run: Run) -> None:
    run("send", "Open", "--account", "a\x1b[2J", "--owner", "Ada", "--user", "ann")

    assert "\x1b" not in run("commands", "trace", "1").stdout


def test_a_long_value_is_shortened_in_a_trace_and_keeps_its_end(run: Run, told: Told, folder: Path) -> None:
    run("send", "Open", "--account", "a", "--owner", f"Ada {'x' * 200} Lovelace", "--user", "ann")

    asyncio.run(folded(folder))
    line = next(line for line in run("commands", "trace", "1").stdout.splitlines() if "account_view" in line)

    assert "owner Ada xxx" in line
    assert "xxx...xxx" in line
    assert "x Lovelace" in line
    assert len(line) < 200
    assert "x" * 200 in str(told("commands", "trace", "1"))


def test_doctor_tells_of_the_trail(sent: list[str], told: Told) -> None:
    (found,) = [each for each in told("doctor") if each["about"] == "audit"]

    assert (found["level"], found["text"]) == ("ok", "2 commands that were not accepted are kept")
