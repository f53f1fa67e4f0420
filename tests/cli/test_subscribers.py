"""`diptych subscribers`: where they stand, and past an event at which one fails."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from diptych import Application
from diptych.cli.target import imported
from diptych.cli.target import run as opened_and
from tests.cli.conftest import Run
from tests.react.listening import failing_at

POSTING = """
from bank import Opened, PaidIn, accounts, listing
from diptych import Application, Subscriber

mail = Subscriber("mail", since="beginning", backoff=(60,))
idle = Subscriber("idle")


@mail.on
async def welcome(event: Opened) -> None:
    if event.owner == "Bob":
        raise ValueError("no address\\x1b[2J")


@idle.on
async def note(event: PaidIn) -> None:
    pass


app = Application(accounts, listing, mail, idle, events="sqlite:///bank.db")
"""
ON = ("--app", "posting:app")


@pytest.fixture
def posting(folder: Path) -> Iterator[None]:
    (folder / "posting.py").write_text(POSTING, encoding="utf-8")
    yield
    sys.modules.pop("posting", None)


@pytest.fixture
def failing(posting: None, told: Callable[..., Any]) -> None:
    """Two accounts, and a subscriber that failed at the second."""
    told("send", "Open", "--account", "A1", "--owner", "Ada", *ON)
    told("send", "Open", "--account", "A2", "--owner", "Bob", *ON)

    async def fail(app: Application) -> int:
        return await failing_at(app, "mail")

    assert opened_and(imported("posting:app"), fail) == 2


def test_before_anything_is_served_no_subscriber_has_begun(
    posting: None, told: Callable[..., Any], folder: Path
) -> None:
    told("send", "Open", "--account", "A1", "--owner", "Bob", *ON)

    found = told("subscribers", "list", *ON)

    assert [(each["subscriber"], each["state"], each["behind"]) for each in found["subscribers"]] == [
        ("mail", "not begun", 1),
        ("idle", "not begun", 1),
    ]
    assert not list(folder.glob("*subscribers*"))


def test_a_subscriber_that_fails_is_listed_with_event_attempts_and_error(
    failing: None, told: Callable[..., Any], run: Run
) -> None:
    mail, idle = told("subscribers", "list", *ON)["subscribers"]

    assert (mail["state"], mail["position"], mail["behind"], mail["failing"], mail["attempts"]) == (
        "failing",
        1,
        1,
        2,
        1,
    )
    assert "ValueError: no address" in mail["error"]
    assert idle["error"] is None
    lines = run("subscribers", "list", *ON).stdout.splitlines()
    assert lines[0].split() == ["subscriber", "position", "behind", "state", "attempts", "error"]
    assert lines[1].split()[:5] == ["mail", "1", "1", "failing", "1"]
    assert r"no address\x1b[2J" in lines[1]


def test_an_event_that_fails_is_skipped_and_that_is_shown(failing: None, told: Callable[..., Any], run: Run) -> None:
    skipped = run("subscribers", "skip", "mail", "2", *ON)

    assert skipped.stdout == "subscriber mail goes on after position 2\n"
    found = told("subscribers", "list", *ON)
    assert found["subscribers"][0]["state"] == "caught up"
    (skip,) = found["skipped"]
    assert (skip["subscriber"], skip["position"]) == ("mail", 2)
    assert "skipped for mail at " in run("subscribers", "list", *ON).stdout


def test_the_doctor_finds_a_subscriber_that_fails_and_says_what_to_do(
    failing: None, told: Callable[..., Any], run: Run
) -> None:
    found = {each["about"]: each for each in told("doctor", *ON)}

    assert found["subscriber idle"]["level"] == "ok"
    assert found["subscriber mail"]["level"] == "error"
    assert found["subscriber mail"]["text"].startswith("failed 1 times: event 2 (account.opened@1): ValueError")
    assert found["subscriber mail"]["fix"].endswith("diptych subscribers skip mail 2")
    assert run("doctor", *ON).exit_code == 1


def test_a_program_is_told_where_the_subscriber_goes_on(failing: None, told: Callable[..., Any]) -> None:
    assert told("subscribers", "skip", "mail", "2", *ON) == {"subscriber": "mail", "position": 2}


@pytest.mark.parametrize(("name", "position"), [("mail", "1"), ("idle", "2")])
def test_no_other_event_is_skipped(failing: None, run: Run, name: str, position: str) -> None:
    refused = run("subscribers", "skip", name, position, *ON)

    assert refused.exit_code == 1
    assert "only the event at which it fails can be skipped" in refused.stderr


def test_an_unknown_subscriber_is_told(failing: None, run: Run) -> None:
    refused = run("subscribers", "skip", "nobody", "1", *ON)

    assert refused.exit_code == 1
    assert "there is no subscriber 'nobody'; there are: " in refused.stderr
