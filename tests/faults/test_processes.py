"""Several processes on the same SQLite files: nobody is refused the file, nobody waits long, nothing is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from diptych.model.results import Accepted, Refused
from diptych.write.execution import Execution
from tests.faults.bank import SHARED, GetBalance, application
from tests.faults.processes import line, process, rest
from tests.sizes import size
from tests.write.domain import Move, OpenAccount

BANK = "tests.faults.bank"
SECONDS = size(6, full=60)

pytestmark = [pytest.mark.fault, pytest.mark.timeout(SECONDS + 60)]


async def open_shared(folder: Path) -> None:
    async with application(folder) as app:
        (await app.send(OpenAccount(owner="both", account=SHARED))).unwrap()


def whole_lines(said: bytes) -> list[str]:
    """Return what was said line by line, but for a last line that a kill cut short."""
    return said.rpartition(b"\n")[0].decode().splitlines()


def acknowledged(said: list[str]) -> dict[UUID, list[int]]:
    found: dict[UUID, list[int]] = {}
    for account, balance in (words.split() for words in said if not words.startswith("{")):
        found.setdefault(UUID(account), []).append(int(balance))
    return found


async def test_two_appenders_and_a_reader_share_the_files_and_a_runtime_takes_over(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    await open_shared(tmp_path)
    async with (
        process(BANK, "append", tmp_path, "first", 4) as first,
        process(BANK, "read", tmp_path, SHARED) as reader,
    ):
        assert await line(first) == await line(reader) == "ready"
        async with process(BANK, "append", tmp_path, "second", 4) as second:
            assert await line(second) == "ready"
            listening = [asyncio.ensure_future(each.stdout.read()) for each in (first, second) if each.stdout]
            done, _ = await asyncio.wait(listening, timeout=SECONDS / 2)
            assert not done, "an appender ended before its time"
            first.kill()
            said_first = whole_lines(await listening[0])
            done, _ = await asyncio.wait(listening[1:], timeout=SECONDS / 2)
            assert not done, "the second appender ended before its time"
            for each in (second, reader):
                assert each.stdin is not None
                each.stdin.close()
            said_second = whole_lines(await listening[1])
            told_reader = json.loads((await rest(reader))[-1])
            assert await second.wait() == await reader.wait() == 0

    async with application(tmp_path, "follow") as app:
        stored = await app.checkpoints()
        assert stored["balances"].epoch >= 2, "the second runtime did not take over"
    async with application(tmp_path) as app:
        await app.caught_up()
        assert (await app.check("balances")).is_right
        acks = [acknowledged(said_first), acknowledged(said_second)]
        shared = sorted(acks[0].pop(SHARED) + acks[1].pop(SHARED))
        lost = 1 if len(shared) < shared[-1] else 0  # the answer that was under way to the killed process
        assert len(set(shared)) == len(shared) == shared[-1] - lost
        for account, balances in {**acks[0], **acks[1]}.items():
            assert balances == list(range(1, len(balances) + 1))
            row = await app.ask(GetBalance(account))
            assert row is not None
            assert len(balances) <= row.amount <= len(balances) + 1
    longest = json.loads(said_second[-1])["longest"]
    assert longest < 1, f"a writer waited {longest} s"
    record_property("commands", sum(map(len, acks[0].values())) + sum(map(len, acks[1].values())) + len(shared))
    record_property("queries", told_reader["asked"])
    record_property("longest wait in s", round(longest, 3))


async def refused_then_funded(folder: Path) -> Any:
    """Refuse on a state that is then remembered; let another process change it; decide again."""
    async with application(folder) as app:
        account = (await app.send(OpenAccount(owner="ada"))).unwrap()
        assert isinstance(await app.send(Move(account, -10)), Refused)
        async with process(BANK, "move", folder, account, 10) as other:
            assert await other.wait() == 0
        return await app.send(Move(account, -10))


async def test_a_refusal_on_remembered_state_is_decided_again_when_another_process_changed_it(tmp_path: Path) -> None:
    result = await refused_then_funded(tmp_path)

    assert isinstance(result, Accepted)
    assert result.value == 0


async def test_a_planted_refusal_without_confirmation_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> bool:
        return False

    monkeypatch.setattr(Execution, "_outdated", never)

    assert isinstance(await refused_then_funded(tmp_path), Refused)
