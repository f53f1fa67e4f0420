"""`diptych describe` draws an application and opens nothing."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run


def test_an_application_is_described_without_being_opened(run: Run, folder: Path) -> None:
    before = sorted(path.name for path in folder.iterdir())

    shown = run("describe", "bank:app")

    assert shown.exit_code == 0
    assert "COMMANDS -> events" in shown.stdout
    assert [name for name in sorted(path.name for path in folder.iterdir()) if name != "__pycache__"] == before


@pytest.mark.parametrize(("form", "start"), [("json", "{"), ("mermaid", "flowchart LR\n"), ("svg", "<svg ")])
def test_it_is_drawn_in_every_format(run: Run, form: str, start: str) -> None:
    shown = run("describe", "--format", form)

    assert shown.exit_code == 0
    assert shown.stdout.startswith(start)


def test_messages_that_no_test_names_are_told(run: Run, folder: Path) -> None:
    (folder / "tests").mkdir()

    shown = run("describe", "--format", "json", "--tests", "tests")

    told = json.loads(shown.stdout)
    assert {each["name"] for each in told["commands"]} <= set(told["untested"])
