"""An application of one side tells that the messages of the other are served elsewhere, and keeps nothing of them."""

from __future__ import annotations

import logging
import traceback
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from diptych.application import Application
from diptych.errors import ElsewhereError
from tests.faults.bank import balances, teller
from tests.write.domain import OpenAccount, bank


@pytest.fixture
async def queries(tmp_path: Path) -> AsyncIterator[Application]:
    """The side of queries, beside the whole application."""
    whole = Application(bank, teller, balances, events=f"sqlite:///{tmp_path}/bank.db")
    async with whole, whole.configured(only="queries") as side:
        yield side


async def test_refusing_a_command_again_and_again_takes_no_memory(queries: Application) -> None:
    lengths = []
    for _ in range(3):
        with pytest.raises(ElsewhereError) as refused:
            await queries.send(OpenAccount(owner="ann"))
        lengths.append(len(traceback.extract_tb(refused.tb)))

    assert lengths == lengths[:1] * 3


async def test_a_command_is_served_elsewhere_whatever_its_shape(
    queries: Application, caplog: pytest.LogCaptureFixture
) -> None:
    for body in (b'{"owner": 1}', b"{"):
        with pytest.raises(ElsewhereError, match="a command is served by another"):
            await queries.receive("OpenAccount", body)

    assert queries.audit.dropped == 0
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]
