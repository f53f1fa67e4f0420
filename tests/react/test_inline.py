"""In line, subscribers have reacted when `send` returns: nothing to wait for in a test."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from diptych.errors import ReactionError
from diptych.model.subscribers import Subscriber
from tests.react.listening import application, listening, moved, opened
from tests.write.domain import Move, Moved, OpenAccount, Opened


async def test_send_returns_after_the_subscribers_have_handled() -> None:
    ears, heard = listening()
    async with application(ears, subscribers="inline") as app:
        account = await opened(app)
        for amount in range(1, 20):
            await moved(app, account, amount)
            assert heard.amounts[-1] == amount
        await app.reacted()

    assert heard.amounts == list(range(1, 20))


async def test_what_a_handler_sends_is_handled_before_the_first_send_returns() -> None:
    (ears, heard), policy = listening(), Subscriber("policy")

    @policy.on
    async def give(event: Opened) -> None:
        (await app.send(Move(event.account, 10))).unwrap()

    @policy.on
    async def double(event: Moved) -> None:
        if event.amount < 40:
            (await app.send(Move(event.account, event.amount * 2))).unwrap()

    async with application(ears, policy, subscribers="inline") as app:
        await app.send(OpenAccount(owner="ada"))

        assert heard.amounts == [10, 20, 40]


async def test_a_command_that_is_only_tried_delivers_nothing() -> None:
    picky, calls = Subscriber("picky"), list[int]()

    @picky.on
    async def refuse(event: Moved) -> None:
        calls.append(event.amount)
        raise ValueError("no mail today")

    async with application(picky, subscribers="inline") as app:
        account = await opened(app)
        with pytest.raises(ReactionError):
            await app.send(Move(account, 1))

        await app.try_(Move(account, 2))

    assert calls == [1]


async def test_concurrent_commands_are_handled_once_each() -> None:
    ears, heard = listening()
    async with application(ears, subscribers="inline") as app:
        account = await opened(app)

        await asyncio.gather(*[app.send(Move(account, amount)) for amount in range(1, 30)])

        assert sorted(heard.amounts) == list(range(1, 30))


async def test_a_handler_that_raises_makes_send_raise_and_the_command_took_effect() -> None:
    picky, calls, (ears, heard) = Subscriber("picky"), list[int](), listening()

    @picky.on
    async def refuse(event: Moved) -> None:
        calls.append(event.amount)
        if len(calls) == 1:
            raise ValueError("no mail today")

    async with application(picky, ears, subscribers="inline") as app:
        account = await opened(app)
        with pytest.raises(ReactionError, match=r"'picky' stands at position 1: event 2 .* no mail today") as caught:
            await app.send(Move(account, 1))
        assert isinstance(caught.value.__cause__, ValueError)
        assert await app.head() == 2
        assert heard.amounts == [1], "the others go on"

        await moved(app, account, 2)

    assert calls == [1, 1, 2]


async def test_in_line_a_subscriber_that_another_process_runs_is_not_taken(tmp_path: Path) -> None:
    url, (ears, heard) = f"sqlite:///{tmp_path}/bank.db", listening()
    async with application(ears, events=url), application(ears, events=url, subscribers="inline") as app:
        with pytest.raises(ReactionError, match="another process runs it"):
            await app.send(OpenAccount(owner="ada"))

    assert len(heard.events) <= 1
