"""The application described from its wiring: nothing is recorded that nobody reads, no read model that nobody asks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from diptych.cli import main as diptych

HERE = Path(__file__).parent


@pytest.mark.parametrize("write", ["sourced", "normalised"])
def test_every_event_is_used_every_read_model_is_read_and_every_message_is_tested(
    write: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_WRITE", write)

    told = CliRunner().invoke(diptych, ["describe", "orders.app:app", "--format", "json", "--tests", str(HERE)])

    found = json.loads(told.stdout)
    assert (found["unused_events"], found["unread_models"], found["untested"]) == ({}, [], [])
    assert "CreateOrder" in {command["name"] for command in found["commands"]}
    assert "SearchOrders" in {query["name"] for query in found["queries"]}
